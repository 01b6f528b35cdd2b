#include "tests/bench/reply_fields.h"

#include <cstddef>

namespace swoosh {
namespace {

// protobuf.dev/programming-guides/encoding
constexpr uint32_t kVarint = 0;
constexpr uint32_t kFixed64 = 1;
constexpr uint32_t kLengthDelimited = 2;
constexpr uint32_t kFixed32 = 5;
constexpr int kVarintBytesMax = 10;

struct Field {
  uint32_t number = 0;
  uint32_t type = 0;
  uint64_t varint = 0;
  absl::string_view bytes;  // of a length-delimited one
};

std::optional<uint64_t> TakeVarint(absl::string_view* rest) {
  uint64_t value = 0;
  for (int i = 0; i < kVarintBytesMax && !rest->empty(); ++i) {
    const auto byte = static_cast<uint8_t>(rest->front());
    rest->remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::optional<Field> TakeField(absl::string_view* rest) {
  const std::optional<uint64_t> tag = TakeVarint(rest);
  if (!tag) return std::nullopt;
  Field field;
  field.number = static_cast<uint32_t>(*tag >> 3);
  field.type = static_cast<uint32_t>(*tag & 7);
  uint64_t size = 0;
  if (field.type == kVarint || field.type == kLengthDelimited) {
    const std::optional<uint64_t> number = TakeVarint(rest);
    if (!number) return std::nullopt;
    (field.type == kVarint ? field.varint : size) = *number;
  } else if (field.type == kFixed64) {
    size = sizeof(uint64_t);
  } else if (field.type == kFixed32) {
    size = sizeof(uint32_t);
  } else {
    return std::nullopt;
  }
  if (size > rest->size()) return std::nullopt;
  field.bytes = rest->substr(0, size);
  rest->remove_prefix(size);
  return field;
}

}  // namespace

std::optional<uint64_t> VarintField(absl::string_view message, const std::vector<uint32_t>& path) {
  for (size_t depth = 0; depth < path.size(); ++depth) {
    const bool innermost = depth + 1 == path.size();
    const uint32_t wanted = innermost ? kVarint : kLengthDelimited;
    std::optional<Field> found;
    while (!message.empty() && !found) {
      const std::optional<Field> field = TakeField(&message);
      if (!field) return std::nullopt;
      if (field->number == path[depth] && field->type == wanted) found = field;
    }
    if (!found) return 0;
    if (innermost) return found->varint;
    message = found->bytes;
  }
  return 0;
}

bool HasField(absl::string_view message, uint32_t field) {
  while (!message.empty()) {
    const std::optional<Field> next = TakeField(&message);
    if (!next) return false;
    if (next->number == field) return true;
  }
  return false;
}

}  // namespace swoosh
