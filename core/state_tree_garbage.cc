#include "core/state_tree_garbage.h"

#include <iterator>

#include "core/check.h"

namespace swoosh::state_tree {

Garbage::~Garbage() {
  for (auto& [generation, nodes] : held_) {
    for (NodeRef node : nodes) heap_->Free(node);
  }
  for (auto& [generation, nodes] : released_) {
    for (NodeRef node : nodes) heap_->Free(node);
  }
}

void Garbage::Release(uint64_t generation) {
  const auto root = held_.find(generation);
  SWOOSH_CHECK(root != held_.end());
  if (root->second.empty()) {
    held_.erase(root);
  } else {
    released_.insert(held_.extract(root));
  }
}

void Garbage::Supersede(NodeRef node) {
  ++superseded_count_;
  if (held_.empty() || held_.rbegin()->first < node.generation()) {
    heap_->Free(node);
  } else {
    held_.rbegin()->second.push_back(node);
  }
}

void Garbage::Reclaim() {
  size_t budget = kReclaimedNodesMin + kReclaimedNodesPerSuperseded * superseded_count_;
  superseded_count_ = 0;
  while (!released_.empty() && budget > 0) {
    const auto root = std::prev(released_.end());
    Nodes& nodes = root->second;
    const auto newer = held_.lower_bound(root->first);
    const auto older = newer == held_.begin() ? held_.end() : std::prev(newer);
    for (; !nodes.empty() && budget > 0; --budget) {
      const NodeRef node = nodes.back();
      nodes.pop_back();
      if (older == held_.end() || older->first < node.generation()) {
        heap_->Free(node);
      } else {
        older->second.push_back(node);
      }
    }
    if (nodes.empty()) released_.erase(root);
  }
}

}  // namespace swoosh::state_tree
