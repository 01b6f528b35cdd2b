#include "core/state_root_builder.h"

#include <algorithm>
#include <string>

#include "core/canonical.h"

namespace swoosh {
namespace {

constexpr char kLeafTag = 0x00;
constexpr char kInnerTag = 0x01;
constexpr char kEmptyTag = 0x02;

int NibbleOf(const Digest& path, int depth) {
  const uint8_t byte = path[static_cast<size_t>(depth / 2)];
  return depth % 2 == 0 ? byte >> 4 : byte & 0x0f;
}

// Requires that the two differ.
int SharedNibbles(const Digest& a, const Digest& b) {
  int depth = 0;
  while (NibbleOf(a, depth) == NibbleOf(b, depth)) ++depth;
  return depth;
}

}  // namespace

bool StateRootBuilder::Add(absl::string_view key, absl::string_view value) {
  const Digest path = Sha256(key);
  if (entry_count_ > 0) {
    if (!(last_path_ < path)) return false;
    PlaceLast(SharedNibbles(last_path_, path));
  }
  std::string head(1, kLeafTag);
  AppendVarint(key.size(), &head);
  last_hash_ = Sha256({head, key, value});
  last_path_ = path;
  ++entry_count_;
  return true;
}

Digest StateRootBuilder::Finish() {
  if (entry_count_ == 0) return Sha256(absl::string_view(&kEmptyTag, 1));
  // An entry alone is the root itself.
  if (deepest_ < 0) return last_hash_;
  PlaceLast(0);
  return TakeNode(0);
}

Digest StateRootBuilder::TakeNode(int depth) {
  Node& node = nodes_[static_cast<size_t>(depth)];
  const char head[] = {kInnerTag, static_cast<char>(node.bitmap >> 8),
                       static_cast<char>(node.bitmap & 0xff)};
  const Digest hash = Sha256(
      {{head, sizeof(head)},
       {reinterpret_cast<const char*>(node.hashes.data()), node.child_count * sizeof(Digest)}});
  node.bitmap = 0;
  node.child_count = 0;
  return hash;
}

void StateRootBuilder::AddChild(int depth, const Digest& hash) {
  Node& node = nodes_[static_cast<size_t>(depth)];
  node.bitmap = static_cast<uint16_t>(node.bitmap | 1u << NibbleOf(last_path_, depth));
  node.hashes[node.child_count++] = hash;
}

void StateRootBuilder::PlaceLast(int fork_depth) {
  // Its parent is the deeper of the forks from the entry before it and from the one after it.
  deepest_ = std::max(deepest_, fork_depth);
  AddChild(deepest_, last_hash_);
  for (; deepest_ > fork_depth; --deepest_) AddChild(deepest_ - 1, TakeNode(deepest_));
}

}  // namespace swoosh
