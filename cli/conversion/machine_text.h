#ifndef SWOOSH_CLI_CONVERSION_MACHINE_TEXT_H_
#define SWOOSH_CLI_CONVERSION_MACHINE_TEXT_H_

#include <string>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"
#include "swoosh/v1/machine.pb.h"

// Parts of a definition as text, for exports. Thread-safe.
namespace swoosh {

// The state's type, told from its content where it is not given.
v1::StateNode::Type TypeOf(const v1::StateNode& state);

// "900s", "1.5s"
std::string SecondsText(const google::protobuf::Duration& duration);

// "72h", "1m30s", "250ms"
std::string DelayText(const google::protobuf::Duration& duration);

// "emit ship {...}", "context.n = context.n + 1": one line as long as it takes.
std::string ActionText(const v1::Action& action);

// "ship, raise done": what is done, in order.
std::string ActionsText(const google::protobuf::RepeatedPtrField<v1::Action>& actions);

// UML's "trigger [guard] / actions"; any part may be missing.
std::string EdgeText(const v1::Edge& edge);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_MACHINE_TEXT_H_
