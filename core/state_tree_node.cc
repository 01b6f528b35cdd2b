#include "core/state_tree_node.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>

#include "absl/container/inlined_vector.h"
#include "core/canonical.h"
#include "core/check.h"

namespace swoosh::state_tree {
namespace {

// What the hashed bytes of each kind of node begin with, so that none can pass for another.
constexpr char kLeafTag = 0x00;
constexpr char kInnerTag = 0x01;
constexpr char kEmptyTag = 0x02;

// As many loads as a core can wait for, about.
constexpr size_t kPrefetchedAtOnce = 16;
constexpr size_t kHashedAhead = 8;

constexpr size_t kCacheLineBytes = 64;
constexpr size_t kPrefetchedBytesMax = 1'024;
constexpr size_t kLeafKeySizeBytesMax = 5;  // of a varint below 2^32

size_t LeafBytes(const Leaf& leaf) {
  return sizeof(Leaf) + leaf.key_bytes + size_t{leaf.value_bytes} + leaf.extra_bytes;
}

size_t InnerBytes(size_t child_count) {
  return sizeof(Inner) + child_count * (sizeof(NodeRef) + sizeof(Digest));
}

uint32_t CheckedSize(absl::string_view bytes) {
  SWOOSH_CHECK(bytes.size() <= std::numeric_limits<uint32_t>::max());
  return static_cast<uint32_t>(bytes.size());
}

char* CopyBytes(absl::string_view from, char* to) {
  return std::copy(from.begin(), from.end(), to);
}

void PrefetchBytes(absl::string_view bytes) {
  for (size_t at = 0; at < bytes.size() && at < kPrefetchedBytesMax; at += kCacheLineBytes) {
    __builtin_prefetch(bytes.data() + at);
  }
}

// Copies the children of `from` and their hashes at [begin, end) to position `to_begin` of `to`.
void CopyChildren(const Inner& from, size_t begin, size_t end, Inner* to, size_t to_begin) {
  std::copy(from.children() + begin, from.children() + end, to->children() + to_begin);
  std::copy(from.hashes() + begin, from.hashes() + end, to->hashes() + to_begin);
}

Sha256Job JobOf(const Leaf& leaf) {
  static_assert(1 + kLeafKeySizeBytesMax <= Sha256Job::kHeadBytesMax);
  Sha256Job job;
  job.head[0] = kLeafTag;
  const char* const head_end = WriteVarint(leaf.key_bytes, job.head.data() + 1);
  job.head_bytes = static_cast<size_t>(head_end - job.head.data());
  job.body = {leaf.bytes(), leaf.key_bytes + size_t{leaf.value_bytes}};
  return job;
}

Sha256Job JobOf(const Inner& inner) {
  SWOOSH_CHECK(inner.dirty == 0);
  Sha256Job job;
  job.head = {kInnerTag, static_cast<char>(inner.bitmap >> 8),
              static_cast<char>(inner.bitmap & 0xff)};
  job.head_bytes = 3;
  job.body = {reinterpret_cast<const char*>(inner.hashes()), inner.child_count() * sizeof(Digest)};
  return job;
}

// Nodes to be hashed, a few at a time: what they read is fetched while others are hashed.
class HashQueue {
 public:
  // The hashes of the node's children must be there, not only queued.
  void Add(NodeRef node, Digest* hash) {
    Sha256Job& job = jobs_[count_++];
    job = node.is_leaf() ? JobOf(*node.leaf()) : JobOf(*node.inner());
    job.digest = hash;
    PrefetchBytes(job.body);
    if (count_ == jobs_.size()) Flush();
  }
  void Flush() {
    Sha256All(absl::MakeSpan(jobs_).subspan(0, count_));
    count_ = 0;
  }

