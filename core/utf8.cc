#include "core/utf8.h"

#include <cstring>

namespace swoosh {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The size of the well-formed sequence of two bytes or more at `at` (the table of Unicode 15,
// section 3.9, D92), or 0.
size_t MultibyteSize(const unsigned char* at, size_t available) {
  const unsigned char lead = at[0];
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (available < size) return 0;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
  if (lead == 0xE0) second_min = 0xA0;
  if (lead == 0xED) second_max = 0x9F;
  if (lead == 0xF0) second_min = 0x90;
  if (lead == 0xF4) second_max = 0x8F;
  if (at[1] < second_min || at[1] > second_max) return 0;
  for (size_t i = 2; i < size; ++i) {
    if (!IsContinuation(at[i])) return 0;
  }
  return size;
}

}  // namespace

bool IsValidUtf8(absl::string_view bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const unsigned char* const end = at + bytes.size();
  while (at != end) {
    if (end - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof(word));
      if ((word & kHighBits) == 0) {
        at += 8;
        continue;
      }
    }
    if (*at < 0x80) {
      ++at;
      continue;
    }
    const size_t size = MultibyteSize(at, static_cast<size_t>(end - at));
    if (size == 0) return false;
    at += size;
  }
  return true;
}

size_t CodePointCount(absl::string_view utf8) {
  size_t count = 0;
  for (const char c : utf8) count += !IsContinuation(static_cast<unsigned char>(c));
  return count;
}

size_t Utf8PrefixBytes(absl::string_view utf8, size_t bytes_max) {
  if (utf8.size() <= bytes_max) return utf8.size();
  size_t size = bytes_max;
  while (size > 0 && IsContinuation(static_cast<unsigned char>(utf8[size]))) --size;
  return size;
}

bool AppendCodePoint(uint32_t code_point, std::string* out) {
  const auto push = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0 | code_point >> 6);
    push(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    if (code_point >= 0xD800 && code_point <= 0xDFFF) return false;
    push(0xE0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  } else {
    if (code_point > 0x10FFFF) return false;
    push(0xF0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3F));
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  }
  return true;
}

}  // namespace swoosh
