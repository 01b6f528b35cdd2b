#ifndef SWOOSH_CORE_STATE_ROOT_BUILDER_H_
#define SWOOSH_CORE_STATE_ROOT_BUILDER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "core/sha256.h"

namespace swoosh {

// Computes the root hash that a StateTree of the same entries has (core/state_tree.md), from the
// entries in the order of a walk, holding one path of the tree instead of all of it. It shares no
// code with the tree: what is checked with it was hashed by other code than what checks it.
//
// The prefix that the path of an entry shares with that of the one before tells where the tree
// forks between the two; with that the entry before has its place, and what lies below the fork is
// complete.
class StateRootBuilder {
 public:
  // Adds the next entry. False, and no effect, when its path (SHA-256 of the key) doesn't follow
  // that of the entry before.
  bool Add(absl::string_view key, absl::string_view value);

  uint64_t entry_count() const { return entry_count_; }

  // The root of all entries added. To be called once, last.
  Digest Finish();

 private:
  static constexpr int kPathNibbles = 2 * static_cast<int>(sizeof(Digest));
  static constexpr size_t kChildrenMax = 16;

  // An inner node, with the children that are complete.
  struct Node {
    uint16_t bitmap = 0;
    size_t child_count = 0;
    std::array<Digest, kChildrenMax> hashes;
  };

  void AddChild(int depth, const Digest& hash);
  // The hash of that node, which is left empty.
  Digest TakeNode(int depth);
  void PlaceLast(int fork_depth);

  uint64_t entry_count_ = 0;
  Digest last_path_ = {};
  Digest last_hash_ = {};
  // The inner nodes on the path to the last entry, at depths 0 to deepest_.
  int deepest_ = -1;
  std::array<Node, kPathNibbles> nodes_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATE_ROOT_BUILDER_H_
