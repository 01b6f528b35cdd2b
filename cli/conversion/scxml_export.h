#ifndef SWOOSH_CLI_CONVERSION_SCXML_EXPORT_H_
#define SWOOSH_CLI_CONVERSION_SCXML_EXPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// The machine as an SCXML document, as scxml.md describes: an import makes the same definition of
// it. Requires a machine that Machine::Compile accepts. kInvalidArgument: a text holds a character
// that XML can't, such as U+0001, or the context has a key that is "". Thread-safe.
absl::StatusOr<std::string> ExportScxml(const v1::Machine& machine);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_EXPORT_H_
