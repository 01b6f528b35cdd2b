#include "server/http/message_json.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/utf8.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace swoosh {
namespace {

using google::protobuf::FieldDescriptor;

// What errors call the whole, where no field of it is at fault.
constexpr char kWholeRequest[] = "request";
// How the library begins to say that a name is not known.
constexpr char kUnknownName[] = "Cannot find field.";

// Whether brackets, outside of strings, are open more than kJsonDepthMax deep anywhere. The library
// takes single quotes, too.
bool IsTooDeep(absl::string_view json) {
  int depth = 0;
  char quote = 0;  // that the string which is open will end with; 0: none is
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      if (++depth > kJsonDepthMax) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

// The library's "(PATH) NAME: what", "(PATH): what", "NAME: what", or of a text that is no JSON
// "what\nexcerpt\n  ^", as the error of a field.
absl::Status ReadingError(absl::string_view message) {
  const std::string safe(IsValidUtf8(message) ? std::string(message) : absl::CHexEscape(message));
  absl::string_view rest = safe;
  std::string field;
  if (absl::ConsumePrefix(&rest, "(")) {
    const size_t end = rest.find(')');
    if (end == absl::string_view::npos) return InvalidField(kWholeRequest, safe);
    field = std::string(rest.substr(0, end));
    rest = absl::StripLeadingAsciiWhitespace(rest.substr(end + 1));
  }
  const bool unknown = absl::EndsWith(rest, absl::StrCat(": ", kUnknownName));
  if (unknown) {
    const absl::string_view name = rest.substr(0, rest.size() - sizeof(kUnknownName) - 1);
    absl::StrAppend(&field, field.empty() ? "" : ".", name);
    return InvalidField(field, "there is no such field", v1::UNKNOWN_FIELD);
  }
  absl::ConsumePrefix(&rest, ": ");
  if (!field.empty()) return InvalidField(field, rest);
  const std::vector<absl::string_view> lines = absl::StrSplit(rest, '\n');
  const absl::string_view excerpt = lines.size() > 1 ? lines[1] : "";
  return InvalidField(kWholeRequest, absl::StrCat("must be a JSON object: ", lines[0],
                                                  excerpt.empty() ? "" : " Near: ", excerpt));
}

const FieldDescriptor* FindField(const google::protobuf::Descriptor& type,
                                 const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->name() == name || field->json_name() == name) return field;
  }
  return nullptr;
}

}  // namespace

absl::Status ReadJson(absl::string_view json, google::protobuf::Message* message) {
  if (IsTooDeep(json)) {
    return InvalidField(kWholeRequest,
                        absl::StrCat("must be nested no deeper than ", kJsonDepthMax, " brackets"));
  }
  google::protobuf::util::JsonParseOptions options;
  options.case_insensitive_enum_parsing = true;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), message, options);
  if (status.ok()) return absl::OkStatus();
  return ReadingError(absl::string_view(status.message().data(), status.message().size()));
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else if (i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
               absl::ascii_isxdigit(text[i + 2])) {
      decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      return InvalidField("URL", "must have two hexadecimal digits after each %");
    }
  }
  if (!IsValidUtf8(decoded)) return InvalidField("URL", "must be UTF-8");
  return decoded;
}

absl::StatusOr<Parameters> ParseQuery(absl::string_view query) {
  Parameters parameters;
  for (const absl::string_view part : absl::StrSplit(query, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    absl::StatusOr<std::string> name = PercentDecode(pair.first, /*plus_is_space=*/true);
    if (!name.ok()) return name.status();
    absl::StatusOr<std::string> value = PercentDecode(pair.second, /*plus_is_space=*/true);
    if (!value.ok()) return value.status();
    parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return parameters;
}

absl::Status ReadParameters(const Parameters& parameters, google::protobuf::Message* message) {
  // Numbers, truth values and enums may be text in JSON too, so the one reader serves.
  google::protobuf::Struct object;
  for (const auto& [name, value] : parameters) {
    const FieldDescriptor* field = FindField(*message->GetDescriptor(), name);
    if (field == nullptr) return InvalidField(name, "there is no such field", v1::UNKNOWN_FIELD);
    SWOOSH_CHECK(field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE);
    google::protobuf::Value& entry = (*object.mutable_fields())[field->json_name()];
    if (field->is_repeated()) {
      entry.mutable_list_value()->add_values()->set_string_value(value);
    } else if (entry.kind_case() != google::protobuf::Value::KIND_NOT_SET) {
      return InvalidField(field->name(), "must have one value");
    } else {
      entry.set_string_value(value);
    }
  }
  const absl::StatusOr<std::string> json = ToJson(object);
  return json.ok() ? ReadJson(*json, message) : json.status();
}

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  if (status.ok()) return json;
  return MakeError(
      absl::StatusCode::kInternal, v1::INTERNAL_BUG,
      absl::StrCat("no JSON can be made of a ", message.GetTypeName(), ": ",
                   absl::string_view(status.message().data(), status.message().size())));
}

std::string StatusToJson(google::rpc::Status status) {
  std::string json;
  if (google::protobuf::util::MessageToJsonString(status, &json).ok()) return json;
  status.clear_details();
  return ToJson(status).value_or("{}");
}

}  // namespace swoosh
