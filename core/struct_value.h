#ifndef SWOOSH_CORE_STRUCT_VALUE_H_
#define SWOOSH_CORE_STRUCT_VALUE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/value.h"
#include "core/wire_writer.h"
#include "google/protobuf/struct.pb.h"

namespace swoosh {

// The API's JSON messages as values, and back. Thread-safe. `field` names the place in messages
// ("transitions[0].send_event.data").
//
// kInvalidArgument, with a BadRequest violation naming the field and the path in it: NaN or an
// infinity, a number of 2^53 or more in magnitude (it can't be told from a rounded integer: reason
// NUMBER_INEXACT), a Value message without a kind, nesting beyond kValueDepthMax, invalid UTF-8.
absl::StatusOr<Value> FromStruct(const google::protobuf::Struct& message, absl::string_view field);
absl::StatusOr<Value> FromProtoValue(const google::protobuf::Value& message,
                                     absl::string_view field);

// The same for messages that ToStruct and ToProtoValue made, from records or the server's answers:
// numbers of 2^53 or more are taken, since expressions may compute them.
absl::StatusOr<Value> RestoreStruct(const google::protobuf::Struct& message,
                                    absl::string_view field);
absl::StatusOr<Value> RestoreProtoValue(const google::protobuf::Value& message,
                                        absl::string_view field);

// Requires a map.
void ToStruct(const Value& value, google::protobuf::Struct* message);
void ToProtoValue(const Value& value, google::protobuf::Value* message);

// The bytes of the message that ToStruct makes, as protobuf serialises it with its map entries in
// the order of their keys. Requires a map.
void WriteStruct(const Value& value, WireWriter* writer);

}  // namespace swoosh

#endif  // SWOOSH_CORE_STRUCT_VALUE_H_
