#include "server/request_parsing.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/utf8.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace swoosh {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Messages deeper than this are refused by protobuf's own parser.
constexpr int kMessageDepthMax = 100;

// Walks the wire format of a message along its descriptor, since the parser says only that it
// failed. Returns true with `path` at the first string that is not UTF-8; false when there is none
// before the end, or before bytes that are no message.
bool FindInvalidUtf8(absl::string_view bytes, const Descriptor& type, int depth,
                     std::string* path) {
  if (depth > kMessageDepthMax) return false;
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  std::map<int, int> seen;  // of each repeated field, by number
  while (const uint32_t tag = in.ReadTag()) {
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    if (field == nullptr ||
        WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    std::string content;
    uint32_t size = 0;
    if (!in.ReadVarint32(&size) || !in.ReadString(&content, static_cast<int>(size))) return false;
    std::string here = field->name();
    if (field->is_repeated()) absl::StrAppend(&here, "[", seen[field->number()]++, "]");
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsValidUtf8(content)) {
      *path = here;
      return true;
    }
    std::string below;
    if (field->type() == FieldDescriptor::TYPE_MESSAGE &&
        FindInvalidUtf8(content, *field->message_type(), depth + 1, &below)) {
      *path = absl::StrCat(here, ".", below);
      return true;
    }
  }
  return false;
}

}  // namespace

absl::Status ExplainParseFailure(absl::string_view bytes, const Descriptor& type) {
  std::string path;
  if (FindInvalidUtf8(bytes, type, 1, &path)) return InvalidField(path, "must be UTF-8");
  return InvalidField("request", absl::StrCat("must be a serialised ", type.full_name(),
                                              ", nested no deeper than ", kMessageDepthMax));
}

}  // namespace swoosh
