#include "core/json_value_for_test.h"

#include <string>
#include <utility>

#include "core/check.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace swoosh {
namespace {

Value Convert(const google::protobuf::Value& message) {
  switch (message.kind_case()) {
    case google::protobuf::Value::kNullValue:
      return Value();
    case google::protobuf::Value::kBoolValue:
      return Value::Bool(message.bool_value());
    case google::protobuf::Value::kNumberValue:
      return Value::Number(message.number_value());
    case google::protobuf::Value::kStringValue:
      return Value::String(message.string_value());
    case google::protobuf::Value::kListValue: {
      Value::List items;
      for (const auto& item : message.list_value().values()) items.push_back(Convert(item));
      return Value::OfList(std::move(items));
    }
    case google::protobuf::Value::kStructValue: {
      Value::Map members;
      for (const auto& [key, member] : message.struct_value().fields()) {
        members.emplace_back(key, Convert(member));
      }
      return Value::OfMap(std::move(members));
    }
    case google::protobuf::Value::KIND_NOT_SET:
      break;
  }
  SWOOSH_CHECK(false);
  return Value();
}

}  // namespace

Value JsonValueForTest(absl::string_view json) {
  google::protobuf::Value message;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message);
  if (!status.ok()) std::fprintf(stderr, "not JSON: %s\n", std::string(json).c_str());
  SWOOSH_CHECK(status.ok());
  return Convert(message);
}

}  // namespace swoosh
