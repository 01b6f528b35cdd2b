#ifndef SWOOSH_CLI_CONVERSION_XSTATE_ACTIONS_H_
#define SWOOSH_CLI_CONVERSION_XSTATE_ACTIONS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/conversion/refusals.h"
#include "cli/document.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// Appends what an XState `entry`, `exit` or `actions` does: one action or a list. A name is an
// emit of that name, with `params` as its data; xstate.raise a raise, or a send when it has a
// delay; xstate.cancel a cancel; xstate.emit an emit. Everything else is refused.
void ConvertXStateActions(const Node& node, absl::string_view where, Refusals* refusals,
                          google::protobuf::RepeatedPtrField<v1::Action>* actions);

// The name of an event that clients may send or the machine raise. Refuses what can't be one of
// ours; `what` says in the message what the name is of.
bool CheckXStateName(absl::string_view name, absl::string_view what, const Position& position,
                     absl::string_view where, Refusals* refusals);

// Milliseconds as JavaScript writes them: "1000", "0.5". Nothing when `text` is no such number.
std::optional<google::protobuf::Duration> ParseMilliseconds(absl::string_view text);

// The value as an expression; refuses a number that a double can't hold.
std::string ConstantExpression(const Node& node, absl::string_view where, Refusals* refusals);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_XSTATE_ACTIONS_H_
