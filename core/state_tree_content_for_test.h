#ifndef SWOOSH_CORE_STATE_TREE_CONTENT_FOR_TEST_H_
#define SWOOSH_CORE_STATE_TREE_CONTENT_FOR_TEST_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "core/state_tree.h"

// The content of a tree as plain values, to compare with a model.
namespace swoosh {

struct StateContentValue {
  std::string value;
  std::string extra;
  friend bool operator==(const StateContentValue&, const StateContentValue&) = default;
};
using StateContent = std::map<std::string, StateContentValue>;

inline std::string ToString(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }

inline StateContent ContentOf(const StateRoot& root) {
  StateContent content;
  StateCursor end;
  root.Walk(
      {},
      [&content](const StateEntry& entry) {
        content[ToString(entry.key)] = {ToString(entry.value), ToString(entry.extra)};
        return true;
      },
      &end);
  return content;
}

inline void PutAll(const StateContent& content, StateTree* tree) {
  for (const auto& [key, kept] : content) tree->Put(key, kept.value, kept.extra);
}

// Seals until no superseded node is left to free. Requires that no root is held.
inline void FreeSuperseded(StateTree* tree) {
  size_t bytes_before = 0;
  do {
    bytes_before = tree->bytes_allocated();
    tree->Seal();
  } while (tree->bytes_allocated() < bytes_before);
}

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATE_TREE_CONTENT_FOR_TEST_H_
