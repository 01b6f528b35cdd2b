#ifndef SWOOSH_CORE_STATE_TREE_GARBAGE_H_
#define SWOOSH_CORE_STATE_TREE_GARBAGE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

#include "core/state_tree_node.h"

namespace swoosh::state_tree {

// Nodes freed or passed on by one Reclaim are at most kReclaimedNodesMin, and
// kReclaimedNodesPerSuperseded for each that was superseded since the Reclaim before. The first
// bounds the pause when a root with millions of superseded nodes is dropped; the second lets
// reclaiming outrun edits however large the groups are.
inline constexpr size_t kReclaimedNodesMin = 2'048;
inline constexpr size_t kReclaimedNodesPerSuperseded = 4;

// Superseded nodes, each until no held root can reach it.
//
// A node that generation `born` made and generation `superseded` replaced is reachable from the
// roots sealed in [born, superseded). So it waits with the newest held root of that range; when
// that one is released, with the next older held root, or is freed where that is older than `born`.
// A root held for long thereby keeps what it can reach and nothing younger, and neither a node nor
// its children need a reference count.
//
// Used by one thread. Generations only rise.
class Garbage {
 public:
  // `heap` must outlive this.
  explicit Garbage(NodeHeap* heap) : heap_(heap) {}
  // Frees all.
  ~Garbage();
  Garbage(const Garbage&) = delete;
  Garbage& operator=(const Garbage&) = delete;

  // A root of `generation`, the newest so far, is held from now on.
  void Hold(uint64_t generation) { held_.emplace_hint(held_.end(), generation, Nodes()); }
  // No reader has the root of `generation` any more. Requires that it was held.
  void Release(uint64_t generation);

  // The edits after the newest held root have no use for `node` any more. Frees it at once where
  // no held root can reach it.
  void Supersede(NodeRef node);

  // Frees nodes that no held root can reach, up to the bound above; the rest is for later calls.
  void Reclaim();

 private:
  // A queue in blocks: a vector of millions would have to be copied as it grows.
  using Nodes = std::deque<NodeRef>;
  using ByGeneration = std::map<uint64_t, Nodes>;

  NodeHeap* const heap_;
  size_t superseded_count_ = 0;  // since the last Reclaim
  ByGeneration held_;
  // Of roots that were released, and still to be looked through: the newest first, since its nodes
  // are the likeliest to be in the processor's caches.
  ByGeneration released_;
};

}  // namespace swoosh::state_tree

#endif  // SWOOSH_CORE_STATE_TREE_GARBAGE_H_
