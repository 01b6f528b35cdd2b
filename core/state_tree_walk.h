#ifndef SWOOSH_CORE_STATE_TREE_WALK_H_
#define SWOOSH_CORE_STATE_TREE_WALK_H_

#include "absl/functional/function_ref.h"
#include "core/sha256.h"
#include "core/state_entry.h"
#include "core/state_tree_node.h"

// What a reader does with whole trees. Thread-safe, on nodes of sealed groups.
namespace swoosh::state_tree {

// A node, or nothing, and its hash.
struct Subtree {
  NodeRef node;
  const Digest* hash;  // not read where there is no node
};

// As StateRoot::Walk.
bool Walk(NodeRef root, const StateCursor& from, absl::FunctionRef<bool(const StateEntry&)> visit,
          StateCursor* next);

// As StateRoot::FirstDifference: a leaf of one of the two, or nullptr when they are equal.
const Leaf* FirstDifference(const Subtree& a, const Subtree& b);

}  // namespace swoosh::state_tree

#endif  // SWOOSH_CORE_STATE_TREE_WALK_H_