 private:
  std::array<Sha256Job, 16> jobs_;
  size_t count_ = 0;
};

void PrefetchDirtyChildren(const Inner& inner) {
  for (uint16_t dirty = inner.dirty; dirty != 0; dirty &= static_cast<uint16_t>(dirty - 1)) {
    inner.children()[inner.PositionOf(absl::countr_zero(dirty))].Prefetch();
  }
}

// Queues the dirty children of `inner`, which then has none. A node without any may be of an older
// group and visible to readers: it is not written to.
void QueueDirtyChildren(Inner* inner, HashQueue* queue) {
  for (; inner->dirty != 0; inner->dirty &= static_cast<uint16_t>(inner->dirty - 1)) {
    const size_t position = inner->PositionOf(absl::countr_zero(inner->dirty));
    queue->Add(inner->children()[position], &inner->hashes()[position]);
  }
}

// The hashes of what is dirty below `root`. Depth by depth, since nodes of one depth don't wait for
// one another: neither for their hashes nor for memory.
void HashDirtyBelow(Inner* root, HashQueue* queue) {
  absl::InlinedVector<Inner*, 64> nodes = {root};  // those with dirty children, by depth
  absl::InlinedVector<size_t, 16> depth_begins;
  for (size_t next = 0; next < nodes.size();) {
    depth_begins.push_back(next);
    for (const size_t end = nodes.size(); next < end; ++next) {
      const Inner& inner = *nodes[next];
      for (uint16_t dirty = inner.dirty; dirty != 0; dirty &= static_cast<uint16_t>(dirty - 1)) {
        const NodeRef child = inner.children()[inner.PositionOf(absl::countr_zero(dirty))];
        if (!child.is_inner()) continue;
        child.Prefetch();
        nodes.push_back(child.inner());
      }
    }
  }
  for (size_t end = nodes.size(); end > 0; end = depth_begins.back(), depth_begins.pop_back()) {
    for (size_t i = depth_begins.back(); i < end; ++i) {
      if (i + kHashedAhead < end) PrefetchDirtyChildren(*nodes[i + kHashedAhead]);
      QueueDirtyChildren(nodes[i], queue);
    }
    queue->Flush();
  }
}

}  // namespace

void PrefetchLeaves(NodeRef root, absl::Span<const StateKey* const> keys) {
  std::array<NodeRef, kPrefetchedAtOnce> nodes;
  for (; !keys.empty(); keys.remove_prefix(std::min(keys.size(), nodes.size()))) {
    const size_t count = std::min(keys.size(), nodes.size());
    nodes.fill(root);
    bool deeper = root.is_inner();
    for (int depth = 0; deeper; ++depth) {
      deeper = false;
      for (size_t i = 0; i < count; ++i) {
        if (!nodes[i].is_inner()) continue;
        nodes[i] = nodes[i].inner()->ChildAt(NibbleAt(keys[i]->path, depth));
        if (!nodes[i].is_none()) nodes[i].Prefetch();
        deeper = deeper || nodes[i].is_inner();
      }
    }
  }
}

void PrefetchForCopy(NodeRef root, const Digest& path) {
  NodeRef node = root;
  for (int depth = 0; node.is_inner(); ++depth) {
    const Inner& inner = *node.inner();
    PrefetchBytes({reinterpret_cast<const char*>(inner.children()),
                   inner.child_count() * (sizeof(NodeRef) + sizeof(Digest))});
    node = inner.ChildAt(NibbleAt(path, depth));
  }
}

const Leaf* FindLeaf(NodeRef root, const Digest& path, absl::string_view key) {
  NodeRef node = root;
  for (int depth = 0; node.is_inner(); ++depth) {
    node = node.inner()->ChildAt(NibbleAt(path, depth));
  }
  return node.is_leaf() && node.leaf()->key() == key ? node.leaf() : nullptr;
}

Digest EmptyTreeHash() { return Sha256(absl::string_view(&kEmptyTag, 1)); }

Digest HashDirty(NodeRef root) {
  Digest hash;
  HashQueue queue;
  if (root.is_inner()) HashDirtyBelow(root.inner(), &queue);
  queue.Add(root, &hash);
  queue.Flush();
  return hash;
}

Leaf* NodeHeap::NewLeaf(uint64_t generation, const StateEntry& entry) {
  const Leaf header = {generation, CheckedSize(entry.key), CheckedSize(entry.value),
                       CheckedSize(entry.extra)};
  Leaf* const leaf = new (blocks_.Allocate(LeafBytes(header))) Leaf(header);
  char* at = CopyBytes(entry.key, leaf->bytes());
  at = CopyBytes(entry.value, at);
  CopyBytes(entry.extra, at);
  return leaf;
}

Inner* NodeHeap::NewInner(uint64_t generation, int nibble, NodeRef child) {
  Inner* const inner = AllocateInner(generation, Inner::Bit(nibble), Inner::Bit(nibble));
  inner->children()[0] = child;
  return inner;
}

Inner* NodeHeap::NewFork(uint64_t generation, int nibble_a, NodeRef a, int nibble_b, NodeRef b) {
  SWOOSH_CHECK(nibble_a != nibble_b);
  const uint16_t bits = Inner::Bit(nibble_a) | Inner::Bit(nibble_b);
  Inner* const inner = AllocateInner(generation, bits, bits);
  inner->children()[inner->PositionOf(nibble_a)] = a;
  inner->children()[inner->PositionOf(nibble_b)] = b;
  return inner;
}

Inner* NodeHeap::Copy(uint64_t generation, const Inner& from) {
  Inner* const inner = AllocateInner(generation, from.bitmap, from.dirty);
  CopyChildren(from, 0, from.child_count(), inner, 0);
  return inner;
}

Inner* NodeHeap::CopyWith(uint64_t generation, const Inner& from, int nibble, NodeRef child) {
  SWOOSH_CHECK(!from.Has(nibble));
  const uint16_t bit = Inner::Bit(nibble);
  Inner* const inner = AllocateInner(generation, from.bitmap | bit, from.dirty | bit);
  const size_t position = from.PositionOf(nibble);
  CopyChildren(from, 0, position, inner, 0);
  inner->children()[position] = child;
  CopyChildren(from, position, from.child_count(), inner, position + 1);
  return inner;
}

Inner* NodeHeap::CopyWithout(uint64_t generation, const Inner& from, int nibble) {
  SWOOSH_CHECK(from.Has(nibble));
  const int others = ~Inner::Bit(nibble);
  Inner* const inner = AllocateInner(generation, static_cast<uint16_t>(from.bitmap & others),
                                     static_cast<uint16_t>(from.dirty & others));
  const size_t position = from.PositionOf(nibble);
  CopyChildren(from, 0, position, inner, 0);
  CopyChildren(from, position + 1, from.child_count(), inner, position);
  return inner;
}

void NodeHeap::Free(NodeRef node) {
  if (node.is_leaf()) {
    blocks_.Free(node.leaf(), LeafBytes(*node.leaf()));
  } else {
    blocks_.Free(node.inner(), InnerBytes(node.inner()->child_count()));
  }
}

void NodeHeap::FreeTree(NodeRef node) {
  if (node.is_none()) return;
  if (node.is_inner()) {
    const Inner& inner = *node.inner();
    std::for_each(inner.children(), inner.children() + inner.child_count(),
                  [this](NodeRef child) { FreeTree(child); });
  }
  Free(node);
}

Inner* NodeHeap::AllocateInner(uint64_t generation, uint16_t bitmap, uint16_t dirty) {
  const auto child_count = static_cast<size_t>(absl::popcount(bitmap));
  return new (blocks_.Allocate(InnerBytes(child_count))) Inner{generation, bitmap, dirty};
}

}  // namespace swoosh::state_tree
