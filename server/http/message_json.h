#ifndef SWOOSH_SERVER_HTTP_MESSAGE_JSON_H_
#define SWOOSH_SERVER_HTTP_MESSAGE_JSON_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/rpc/status.pb.h"

// The contract's messages in proto3's JSON mapping, as `swooshctl -o json` has them: names in
// lowerCamelCase, 64-bit integers and bytes as text, what is at its default left out. What is read
// may have the names of the .proto files too, and enum names in any case. Thread-safe.
namespace swoosh {

// Lists and objects in lists and objects: deeper than any request that is accepted, and an end to
// what the library would do with a text of brackets only.
inline constexpr int kJsonDepthMax = 100;

// Fills `message`, which must be empty. kInvalidArgument, naming the field where there is one:
// INVALID_FIELD; UNKNOWN_FIELD. After an error `message` is unspecified.
absl::Status ReadJson(absl::string_view json, google::protobuf::Message* message);

// Name and value, decoded.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// A URL's query, "a=1&b=x%20y". kInvalidArgument: not percent-encoded UTF-8.
absl::StatusOr<Parameters> ParseQuery(absl::string_view query);

// What percent-encoding stands for. kInvalidArgument as above. `plus_is_space` as in a query.
absl::StatusOr<std::string> PercentDecode(absl::string_view text, bool plus_is_space);

// Fills `message`, whose fields are no messages: each parameter is a field, and a repeated field
// may have several. As ReadJson; also INVALID_FIELD for a field with two values.
absl::Status ReadParameters(const Parameters& parameters, google::protobuf::Message* message);

// On one line, without its end. kInternal (INTERNAL_BUG): what the contract does not allow, as a
// time beyond the year 9999.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message);

// Also details whose types this program does not know: without those.
std::string StatusToJson(google::rpc::Status status);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_MESSAGE_JSON_H_
