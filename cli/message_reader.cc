#include "cli/message_reader.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "core/near_name.h"
#include "core/utf8.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"

namespace swoosh {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::ListValue;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;

constexpr int64_t kDurationSecondsMax = 315'576'000'000;
// Text that is shown in a message is cut after this.
constexpr size_t kShownBytesMax = 40;

// More names than this are not listed in a message.
constexpr size_t kNamesListedMax = 16;

std::string Shown(absl::string_view text) {
  if (text.size() <= kShownBytesMax) return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
  const absl::string_view shown = text.substr(0, Utf8PrefixBytes(text, kShownBytesMax));
  return absl::StrCat("\"", absl::Utf8SafeCEscape(shown), "...\"");
}

std::string Shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kBool:
      return node.boolean ? "true" : "false";
    case Node::Kind::kNumber:
      return node.text;
    case Node::Kind::kString:
      return Shown(node.text);
    default:
      return std::string(KindName(node.kind));
  }
}

// As in JSON: {"id": "a"} for a message, "b" for text.
std::string ExampleOf(const FieldDescriptor& field, const Node& node) {
  if (field.type() == FieldDescriptor::TYPE_MESSAGE) return "{...}";
  return node.kind == Node::Kind::kString || node.kind == Node::Kind::kNumber ? Shown(node) : "...";
}

class MessageReader {
 public:
  explicit MessageReader(FieldPositions* positions) : positions_(positions) {}

  absl::Status Read(const Node& node, Message* message);
  absl::Status ReadStructAt(absl::string_view path, const Node& node, Struct* message) {
    if (!path.empty()) path_.push_back({path, path, -1});
    return ReadStruct(node, message);
  }

 private:
  // A step of the way from the outermost message: a field, or an element of the list before it.
  struct Step {
    absl::string_view written;  // as the text spells it
    absl::string_view name;     // as the .proto file does
    int index;                  // of an element; -1: a field
  };

  std::string Path(absl::string_view Step::*name) const {
    std::string path;
    for (const Step& step : path_) {
      if (step.index >= 0) {
        absl::StrAppend(&path, "[", step.index, "]");
      } else {
        absl::StrAppend(&path, path.empty() ? "" : ".", step.*name);
      }
    }
    return path;
  }

  absl::Status Error(const Position& position, absl::string_view what) const {
    const std::string path = Path(&Step::written);
    return TextError(position, path.empty() ? std::string(what) : absl::StrCat(path, ": ", what));
  }
  absl::Status Error(const Node& node, absl::string_view what) const {
    return Error(node.position, what);
  }
  absl::Status Expected(const Node& node, absl::string_view what) const {
    return Error(node, absl::StrCat("must be ", what, ", not ", Shown(node)));
  }

  void NotePosition(const Position& position) {
    if (positions_ != nullptr) positions_->emplace(Path(&Step::name), position);
  }

  absl::Status ReadMembers(const Node& node, Message* message);
  absl::Status ReadField(const Node& node, const FieldDescriptor& field, Message* message);
  absl::Status ReadList(const Node& node, const FieldDescriptor& field, Message* message);
  absl::Status ReadOne(const Node& node, const FieldDescriptor& field, Message* message);
  absl::Status ReadText(const Node& node, const FieldDescriptor& field, Message* message);
  absl::Status ReadEnum(const Node& node, const FieldDescriptor& field, Message* message);
  template <typename Integer>
  absl::StatusOr<Integer> ReadInteger(const Node& node);

  absl::Status ReadStruct(const Node& node, Struct* message);
  absl::Status ReadListValue(const Node& node, ListValue* message);
  absl::Status ReadValue(const Node& node, google::protobuf::Value* message);
  absl::Status ReadDuration(const Node& node, google::protobuf::Duration* message);
  absl::Status ReadTimestamp(const Node& node, google::protobuf::Timestamp* message);

  FieldPositions* const positions_;
  std::vector<Step> path_;
};

