#include "core/state_tree_walk.h"

#include "core/check.h"

namespace swoosh::state_tree {
namespace {

class Walker {
 public:
  Walker(const StateCursor& from, absl::FunctionRef<bool(const StateEntry&)> visit,
         StateCursor* next)
      : from_(from), visit_(visit), next_(next) {}

  // Walks what is below `node`, in order. `on_edge`: the path to `node` is a prefix of the cursor,
  // so that part of what is below lies before it. Returns true once `next` is set.
  bool Walk(NodeRef node, int depth, bool on_edge) {
    if (node.is_none()) return false;
    if (node.is_leaf()) return WalkLeaf(*node.leaf(), on_edge);
    const Inner& inner = *node.inner();
    const int first = on_edge ? NibbleAt(from_.at, depth) : 0;
    // Nodes lie all over the memory: waiting for one at a time would take twice as long.
    for (size_t i = 0; i < inner.child_count(); ++i) inner.children()[i].Prefetch();
    for (int nibble = first; nibble < kChildrenMax; ++nibble) {
      if (Walk(inner.ChildAt(nibble), depth + 1, on_edge && nibble == first)) return true;
    }
    return false;
  }

 private:
  bool WalkLeaf(const Leaf& leaf, bool on_edge) {
    if (on_edge && Sha256(leaf.key()) < from_.at) return false;
    if (!stopped_) {
      stopped_ = !visit_(leaf.entry());
      return false;
    }
    next_->at = Sha256(leaf.key());
    return true;
  }

  const StateCursor from_;
  const absl::FunctionRef<bool(const StateEntry&)> visit_;
  StateCursor* const next_;
  bool stopped_ = false;
};

const Leaf* FirstLeaf(NodeRef node) {
  while (node.is_inner()) node = node.inner()->children()[0];
  return node.leaf();
}

// A subtree's children, where a leaf stands for an inner node with nothing else in it.
class Children {
 public:
  Children(const Subtree& parent, int depth) : parent_(parent) {
    if (parent.node.is_leaf()) leaf_nibble_ = NibbleAt(Sha256(parent.node.leaf()->key()), depth);
  }

  Subtree At(int nibble) const {
    if (parent_.node.is_leaf()) return nibble == leaf_nibble_ ? parent_ : Nothing();
    const Inner& inner = *parent_.node.inner();
    if (!inner.Has(nibble)) return Nothing();
    const size_t position = inner.PositionOf(nibble);
    return {inner.children()[position], &inner.hashes()[position]};
  }

 private:
  static Subtree Nothing() { return {NodeRef::None(), nullptr}; }

  const Subtree parent_;
  int leaf_nibble_ = 0;
};

const Leaf* FirstDifferenceBelow(const Subtree& a, const Subtree& b, int depth) {
  if (a.node.is_none()) return b.node.is_none() ? nullptr : FirstLeaf(b.node);
  if (b.node.is_none()) return FirstLeaf(a.node);
  if (*a.hash == *b.hash) return nullptr;
  if (a.node.is_leaf() && b.node.is_leaf() && a.node.leaf()->key() == b.node.leaf()->key()) {
    return a.node.leaf();
  }
  SWOOSH_CHECK(depth < kPathNibbles);
  const Children of_a(a, depth);
  const Children of_b(b, depth);
  for (int nibble = 0; nibble < kChildrenMax; ++nibble) {
    const Leaf* const leaf = FirstDifferenceBelow(of_a.At(nibble), of_b.At(nibble), depth + 1);
    if (leaf != nullptr) return leaf;
  }
  SWOOSH_CHECK(false);  // the hashes are different, so a child is
}

}  // namespace

bool Walk(NodeRef root, const StateCursor& from, absl::FunctionRef<bool(const StateEntry&)> visit,
          StateCursor* next) {
  return Walker(from, visit, next).Walk(root, 0, true);
}

const Leaf* FirstDifference(const Subtree& a, const Subtree& b) {
  return FirstDifferenceBelow(a, b, 0);
}

}  // namespace swoosh::state_tree
