#include "core/struct_value.h"

#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

using ProtoStruct = google::protobuf::Struct;
using ProtoValue = google::protobuf::Value;

// A place in a message, as links to the places around it: it becomes text only for an error.
struct Place {
  const Place* parent = nullptr;
  absl::string_view name = {};  // the field's, or the member's key
  size_t index = 0;             // the item's
  bool is_item = false;
};

bool IsPlainKey(absl::string_view key) {
  if (key.empty() || absl::ascii_isdigit(static_cast<unsigned char>(key[0]))) return false;
  for (const char c : key) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return true;
}

std::string PathOf(const Place& place) {
  if (place.parent == nullptr) return std::string(place.name);
  std::string path = PathOf(*place.parent);
  if (place.is_item) {
    absl::StrAppend(&path, "[", place.index, "]");
  } else if (IsPlainKey(place.name)) {
    absl::StrAppend(&path, ".", place.name);
  } else {
    absl::StrAppend(&path, "['",
                    IsValidUtf8(place.name) ? absl::Utf8SafeCHexEscape(place.name)
                                            : absl::CHexEscape(place.name),
                    "']");
  }
  return path;
}

absl::Status ErrorAt(const Place& place, absl::string_view description,
                     v1::ErrorReason reason = v1::INVALID_FIELD) {
  return InvalidField(PathOf(place), description, reason);
}

absl::Status TooDeep(const Place& place) {
  return ErrorAt(place, absl::StrCat("lists and maps nest more than ", kValueDepthMax, " deep"));
}

enum class Source { kClient, kStore };

absl::Status ConvertNumber(double number, const Place& place, Source source, Value* value) {
  constexpr double kMax = std::numeric_limits<double>::max();
  if (!(number >= -kMax && number <= kMax)) {
    return ErrorAt(place, "is not a finite number: JSON has no NaN or infinity");
  }
  if (source == Source::kClient && (number >= kExactIntegerMax || number <= -kExactIntegerMax)) {
    return ErrorAt(place,
                   absl::StrCat(ToJsonText(Value::Number(number)),
                                " is beyond 2^53 - 1, up to where a double holds every integer; "
                                "send it as a string"),
                   v1::NUMBER_INEXACT);
  }
  *value = Value::Number(number);
  return absl::OkStatus();
}

absl::Status ConvertValue(const ProtoValue& message, const Place& place, Source source, int depth,
                          Value* value);

absl::Status ConvertStruct(const ProtoStruct& message, const Place& place, Source source, int depth,
                           Value* value) {
  if (depth == kValueDepthMax) return TooDeep(place);
  Value::Map members(message.fields().size());
  size_t i = 0;
  for (const auto& [key, member] : message.fields()) {
    const Place member_place{.parent = &place, .name = key};
    if (!IsValidUtf8(key)) return ErrorAt(member_place, "the key is not valid UTF-8");
    members[i].first = key;
    const absl::Status status =
        ConvertValue(member, member_place, source, depth + 1, &members[i].second);
    if (!status.ok()) return status;
    ++i;
  }
  *value = Value::OfMap(std::move(members));
  return absl::OkStatus();
}

absl::Status ConvertList(const google::protobuf::ListValue& message, const Place& place,
                         Source source, int depth, Value* value) {
  if (depth == kValueDepthMax) return TooDeep(place);
  Value::List items(static_cast<size_t>(message.values_size()));
  for (size_t i = 0; i < items.size(); ++i) {
    const Place item_place{.parent = &place, .index = i, .is_item = true};
    const absl::Status status =
        ConvertValue(message.values(static_cast<int>(i)), item_place, source, depth + 1, &items[i]);
    if (!status.ok()) return status;
  }
  *value = Value::OfList(std::move(items));
  return absl::OkStatus();
}

absl::Status ConvertValue(const ProtoValue& message, const Place& place, Source source, int depth,
                          Value* value) {
  switch (message.kind_case()) {
    case ProtoValue::kNullValue:
      *value = Value();
      return absl::OkStatus();
    case ProtoValue::kBoolValue:
      *value = Value::Bool(message.bool_value());
      return absl::OkStatus();
    case ProtoValue::kNumberValue:
      return ConvertNumber(message.number_value(), place, source, value);
    case ProtoValue::kStringValue:
      if (!IsValidUtf8(message.string_value())) return ErrorAt(place, "is not valid UTF-8");
      *value = Value::String(message.string_value());
      return absl::OkStatus();
    case ProtoValue::kListValue:
      return ConvertList(message.list_value(), place, source, depth, value);
    case ProtoValue::kStructValue:
      return ConvertStruct(message.struct_value(), place, source, depth, value);
    case ProtoValue::KIND_NOT_SET:
      break;
  }
  return ErrorAt(place, "is a Value message without a kind; JSON's null is null_value");
}

