#include "core/statechart/definition_encoding.h"

#include "absl/strings/str_cat.h"
#include "core/canonical.h"
#include "core/errors.h"
#include "core/struct_value.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace swoosh {

absl::StatusOr<std::string> EncodeDefinition(const v1::Machine& definition,
                                             absl::string_view field) {
  v1::Machine bare = definition;
  bare.clear_version();
  bare.clear_semantics_version();
  bare.clear_definition_hash();
  std::string json;
  if (auto status = google::protobuf::util::MessageToJsonString(bare, &json); !status.ok()) {
    return InvalidField(field, absl::StrCat("has no JSON form: ", status.ToString()),
                        v1::INVALID_DEFINITION);
  }
  google::protobuf::Struct parsed;
  if (auto status = google::protobuf::util::JsonStringToMessage(json, &parsed); !status.ok()) {
    return InvalidField(field, absl::StrCat("has no JSON form: ", status.ToString()),
                        v1::INVALID_DEFINITION);
  }
  absl::StatusOr<Value> value = FromStruct(parsed, field);
  if (!value.ok()) return value.status();
  std::string encoded;
  AppendValue(*value, &encoded);
  return encoded;
}

absl::Status DecodeDefinition(absl::string_view encoded, v1::Machine* definition) {
  absl::StatusOr<Value> value = DecodeValue(encoded);
  if (!value.ok()) return value.status();
  if (!value->is_map()) return absl::DataLossError("a definition is a map");
  google::protobuf::Struct parsed;
  ToStruct(*value, &parsed);
  std::string json;
  auto status = google::protobuf::util::MessageToJsonString(parsed, &json);
  if (status.ok()) status = google::protobuf::util::JsonStringToMessage(json, definition);
  if (!status.ok()) {
    return absl::DataLossError(absl::StrCat("not a definition: ", status.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace swoosh
