#ifndef SWOOSH_CLI_PROTO_TEXT_H_
#define SWOOSH_CLI_PROTO_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "swoosh/v1/instance.pb.h"
#include "swoosh/v1/record.pb.h"
#include "swoosh/v1/transition.pb.h"

// The contract's messages as text. Thread-safe.
namespace swoosh {

// The proto3 JSON mapping: on one line, or indented. Details of an error whose type this program
// does not know are left out.
std::string ToJson(const google::protobuf::Message& message);
std::string ToIndentedJson(const google::protobuf::Message& message);

// One line of JSON with the keys in order, cut after `bytes_max`.
std::string ValueText(const google::protobuf::Value& value, size_t bytes_max);
std::string StructText(const google::protobuf::Struct& message, size_t bytes_max);

// "2024-05-31 12:00:00.250" in UTC; "" when unset.
std::string TimeText(const google::protobuf::Timestamp& time);

// Lower-case hexadecimal digits.
std::string HexText(absl::string_view bytes);

// The active states below the root, outermost first: "buying/charging".
std::string ConfigurationText(const google::protobuf::RepeatedPtrField<std::string>& configuration);

// "charge_card {...}, ship"
std::string EmittedText(const google::protobuf::RepeatedPtrField<v1::Emitted>& emitted);

// How a timer is called: "after.charging", "remind (r-1)" with the id given in the send,
// "retention".
std::string TimerName(const v1::Timer& timer);

// "after.charging in 15m, remind (r-1) in 72h", as of `now`; of many, the first ones and how many
// more there are.
std::string TimersText(const google::protobuf::RepeatedPtrField<v1::Timer>& timers,
                       const google::protobuf::Timestamp& now);

// What was asked for: "send o-1 card.charged", "create o-1 of order".
std::string TransitionText(const v1::Transition& transition);

// "RUNNING"
std::string StatusText(v1::Instance::Status status);

}  // namespace swoosh

#endif  // SWOOSH_CLI_PROTO_TEXT_H_
