#include "core/state_tree_garbage.h"

#include "gtest/gtest.h"

namespace swoosh::state_tree {
namespace {

class StateTreeGarbageTest : public testing::Test {
 protected:
  NodeRef NodeOf(uint64_t generation) {
    return NodeRef::Of(heap_.NewLeaf(generation, {"key", "value", "extra"}));
  }
  // Nodes that are not freed.
  size_t node_count() const { return heap_.bytes_allocated() / bytes_per_node_; }

  NodeHeap heap_;
  const size_t bytes_per_node_ = [] {
    NodeHeap heap;
    const NodeRef node = NodeRef::Of(heap.NewLeaf(1, {"key", "value", "extra"}));
    const size_t bytes = heap.bytes_allocated();
    heap.Free(node);
    return bytes;
  }();
  Garbage garbage_{&heap_};
};

TEST_F(StateTreeGarbageTest, ANodeThatNoRootSawIsFreedAtOnce) {
  garbage_.Supersede(NodeOf(1));
  EXPECT_EQ(node_count(), 0u);
  garbage_.Hold(1);
  garbage_.Supersede(NodeOf(2));
  EXPECT_EQ(node_count(), 0u);
}

TEST_F(StateTreeGarbageTest, ANodeIsKeptForTheRootsBetweenItsBirthAndItsEnd) {
  for (uint64_t generation : {1, 3, 5}) garbage_.Hold(generation);
  garbage_.Supersede(NodeOf(3));  // in generation 6: seen by 3 and 5
  garbage_.Hold(7);               // doesn't see it
  garbage_.Reclaim();
  EXPECT_EQ(node_count(), 1u);
  garbage_.Release(5);
  garbage_.Reclaim();
  EXPECT_EQ(node_count(), 1u);
  garbage_.Release(3);
  garbage_.Reclaim();
  EXPECT_EQ(node_count(), 0u);
}

TEST_F(StateTreeGarbageTest, RootsMayBeReleasedInAnyOrder) {
  for (uint64_t generation : {1, 2, 3, 4}) garbage_.Hold(generation);
  garbage_.Supersede(NodeOf(2));  // in generation 5: seen by 2, 3 and 4
  garbage_.Release(3);
  garbage_.Release(2);
  garbage_.Reclaim();
  EXPECT_EQ(node_count(), 1u);
  garbage_.Release(4);
  garbage_.Reclaim();
  EXPECT_EQ(node_count(), 0u) << "kept by root 1, which is older than the node";
}

TEST_F(StateTreeGarbageTest, AReclaimOfManyNodesIsBounded) {
  garbage_.Hold(1);
  const size_t count = 3 * kReclaimedNodesMin;
  for (size_t i = 0; i < count; ++i) garbage_.Supersede(NodeOf(1));
  garbage_.Reclaim();  // forgets how many were superseded
  garbage_.Release(1);
  for (size_t left = count; left > 0; left -= kReclaimedNodesMin) {
    ASSERT_EQ(node_count(), left);
    garbage_.Reclaim();
  }
  EXPECT_EQ(node_count(), 0u);
}

TEST_F(StateTreeGarbageTest, ReclaimingOutrunsGroupsOfAnySize) {
  constexpr size_t kGroupNodes = 10 * kReclaimedNodesMin;
  garbage_.Hold(1);
  for (uint64_t generation = 2; generation < 20; ++generation) {
    for (size_t i = 0; i < kGroupNodes; ++i) garbage_.Supersede(NodeOf(generation - 1));
    garbage_.Hold(generation);
    garbage_.Release(generation - 1);
    garbage_.Reclaim();
    EXPECT_EQ(node_count(), 0u);
  }
}

TEST_F(StateTreeGarbageTest, WhatIsLeftIsFreedAtTheEnd) {
  {
    Garbage garbage(&heap_);
    garbage.Hold(1);
    for (size_t i = 0; i < kReclaimedNodesMin; ++i) garbage.Supersede(NodeOf(1));
    garbage.Release(1);
    garbage.Hold(2);
    garbage.Supersede(NodeOf(2));
  }
  EXPECT_EQ(node_count(), 0u);
}

}  // namespace
}  // namespace swoosh::state_tree
