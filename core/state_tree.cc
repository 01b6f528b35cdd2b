#include "core/state_tree.h"

#include <atomic>
#include <utility>

#include "core/check.h"
#include "core/state_tree_garbage.h"
#include "core/state_tree_node.h"
#include "core/state_tree_walk.h"

namespace swoosh {

using state_tree::FindLeaf;
using state_tree::Inner;
using state_tree::Leaf;
using state_tree::NibbleAt;
using state_tree::NodeRef;
using state_tree::Subtree;

// What the copies of one root share. The last one to go hands it back to the writer.
struct StateRoot::Hold {
  NodeRef root;
  Digest hash;
  size_t entry_count;
  uint64_t generation;
  mutable const Hold* next_released = nullptr;
};

// The nodes, and the writer's view of them. Kept by the StateTree and by every Hold.
struct StateTree::Core {
  ~Core();

  void Put(const Digest& path, const StateEntry& entry);
  void Erase(const Digest& path);
  const Digest& Hash();
  StateRoot::Hold* Seal();

  // Any thread. A list that is only pushed to, and taken as a whole, needs no lock.
  void GiveBack(const StateRoot::Hold* hold);

  state_tree::NodeHeap heap;
  state_tree::Garbage garbage{&heap};
  NodeRef root = NodeRef::None();
  Digest root_hash = state_tree::EmptyTreeHash();
  bool root_dirty = false;  // root_hash is not that of `root` yet
  size_t entry_count = 0;
  uint64_t generation = 1;  // of the group that is being edited

 private:
  NodeRef* Descend(NodeRef* slot, int nibble);
  NodeRef Split(NodeRef old_leaf, NodeRef new_leaf, const Digest& new_path, int depth);
  void EraseBelow(NodeRef* slot, const Digest& path, int depth);
  void Replace(NodeRef* slot, NodeRef node);
  void ReleaseGivenBack();

