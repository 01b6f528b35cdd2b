#include "server/page_token.h"

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "google/protobuf/descriptor.h"

namespace swoosh {
namespace {

// A token, before base64: format version, binding, index (little-endian), key.
constexpr char kTokenVersion = 1;
constexpr size_t kBindingBytes = 8;
constexpr size_t kIndexBytes = 8;
constexpr size_t kHeaderBytes = 1 + kBindingBytes + kIndexBytes;

// What the token is bound to: the kind of list and its arguments.
std::string Binding(const google::protobuf::Message& request) {
  std::unique_ptr<google::protobuf::Message> arguments(request.New());
  arguments->CopyFrom(request);
  const auto* type = request.GetDescriptor();
  arguments->GetReflection()->ClearField(arguments.get(), type->FindFieldByName("page_token"));
  arguments->GetReflection()->ClearField(arguments.get(), type->FindFieldByName("page_size"));
  // These requests have no maps, so one binary always serialises them to the same bytes.
  const Digest digest = Sha256({type->full_name(), arguments->SerializeAsString()});
  return std::string(AsBytes(digest).substr(0, kBindingBytes));
}

std::string EncodeIndex(uint64_t index) {
  std::string bytes(kIndexBytes, '\0');
  for (size_t i = 0; i < kIndexBytes; ++i) bytes[i] = static_cast<char>(index >> (8 * i));
  return bytes;
}

uint64_t DecodeIndex(absl::string_view bytes) {
  uint64_t index = 0;
  for (size_t i = 0; i < kIndexBytes; ++i) {
    index |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return index;
}

}  // namespace

std::string EncodePageToken(const google::protobuf::Message& request,
                            const PagePosition& position) {
  return absl::WebSafeBase64Escape(absl::StrCat(absl::string_view(&kTokenVersion, 1),
                                                Binding(request), EncodeIndex(position.index),
                                                position.key));
}

absl::StatusOr<PagePosition> DecodePageToken(const google::protobuf::Message& request,
                                             absl::string_view token) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(token, &bytes) || bytes.size() < kHeaderBytes ||
      bytes[0] != kTokenVersion) {
    return InvalidField("page_token", "is not a next_page_token of this server");
  }
  if (bytes.compare(1, kBindingBytes, Binding(request)) != 0) {
    return InvalidField("page_token",
                        "was made for other arguments; a list's fields, page_size excepted, must "
                        "stay as they were for the first page");
  }
  PagePosition position;
  position.index = DecodeIndex(absl::string_view(bytes).substr(1 + kBindingBytes));
  position.key = bytes.substr(kHeaderBytes);
  return position;
}

}  // namespace swoosh
