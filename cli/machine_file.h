#ifndef SWOOSH_CLI_MACHINE_FILE_H_
#define SWOOSH_CLI_MACHINE_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/document.h"
#include "cli/message_reader.h"
#include "core/statechart/machine.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// A machine as a user wrote it.
struct MachineFile {
  std::string path;
  v1::Machine machine;
  FieldPositions positions;  // of the machine's fields: "root.states[1].on[0].guard"
};

// Reads a text in JSON or YAML: by the path's extension (.json, .yaml, .yml), else JSON if it
// begins with '{'. Strict, as ReadMessage says; whether the machine makes sense is not asked.
// kInvalidArgument: "PATH:LINE:COLUMN: FIELD: what is wrong". Thread-safe.
absl::StatusOr<MachineFile> ParseMachineFile(const std::string& path, absl::string_view text);

// The same of a file, or of standard input for "-". Also the errors of ReadTextFile.
absl::StatusOr<MachineFile> ReadMachineFile(const std::string& path);

// Where the field stands, or the nearest one around it that the file has; {0, 0} when there is
// none.
Position FindPosition(const MachineFile& file, absl::string_view field);

// The definition compiled as the server would, to find its mistakes. kInvalidArgument:
// "PATH:LINE:COLUMN: FIELD: what is wrong", with the payloads that core gave.
absl::StatusOr<std::shared_ptr<const Machine>> CompileMachineFile(const MachineFile& file);

// Whether it compiles.
absl::Status CheckMachineFile(const MachineFile& file);

// The same error with the place in the file in front of its message, when its first field violation
// names a field of the file: `prefix` is what comes before the machine's own fields in the path, as
// in "transitions[0].register_machine.machine". Other errors are returned as they are.
absl::Status LocateError(const MachineFile& file, absl::string_view prefix,
                         const absl::Status& error);

}  // namespace swoosh

#endif  // SWOOSH_CLI_MACHINE_FILE_H_
