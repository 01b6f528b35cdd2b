#ifndef SWOOSH_CORE_STATE_ENTRY_H_
#define SWOOSH_CORE_STATE_ENTRY_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/sha256.h"

namespace swoosh {

// An entry's key and its path, which is SHA-256 of it: computed once for all that is done with it.
struct StateKey {
  StateKey() = default;
  StateKey(std::string key) : bytes(std::move(key)), path(Sha256(bytes)) {}
  StateKey(absl::string_view key) : StateKey(std::string(key)) {}
  StateKey(const char* key) : StateKey(std::string(key)) {}

  std::string bytes;
  Digest path = {};
};

// An entry as a reader sees it; valid while its root (or, from StateTree, the next edit) lasts.
struct StateEntry {
  absl::string_view key;
  absl::string_view value;  // hashed, with the key
  absl::string_view extra;  // kept beside it, not hashed (times)
};

// Where a walk over a root stopped: the path (SHA-256 of the key) of the next entry.
struct StateCursor {
  Digest at = {};
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATE_ENTRY_H_
