#ifndef SWOOSH_STORAGE_BIG_ENDIAN_H_
#define SWOOSH_STORAGE_BIG_ENDIAN_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// Numbers of a fixed size in files and keys: most significant byte first.
namespace swoosh {

template <typename Number>
void AppendBigEndian(Number number, std::string* out) {
  for (size_t i = sizeof(Number); i-- > 0;) out->push_back(static_cast<char>(number >> (8 * i)));
}

// Of the first sizeof(Number) bytes, which must be there.
template <typename Number>
Number ReadBigEndian(absl::string_view bytes) {
  Number number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    number = static_cast<Number>((number << 8) | static_cast<unsigned char>(bytes[i]));
  }
  return number;
}

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_BIG_ENDIAN_H_