// The fields of a message by both of their names.
const FieldDescriptor* FindField(const Descriptor& descriptor, const std::string& key) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor* field = descriptor.field(i);
    if (field->json_name() == key || field->name() == key) return field;
  }
  return nullptr;
}

std::string UnknownField(const Descriptor& descriptor, const std::string& key) {
  std::vector<absl::string_view> names;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    names.push_back(descriptor.field(i)->json_name());
  }
  const absl::string_view near = NearestName(key, names);
  if (!near.empty()) return absl::StrCat("unknown field", DidYouMean(near));
  if (names.size() > kNamesListedMax) return "unknown field";
  return absl::StrCat("unknown field; there are ", absl::StrJoin(names, ", "));
}

absl::Status MessageReader::Read(const Node& node, Message* message) {
  const std::string& type = message->GetDescriptor()->full_name();
  if (type == "google.protobuf.Struct") return ReadStruct(node, static_cast<Struct*>(message));
  if (type == "google.protobuf.Value") {
    return ReadValue(node, static_cast<google::protobuf::Value*>(message));
  }
  if (type == "google.protobuf.ListValue") {
    return ReadListValue(node, static_cast<ListValue*>(message));
  }
  if (type == "google.protobuf.Duration") {
    return ReadDuration(node, static_cast<google::protobuf::Duration*>(message));
  }
  if (type == "google.protobuf.Timestamp") {
    return ReadTimestamp(node, static_cast<google::protobuf::Timestamp*>(message));
  }
  if (absl::StartsWith(type, "google.protobuf.")) {
    return Error(node, absl::StrCat("a ", type, " can't be read from a file"));
  }
  return ReadMembers(node, message);
}

absl::Status MessageReader::ReadMembers(const Node& node, Message* message) {
  if (node.kind != Node::Kind::kMap) return Expected(node, "a map");
  const Descriptor& descriptor = *message->GetDescriptor();
  std::vector<const FieldDescriptor*> seen;
  for (const Node::Member& member : node.members) {
    path_.push_back({member.key, member.key, -1});
    const FieldDescriptor* field = FindField(descriptor, member.key);
    if (field == nullptr) return Error(member.position, UnknownField(descriptor, member.key));
    path_.back().name = field->name();
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) {
      return Error(member.position, absl::StrCat("stands twice, as ", field->json_name(),
                                                 " and as ", field->name()));
    }
    seen.push_back(field);
    NotePosition(member.position);
    if (absl::Status status = ReadField(member.value, *field, message); !status.ok()) return status;
    path_.pop_back();
  }
  return absl::OkStatus();
}

absl::Status MessageReader::ReadField(const Node& node, const FieldDescriptor& field,
                                      Message* message) {
  // Only in a Value is null something of its own.
  const bool takes_null = !field.is_repeated() && field.type() == FieldDescriptor::TYPE_MESSAGE &&
                          field.message_type()->full_name() == "google.protobuf.Value";
  if (node.kind == Node::Kind::kNull && !takes_null) return absl::OkStatus();
  if (field.is_map()) return Error(node, "can't be read from a file");
  if (field.is_repeated()) return ReadList(node, field, message);
  if (const auto* oneof = field.real_containing_oneof(); oneof != nullptr) {
    const FieldDescriptor* other =
        message->GetReflection()->GetOneofFieldDescriptor(*message, oneof);
    if (other != nullptr) {
      return Error(node, absl::StrCat("can't stand beside ", other->json_name(),
                                      "; only one of them is allowed"));
    }
  }
  return ReadOne(node, field, message);
}

absl::Status MessageReader::ReadList(const Node& node, const FieldDescriptor& field,
                                     Message* message) {
  if (node.kind != Node::Kind::kList) {
    return Error(node, absl::StrCat("must be a list, as in [", ExampleOf(field, node), "]"));
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    path_.push_back({"", "", static_cast<int>(i)});
    NotePosition(item.position);
    if (item.kind == Node::Kind::kNull) return Error(item, "an element of a list can't be null");
    if (absl::Status status = ReadOne(item, field, message); !status.ok()) return status;
    path_.pop_back();
  }
  return absl::OkStatus();
}

