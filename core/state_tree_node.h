#ifndef SWOOSH_CORE_STATE_TREE_NODE_H_
#define SWOOSH_CORE_STATE_TREE_NODE_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "absl/numeric/bits.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/block_heap.h"
#include "core/sha256.h"
#include "core/state_entry.h"

// The nodes of the state tree: their layout in memory, their hashes, and the heap that they are
// made in. core/state_tree.md describes the tree.
//
// A node is written only by the group whose generation it bears, and only until that group is
// sealed; from then on any thread may read it, as long as it is kept from being freed.
namespace swoosh::state_tree {

// An entry's path is SHA-256 of its key, read as nibbles, the high one of each byte first.
inline constexpr int kPathNibbles = 64;
inline constexpr int kChildrenMax = 16;

inline int NibbleAt(const Digest& path, int depth) {
  const uint8_t byte = path[static_cast<size_t>(depth / 2)];
  return depth % 2 == 0 ? byte >> 4 : byte & 0x0f;
}

// One entry. Its key, value and extra follow it in the same allocation. Its hash is kept by its
// parent, its path is computed again when a split needs it.
struct Leaf {
  uint64_t generation;  // the group that made it
  uint32_t key_bytes;
  uint32_t value_bytes;
  uint32_t extra_bytes;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  absl::string_view key() const { return {bytes(), key_bytes}; }
  absl::string_view value() const { return {bytes() + key_bytes, value_bytes}; }
  absl::string_view extra() const { return {bytes() + key_bytes + value_bytes, extra_bytes}; }
  StateEntry entry() const { return {key(), value(), extra()}; }
};

struct Inner;

// A leaf, an inner node, or nothing. The lowest bit of the address tells the two kinds apart.
class NodeRef {
 public:
  NodeRef() = default;  // undefined, as an int
  static NodeRef None() { return NodeRef(0); }
  static NodeRef Of(Leaf* leaf) { return NodeRef(reinterpret_cast<uintptr_t>(leaf) | kLeafBit); }
  static NodeRef Of(Inner* inner) { return NodeRef(reinterpret_cast<uintptr_t>(inner)); }

  bool is_none() const { return bits_ == 0; }
  bool is_leaf() const { return (bits_ & kLeafBit) != 0; }
  bool is_inner() const { return !is_none() && !is_leaf(); }
  Leaf* leaf() const { return reinterpret_cast<Leaf*>(bits_ & ~kLeafBit); }  // requires is_leaf
  Inner* inner() const { return reinterpret_cast<Inner*>(bits_); }           // requires is_inner
  uint64_t generation() const;                                               // requires a node

  // Lets the processor fetch the first two cache lines of the node while it does something else.
  void Prefetch() const {
    const char* const address = reinterpret_cast<const char*>(bits_ & ~kLeafBit);
    __builtin_prefetch(address);
    __builtin_prefetch(address + 64);
  }

  friend bool operator==(NodeRef a, NodeRef b) { return a.bits_ == b.bits_; }

 private:
  static constexpr uintptr_t kLeafBit = 1;
  explicit NodeRef(uintptr_t bits) : bits_(bits) {}
  uintptr_t bits_;
};
static_assert(std::is_trivial_v<NodeRef>);

// Up to 16 subtrees, at least two entries in all. An array of children and one of their hashes
// follow it in the same allocation, sized to the number of children, in the order of nibbles.
struct Inner {
  uint64_t generation;  // the group that made it
  uint16_t bitmap;      // bit n: there is a child for nibble n
  uint16_t dirty;       // bit n: the hash of that child is not computed yet

  static uint16_t Bit(int nibble) { return static_cast<uint16_t>(1u << nibble); }
  bool Has(int nibble) const { return (bitmap & Bit(nibble)) != 0; }
  size_t child_count() const { return static_cast<size_t>(absl::popcount(bitmap)); }
  // The position in the arrays of the child for `nibble`, or where it would be inserted.
  size_t PositionOf(int nibble) const {
    return static_cast<size_t>(absl::popcount(static_cast<uint16_t>(bitmap & (Bit(nibble) - 1))));
  }

  NodeRef* children() { return reinterpret_cast<NodeRef*>(this + 1); }
  const NodeRef* children() const { return reinterpret_cast<const NodeRef*>(this + 1); }
  Digest* hashes() { return reinterpret_cast<Digest*>(children() + child_count()); }
  const Digest* hashes() const {
    return reinterpret_cast<const Digest*>(children() + child_count());
  }

  // Nothing when there is no such child.
  NodeRef ChildAt(int nibble) const {
    return Has(nibble) ? children()[PositionOf(nibble)] : NodeRef::None();
  }
};

inline uint64_t NodeRef::generation() const {
  return is_leaf() ? leaf()->generation : inner()->generation;
}

// Fetches what leads to the entries of those paths, and the entries, into the processor's caches.
// Many are waited for at once: the nodes of one path lead to one another, so that each would cost
// the memory's latency by itself.
void PrefetchLeaves(NodeRef root, absl::Span<const StateKey* const> keys);

// Fetches the whole of the inner nodes that lead to `path`, which are about to be copied. Requires
// that their beginnings are in the caches, to be of use.
void PrefetchForCopy(NodeRef root, const Digest& path);

// The leaf of the entry with that key, whose path is `path`; nullptr when there is none.
const Leaf* FindLeaf(NodeRef root, const Digest& path, absl::string_view key);

Digest EmptyTreeHash();
// Computes what is dirty below `root`, then the hash of `root` itself.
Digest HashDirty(NodeRef root);

// Makes and frees nodes, and counts their bytes. Used by one thread.
class NodeHeap {
 public:
  NodeHeap() = default;
  NodeHeap(const NodeHeap&) = delete;
  NodeHeap& operator=(const NodeHeap&) = delete;

  Leaf* NewLeaf(uint64_t generation, const StateEntry& entry);
  // Of one child, or two for different nibbles, with their hashes to be computed.
  Inner* NewInner(uint64_t generation, int nibble, NodeRef child);
  Inner* NewFork(uint64_t generation, int nibble_a, NodeRef a, int nibble_b, NodeRef b);
  Inner* Copy(uint64_t generation, const Inner& from);
  // A copy with one child more, or less. Requires that `nibble` is free, or taken.
  Inner* CopyWith(uint64_t generation, const Inner& from, int nibble, NodeRef child);
  Inner* CopyWithout(uint64_t generation, const Inner& from, int nibble);

  // That node alone, not what is below it.
  void Free(NodeRef node);
  // The node, if there is one, and everything below it.
  void FreeTree(NodeRef node);

  size_t bytes_allocated() const { return blocks_.bytes_allocated(); }

 private:
  Inner* AllocateInner(uint64_t generation, uint16_t bitmap, uint16_t dirty);

  BlockHeap blocks_;
};

}  // namespace swoosh::state_tree

#endif  // SWOOSH_CORE_STATE_TREE_NODE_H_
