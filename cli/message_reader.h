#ifndef SWOOSH_CLI_MESSAGE_READER_H_
#define SWOOSH_CLI_MESSAGE_READER_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/document.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace swoosh {

// Where fields stand in the text that they were read from, by their path in the names of the .proto
// file, as servers name them: "root.states[1].on[0].external_guard".
using FieldPositions = absl::flat_hash_map<std::string, Position>;

// Fills `message`, which must be empty, from its form in proto3's JSON mapping, read strictly:
//   - a field has its JSON name or the one of the .proto file; one that is not known is an error;
//   - a repeated field is a list, also of one element; null is the same as leaving a field out;
//   - enum values are names, in any case, or known numbers;
//   - a Duration is text, in seconds ("900s") or in parts ("1h30m", "250ms");
//   - of a oneof, one field at most;
//   - integers are whole and in range; text is no number, and a number is no text, but for 64-bit
//     integers, which the mapping writes as text;
//   - numbers in Struct and Value obey ToDouble.
//
// kInvalidArgument: "LINE:COLUMN: PATH: what is wrong", with the path as the text spells it. After
// an error `message` is unspecified. `positions` may be nullptr. Thread-safe.
absl::Status ReadMessage(const Node& node, google::protobuf::Message* message,
                         FieldPositions* positions);

// A map as the API's JSON messages have it. As ReadMessage; `path` begins the path in errors where
// it is not "".
absl::Status ReadStruct(const Node& node, absl::string_view path,
                        google::protobuf::Struct* message);

// "900s", "1.5s", "15m", "1h30m", "250ms". kInvalidArgument: no number with a unit (h, m, s, ms,
// us, ns), or beyond the 10,000 years that the message holds.
absl::StatusOr<google::protobuf::Duration> ParseDurationText(absl::string_view text);

}  // namespace swoosh

#endif  // SWOOSH_CLI_MESSAGE_READER_H_