// Sets a field, or adds to a repeated one.
#define SWOOSH_PUT(Type, value)                                       \
  (field.is_repeated() ? reflection.Add##Type(message, &field, value) \
                       : reflection.Set##Type(message, &field, value))

absl::Status MessageReader::ReadOne(const Node& node, const FieldDescriptor& field,
                                    Message* message) {
  const Reflection& reflection = *message->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Read(node, field.is_repeated() ? reflection.AddMessage(message, &field)
                                            : reflection.MutableMessage(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return ReadText(node, field, message);
    case FieldDescriptor::CPPTYPE_ENUM:
      return ReadEnum(node, field, message);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (node.kind != Node::Kind::kBool) return Expected(node, "true or false");
      SWOOSH_PUT(Bool, node.boolean);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_UINT32: {
      const absl::StatusOr<uint32_t> number = ReadInteger<uint32_t>(node);
      if (number.ok()) SWOOSH_PUT(UInt32, *number);
      return number.status();
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      const absl::StatusOr<int32_t> number = ReadInteger<int32_t>(node);
      if (number.ok()) SWOOSH_PUT(Int32, *number);
      return number.status();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      const absl::StatusOr<uint64_t> number = ReadInteger<uint64_t>(node);
      if (number.ok()) SWOOSH_PUT(UInt64, *number);
      return number.status();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      const absl::StatusOr<int64_t> number = ReadInteger<int64_t>(node);
      if (number.ok()) SWOOSH_PUT(Int64, *number);
      return number.status();
    }
    default:
      // The contract has no other types.
      return Error(node, "can't be read from a file");
  }
}

absl::Status MessageReader::ReadText(const Node& node, const FieldDescriptor& field,
                                     Message* message) {
  const Reflection& reflection = *message->GetReflection();
  if (node.kind != Node::Kind::kString) {
    if (node.kind == Node::Kind::kNumber || node.kind == Node::Kind::kBool) {
      return Error(node, absl::StrCat("must be text: put it in quotes, \"", Shown(node), "\""));
    }
    return Expected(node, "text");
  }
  std::string text = node.text;
  if (field.type() == FieldDescriptor::TYPE_BYTES && !absl::Base64Unescape(node.text, &text) &&
      !absl::WebSafeBase64Unescape(node.text, &text)) {
    return Expected(node, "bytes in base64");
  }
  SWOOSH_PUT(String, std::move(text));
  return absl::OkStatus();
}

absl::Status MessageReader::ReadEnum(const Node& node, const FieldDescriptor& field,
                                     Message* message) {
  const Reflection& reflection = *message->GetReflection();
  const EnumDescriptor& type = *field.enum_type();
  std::vector<absl::string_view> names;
  const EnumValueDescriptor* found = nullptr;
  for (int i = 0; i < type.value_count(); ++i) {
    const EnumValueDescriptor* value = type.value(i);
    names.push_back(value->name());
    const bool same =
        node.kind == Node::Kind::kNumber
            ? node.text == absl::StrCat(value->number())
            : node.kind == Node::Kind::kString && absl::EqualsIgnoreCase(node.text, value->name());
    if (same) found = value;
  }
  if (found == nullptr) {
    const absl::string_view near = NearestName(absl::AsciiStrToUpper(node.text), names);
    return Error(node, absl::StrCat(Shown(node), " is none of ", absl::StrJoin(names, ", "),
                                    DidYouMean(near)));
  }
  SWOOSH_PUT(Enum, found);
  return absl::OkStatus();
}

#undef SWOOSH_PUT

template <typename Integer>
absl::StatusOr<Integer> MessageReader::ReadInteger(const Node& node) {
  // The mapping writes 64-bit integers as text.
  const bool readable = node.kind == Node::Kind::kNumber ||
                        (node.kind == Node::Kind::kString && sizeof(Integer) == sizeof(int64_t) &&
                         node.text.find_first_not_of("-0123456789") == std::string::npos);
  Integer number = 0;
  if (readable && absl::SimpleAtoi(node.text, &number)) return number;
  constexpr bool is_signed = std::numeric_limits<Integer>::is_signed;
  return Expected(node,
                  absl::StrCat(is_signed ? "a whole number of " : "a whole number from 0, of ",
                               sizeof(Integer) * 8, " bits"));
}

absl::Status MessageReader::ReadStruct(const Node& node, Struct* message) {
  if (node.kind != Node::Kind::kMap) return Expected(node, "a map");
  for (const Node::Member& member : node.members) {
    path_.push_back({member.key, member.key, -1});
    absl::Status status = ReadValue(member.value, &(*message->mutable_fields())[member.key]);
    if (!status.ok()) return status;
    path_.pop_back();
  }
  return absl::OkStatus();
}

absl::Status MessageReader::ReadListValue(const Node& node, ListValue* message) {
  if (node.kind != Node::Kind::kList) return Expected(node, "a list");
  for (size_t i = 0; i < node.items.size(); ++i) {
    path_.push_back({"", "", static_cast<int>(i)});
    absl::Status status = ReadValue(node.items[i], message->add_values());
    if (!status.ok()) return status;
    path_.pop_back();
  }
  return absl::OkStatus();
}

absl::Status MessageReader::ReadValue(const Node& node, google::protobuf::Value* message) {
  switch (node.kind) {
    case Node::Kind::kNull:
      message->set_null_value(google::protobuf::NULL_VALUE);
      return absl::OkStatus();
    case Node::Kind::kBool:
      message->set_bool_value(node.boolean);
      return absl::OkStatus();
    case Node::Kind::kNumber: {
      const absl::StatusOr<double> number = ToDouble(node.text);
      if (!number.ok()) return Error(node, number.status().message());
      message->set_number_value(*number);
      return absl::OkStatus();
    }
    case Node::Kind::kString:
      message->set_string_value(node.text);
      return absl::OkStatus();
    case Node::Kind::kList:
      return ReadListValue(node, message->mutable_list_value());
    case Node::Kind::kMap:
      return ReadStruct(node, message->mutable_struct_value());
  }
  return absl::OkStatus();
}

absl::Status MessageReader::ReadDuration(const Node& node, google::protobuf::Duration* message) {
  if (node.kind == Node::Kind::kString) {
    absl::StatusOr<google::protobuf::Duration> duration = ParseDurationText(node.text);
    if (!duration.ok()) return Error(node, duration.status().message());
    *message = *std::move(duration);
    return absl::OkStatus();
  }
  return Expected(node, "text with a unit, as in \"900s\", \"15m\" or \"1h30m\"");
}

absl::Status MessageReader::ReadTimestamp(const Node& node, google::protobuf::Timestamp* message) {
  absl::Time time;
  std::string unused;
  if (node.kind != Node::Kind::kString ||
      !absl::ParseTime(absl::RFC3339_full, node.text, &time, &unused)) {
    return Expected(node, "a time as in \"2024-05-31T12:00:00Z\"");
  }
  const int64_t seconds = absl::ToUnixSeconds(time);
  message->set_seconds(seconds);
  message->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadMessage(const Node& node, Message* message, FieldPositions* positions) {
  return MessageReader(positions).Read(node, message);
}

absl::Status ReadStruct(const Node& node, absl::string_view path, Struct* message) {
  return MessageReader(nullptr).ReadStructAt(path, node, message);
}

absl::StatusOr<google::protobuf::Duration> ParseDurationText(absl::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Shown(text),
                     " is no duration such as \"900s\", \"15m\", \"72h\", \"1h30m\" "
                     "or \"250ms\""));
  }
  absl::Duration rest;
  const int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  if (seconds > kDurationSecondsMax || seconds < -kDurationSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat(Shown(text), " is longer than 10,000 years"));
  }
  google::protobuf::Duration message;
  message.set_seconds(seconds);
  message.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return message;
}

}  // namespace swoosh
