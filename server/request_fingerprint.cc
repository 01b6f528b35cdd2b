#include "server/request_fingerprint.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/canonical.h"
#include "core/check.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"

namespace swoosh {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr absl::string_view kPrefix = "swoosh.fingerprint.1";
constexpr int kNotRepeated = -1;

void AppendMessage(const Message& message, std::string* out);

uint64_t Bits(double number) {
  uint64_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  return bits;
}

// The value of a field that is no message, string or bytes; `at` is kNotRepeated or the position.
uint64_t ScalarBits(const Message& message, const FieldDescriptor* field, int at) {
  const Reflection& r = *message.GetReflection();
  const bool one = at == kNotRepeated;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return static_cast<uint64_t>(static_cast<int64_t>(
          one ? r.GetInt32(message, field) : r.GetRepeatedInt32(message, field, at)));
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<uint64_t>(one ? r.GetInt64(message, field)
                                       : r.GetRepeatedInt64(message, field, at));
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? r.GetUInt32(message, field) : r.GetRepeatedUInt32(message, field, at);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? r.GetUInt64(message, field) : r.GetRepeatedUInt64(message, field, at);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Bits(one ? r.GetDouble(message, field) : r.GetRepeatedDouble(message, field, at));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Bits(one ? r.GetFloat(message, field) : r.GetRepeatedFloat(message, field, at));
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? r.GetBool(message, field) : r.GetRepeatedBool(message, field, at);
    case FieldDescriptor::CPPTYPE_ENUM:
      return static_cast<uint64_t>(static_cast<int64_t>(
          one ? r.GetEnumValue(message, field) : r.GetRepeatedEnumValue(message, field, at)));
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  SWOOSH_CHECK(false);
}

void AppendFieldValue(const Message& message, const FieldDescriptor* field, int at,
                      std::string* out) {
  const Reflection& r = *message.GetReflection();
  const bool one = at == kNotRepeated;
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    AppendMessage(one ? r.GetMessage(message, field) : r.GetRepeatedMessage(message, field, at),
                  out);
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    std::string scratch;
    AppendBytes(one ? r.GetStringReference(message, field, &scratch)
                    : r.GetRepeatedStringReference(message, field, at, &scratch),
                out);
  } else {
    AppendUint64(ScalarBits(message, field, at), out);
  }
}

void AppendMap(const Message& message, const FieldDescriptor* field, int count, std::string* out) {
  const Reflection& r = *message.GetReflection();
  const FieldDescriptor* key_field = field->message_type()->map_key();
  std::vector<std::pair<std::string, const Message*>> entries;
  entries.reserve(count);
  for (int i = 0; i < count; ++i) {
    const Message& entry = r.GetRepeatedMessage(message, field, i);
    std::string key;
    AppendFieldValue(entry, key_field, kNotRepeated, &key);
    entries.emplace_back(std::move(key), &entry);
  }
  std::sort(entries.begin(), entries.end());
  for (const auto& [key, entry] : entries) AppendMessage(*entry, out);
}

void AppendMessage(const Message& message, std::string* out) {
  const Reflection& r = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(message, &fields);  // by rising number
  for (const FieldDescriptor* field : fields) {
    AppendVarint(static_cast<uint64_t>(field->number()), out);
    if (!field->is_repeated()) {
      AppendVarint(1, out);
      AppendFieldValue(message, field, kNotRepeated, out);
      continue;
    }
    const int count = r.FieldSize(message, field);
    AppendVarint(static_cast<uint64_t>(count), out);
    if (field->is_map()) {
      AppendMap(message, field, count, out);
    } else {
      for (int i = 0; i < count; ++i) AppendFieldValue(message, field, i, out);
    }
  }
  out->push_back('\0');  // no field has number 0
  const google::protobuf::UnknownFieldSet& unknown = r.GetUnknownFields(message);
  if (unknown.empty()) {
    AppendBytes("", out);
  } else {
    std::string bytes;
    unknown.SerializeToString(&bytes);
    AppendBytes(bytes, out);
  }
}

}  // namespace

Digest RequestFingerprint(const google::protobuf::RepeatedPtrField<v1::Transition>& transitions) {
  std::string canonical(kPrefix);
  for (const v1::Transition& transition : transitions) AppendMessage(transition, &canonical);
  return Sha256(canonical);
}

}  // namespace swoosh
