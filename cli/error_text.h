#ifndef SWOOSH_CLI_ERROR_TEXT_H_
#define SWOOSH_CLI_ERROR_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/text_table.h"

// Errors of RPCs, told to people. Thread-safe.
namespace swoosh {

// The code's name as gRPC spells it: "FAILED_PRECONDITION".
std::string CodeName(absl::StatusCode code);

// "FAILED_PRECONDITION GUARD_FALSE", or the code alone for an error without a reason.
std::string CodeAndReason(const absl::Status& status);

// "error: CODE REASON: message", then a line for each field violation beyond the message, and what
// a Denial tells: each edge with its guard and the values that made it false, the events that are
// enabled now, and which of these `event` may have been meant to be. `event` is "" when the request
// was not of one event. Every line with its line break.
std::string ErrorText(const absl::Status& status, absl::string_view event, const Palette& palette);

}  // namespace swoosh

#endif  // SWOOSH_CLI_ERROR_TEXT_H_