void WriteProtoValue(const Value& value, WireWriter* writer) {
  const size_t before = writer->size();
  switch (value.kind()) {
    case Value::Kind::kNull:
      writer->WriteVarintField(ProtoValue::kNullValueFieldNumber, 0);
      return;
    case Value::Kind::kBool:
      writer->WriteVarintField(ProtoValue::kBoolValueFieldNumber, value.as_bool() ? 1 : 0);
      return;
    case Value::Kind::kNumber:
      writer->WriteDoubleField(ProtoValue::kNumberValueFieldNumber, value.as_number());
      return;
    case Value::Kind::kString:
      writer->WriteBytesField(ProtoValue::kStringValueFieldNumber, value.as_string());
      return;
    case Value::Kind::kList: {
      const Value::List& items = value.as_list();
      for (auto item = items.rbegin(); item != items.rend(); ++item) {
        const size_t before_item = writer->size();
        WriteProtoValue(*item, writer);
        writer->WriteMessageField(google::protobuf::ListValue::kValuesFieldNumber, before_item);
      }
      writer->WriteMessageField(ProtoValue::kListValueFieldNumber, before);
      return;
    }
    case Value::Kind::kMap:
      WriteStruct(value, writer);
      writer->WriteMessageField(ProtoValue::kStructValueFieldNumber, before);
      return;
  }
}

}  // namespace

absl::StatusOr<Value> FromStruct(const ProtoStruct& message, absl::string_view field) {
  Value value;
  const absl::Status status =
      ConvertStruct(message, Place{.name = field}, Source::kClient, 0, &value);
  if (!status.ok()) return status;
  return value;
}

absl::StatusOr<Value> FromProtoValue(const ProtoValue& message, absl::string_view field) {
  Value value;
  const absl::Status status =
      ConvertValue(message, Place{.name = field}, Source::kClient, 0, &value);
  if (!status.ok()) return status;
  return value;
}

absl::StatusOr<Value> RestoreStruct(const ProtoStruct& message, absl::string_view field) {
  Value value;
  const absl::Status status =
      ConvertStruct(message, Place{.name = field}, Source::kStore, 0, &value);
  if (!status.ok()) return status;
  return value;
}

absl::StatusOr<Value> RestoreProtoValue(const ProtoValue& message, absl::string_view field) {
  Value value;
  const absl::Status status =
      ConvertValue(message, Place{.name = field}, Source::kStore, 0, &value);
  if (!status.ok()) return status;
  return value;
}

void ToStruct(const Value& value, ProtoStruct* message) {
  SWOOSH_CHECK(value.is_map());
  message->clear_fields();
  auto& fields = *message->mutable_fields();
  for (const auto& [key, member] : value.as_map()) ToProtoValue(member, &fields[key]);
}

void ToProtoValue(const Value& value, ProtoValue* message) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      message->set_null_value(google::protobuf::NULL_VALUE);
      return;
    case Value::Kind::kBool:
      message->set_bool_value(value.as_bool());
      return;
    case Value::Kind::kNumber:
      message->set_number_value(value.as_number());
      return;
    case Value::Kind::kString:
      message->set_string_value(value.as_string());
      return;
    case Value::Kind::kList: {
      auto& items = *message->mutable_list_value()->mutable_values();
      items.Clear();
      items.Reserve(static_cast<int>(value.as_list().size()));
      for (const Value& item : value.as_list()) ToProtoValue(item, items.Add());
      return;
    }
    case Value::Kind::kMap:
      ToStruct(value, message->mutable_struct_value());
      return;
  }
}

void WriteStruct(const Value& value, WireWriter* writer) {
  // Of an entry of every map.
  constexpr int kKeyFieldNumber = 1;
  constexpr int kValueFieldNumber = 2;
  const Value::Map& members = value.as_map();
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    const size_t before = writer->size();
    WriteProtoValue(member->second, writer);
    writer->WriteMessageField(kValueFieldNumber, before);
    writer->WriteBytesField(kKeyFieldNumber, member->first);
    writer->WriteMessageField(ProtoStruct::kFieldsFieldNumber, before);
  }
}

}  // namespace swoosh