  std::atomic<const StateRoot::Hold*> released_{nullptr};
};

StateTree::Core::~Core() {
  ReleaseGivenBack();
  heap.FreeTree(root);
}

void StateTree::Core::Put(const Digest& path, const StateEntry& entry) {
  state_tree::PrefetchForCopy(root, path);
  // Before the nodes, since `entry` may lie in one that is freed below.
  const NodeRef leaf = NodeRef::Of(heap.NewLeaf(generation, entry));
  root_dirty = true;
  NodeRef* slot = &root;
  int depth = 0;
  for (; slot->is_inner(); ++depth) {
    const Inner& inner = *slot->inner();
    const int nibble = NibbleAt(path, depth);
    if (!inner.Has(nibble)) {
      ++entry_count;
      return Replace(slot, NodeRef::Of(heap.CopyWith(generation, inner, nibble, leaf)));
    }
    slot = Descend(slot, nibble);
  }
  if (slot->is_leaf() && slot->leaf()->key() == entry.key) return Replace(slot, leaf);
  ++entry_count;
  *slot = slot->is_none() ? leaf : Split(*slot, leaf, path, depth);
}

// Makes the inner node at `slot` one of this group's, to be edited in place, and returns the slot
// of its child, marked as dirty.
NodeRef* StateTree::Core::Descend(NodeRef* slot, int nibble) {
  if (slot->generation() != generation) {
    Replace(slot, NodeRef::Of(heap.Copy(generation, *slot->inner())));
  }
  Inner* const inner = slot->inner();
  inner->dirty |= Inner::Bit(nibble);
  return &inner->children()[inner->PositionOf(nibble)];
}

// The subtree at `depth` of two leaves with different keys: an inner node for each nibble that
// their paths have in common, and the fork.
NodeRef StateTree::Core::Split(NodeRef old_leaf, NodeRef new_leaf, const Digest& new_path,
                               int depth) {
  const Digest old_path = Sha256(old_leaf.leaf()->key());
  SWOOSH_CHECK(old_path != new_path);
  int fork = depth;
  while (NibbleAt(old_path, fork) == NibbleAt(new_path, fork)) ++fork;
  NodeRef subtree = NodeRef::Of(heap.NewFork(generation, NibbleAt(old_path, fork), old_leaf,
                                             NibbleAt(new_path, fork), new_leaf));
  while (--fork >= depth) {
    subtree = NodeRef::Of(heap.NewInner(generation, NibbleAt(new_path, fork), subtree));
  }
  return subtree;
}

void StateTree::Core::Erase(const Digest& path) {
  root_dirty = true;
  --entry_count;
  EraseBelow(&root, path, 0);
}

// Requires that the entry is there.
void StateTree::Core::EraseBelow(NodeRef* slot, const Digest& path, int depth) {
  if (slot->is_leaf()) return Replace(slot, NodeRef::None());
  const int nibble = NibbleAt(path, depth);
  NodeRef* const child = Descend(slot, nibble);
  EraseBelow(child, path, depth + 1);
  if (child->is_none()) {
    Replace(slot, NodeRef::Of(heap.CopyWithout(generation, *slot->inner(), nibble)));
  }
  // A subtree of one entry is that leaf.
  const Inner& inner = *slot->inner();
  if (inner.child_count() == 1 && inner.children()[0].is_leaf()) Replace(slot, inner.children()[0]);
}

void StateTree::Core::Replace(NodeRef* slot, NodeRef node) {
  const NodeRef old = std::exchange(*slot, node);
  if (old.generation() == generation) {
    heap.Free(old);
  } else {
    garbage.Supersede(old);
  }
}

const Digest& StateTree::Core::Hash() {
  if (root_dirty) {
    root_hash = root.is_none() ? state_tree::EmptyTreeHash() : state_tree::HashDirty(root);
    root_dirty = false;
  }
  return root_hash;
}

StateRoot::Hold* StateTree::Core::Seal() {
  Hash();
  ReleaseGivenBack();
  garbage.Hold(generation);
  garbage.Reclaim();
  return new StateRoot::Hold{root, root_hash, entry_count, generation++};
}

void StateTree::Core::GiveBack(const StateRoot::Hold* hold) {
  hold->next_released = released_.load(std::memory_order_relaxed);
  // Release: what the reader read of the nodes comes before the writer frees them.
  while (!released_.compare_exchange_weak(hold->next_released, hold, std::memory_order_release,
                                          std::memory_order_relaxed)) {
  }
}

void StateTree::Core::ReleaseGivenBack() {
  const StateRoot::Hold* hold = released_.exchange(nullptr, std::memory_order_acquire);
  while (hold != nullptr) {
    garbage.Release(hold->generation);
    delete std::exchange(hold, hold->next_released);
  }
}

StateTree::StateTree() : core_(std::make_shared<Core>()) {}
StateTree::~StateTree() = default;

bool StateTree::Find(const StateKey& key, StateEntry* entry) const {
  const Leaf* const leaf = FindLeaf(core_->root, key.path, key.bytes);
  if (leaf != nullptr) *entry = leaf->entry();
  return leaf != nullptr;
}

void StateTree::Prefetch(absl::Span<const StateKey* const> keys) const {
  state_tree::PrefetchLeaves(core_->root, keys);
}

void StateTree::Put(const StateKey& key, absl::string_view value, absl::string_view extra) {
  core_->Put(key.path, {key.bytes, value, extra});
}

bool StateTree::Erase(const StateKey& key) {
  if (FindLeaf(core_->root, key.path, key.bytes) == nullptr) return false;
  core_->Erase(key.path);
  return true;
}

const Digest& StateTree::Hash() { return core_->Hash(); }

StateRoot StateTree::Seal() {
  StateRoot root;
  // The deleter keeps the core, so that the nodes outlive a StateTree that goes first.
  root.hold_.reset(core_->Seal(),
                   [core = core_](const StateRoot::Hold* hold) { core->GiveBack(hold); });
  return root;
}

size_t StateTree::entry_count() const { return core_->entry_count; }
size_t StateTree::bytes_allocated() const { return core_->heap.bytes_allocated(); }

bool StateRoot::Find(const StateKey& key, StateEntry* entry) const {
  if (hold_ == nullptr) return false;
  const Leaf* const leaf = FindLeaf(hold_->root, key.path, key.bytes);
  if (leaf != nullptr) *entry = leaf->entry();
  return leaf != nullptr;
}

bool StateRoot::Walk(const StateCursor& from, absl::FunctionRef<bool(const StateEntry&)> visit,
                     StateCursor* next) const {
  return hold_ != nullptr && state_tree::Walk(hold_->root, from, visit, next);
}

size_t StateRoot::entry_count() const { return hold_ == nullptr ? 0 : hold_->entry_count; }

const Digest& StateRoot::hash() const {
  static const Digest empty = state_tree::EmptyTreeHash();
  return hold_ == nullptr ? empty : hold_->hash;
}

bool StateRoot::FirstDifference(const StateRoot& a, const StateRoot& b, std::string* key) {
  const auto whole = [](const StateRoot& root) {
    return Subtree{root.hold_ == nullptr ? NodeRef::None() : root.hold_->root, &root.hash()};
  };
  const Leaf* const leaf = state_tree::FirstDifference(whole(a), whole(b));
  if (leaf != nullptr) key->assign(leaf->key().data(), leaf->key().size());
  return leaf != nullptr;
}

}  // namespace swoosh
