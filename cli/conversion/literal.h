#ifndef SWOOSH_CLI_CONVERSION_LITERAL_H_
#define SWOOSH_CLI_CONVERSION_LITERAL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/document.h"
#include "google/protobuf/struct.pb.h"

// Constants as text of the expression language (core/expression.md). Thread-safe.
namespace swoosh {

// 'text', with what can't stand in quotes escaped. Requires UTF-8.
std::string StringLiteral(absl::string_view text);

// An expression that gives the JSON value. kInvalidArgument names a number that a double can't hold
// (ToDouble).
absl::StatusOr<std::string> JsonLiteral(const Node& node);

// The same of a message. Its numbers must be finite, as they are in a registered machine's context.
std::string ValueLiteral(const google::protobuf::Value& value);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_LITERAL_H_
