#include "core/state_tree_node.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>
#include <string>

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

// Copies the children of `from` and their hashes at [begin, end) to position `to_begin` of `to`.
void CopyChildren(const Inner& from, size_t begin, size_t end, Inner* to, size_t to_begin) {
  std::copy(from.children() + begin, from.children() + end, to->children() + to_begin);
  std::copy(from.hashes() + begin, from.hashes() + end, to->hashes() + to_begin);
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

const Leaf* FindLeaf(NodeRef root, const Digest& path, absl::string_view key) {
  NodeRef node = root;
  for (int depth = 0; node.is_inner(); ++depth) {
    node = node.inner()->ChildAt(NibbleAt(path, depth));
  }
  return node.is_leaf() && node.leaf()->key() == key ? node.leaf() : nullptr;
}

Digest EmptyTreeHash() { return Sha256(absl::string_view(&kEmptyTag, 1)); }

Digest HashOf(const Leaf& leaf) {
  std::string head(1, kLeafTag);
  AppendVarint(leaf.key_bytes, &head);
  return Sha256({head, {leaf.bytes(), leaf.key_bytes + size_t{leaf.value_bytes}}});
}

Digest HashOf(const Inner& inner) {
  SWOOSH_CHECK(inner.dirty == 0);
  const char head[] = {kInnerTag, static_cast<char>(inner.bitmap >> 8),
                       static_cast<char>(inner.bitmap & 0xff)};
  return Sha256(
      {{head, sizeof(head)},
       {reinterpret_cast<const char*>(inner.hashes()), inner.child_count() * sizeof(Digest)}});
}

Digest HashDirty(NodeRef node) {
  if (node.is_leaf()) return HashOf(*node.leaf());
  Inner* const inner = node.inner();
  // A node without dirty children may be of an older group and visible to readers: not written to.
  while (inner->dirty != 0) {
    const int nibble = absl::countr_zero(inner->dirty);
    const size_t position = inner->PositionOf(nibble);
    inner->hashes()[position] = HashDirty(inner->children()[position]);
    inner->dirty = static_cast<uint16_t>(inner->dirty & ~Inner::Bit(nibble));
  }
  return HashOf(*inner);
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
