#ifndef SWOOSH_CLI_CONVERSION_XSTATE_IMPORT_H_
#define SWOOSH_CLI_CONVERSION_XSTATE_IMPORT_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// What a user decides about an import from XState.
struct XStateImportOptions {
  // The machine's name; "" = the config's id.
  std::string name;
  // Members without behaviour, for which a machine has no place, that are left out: any of
  // kXStateDroppable. The others are refused.
  absl::flat_hash_set<std::string> dropped;
};

inline constexpr const char* kXStateDroppable[] = {"description", "meta", "tags", "version"};

// The machine that the JSON of an XState v5 config describes (what createMachine takes), as
// xstate.md says: it does what XState v5 does with the config, or is refused. Whether it obeys the
// bounds of a definition is left to Machine::Compile.
//
// kInvalidArgument: "PATH:LINE:COLUMN: ELEMENT: what is wrong", a line each for what can't be
// expressed and for what is no JSON or no config. `path` is what the file is called. Thread-safe.
absl::StatusOr<v1::Machine> ImportXState(absl::string_view path, absl::string_view text,
                                         const XStateImportOptions& options);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_XSTATE_IMPORT_H_
