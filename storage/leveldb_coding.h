#ifndef SWOOSH_STORAGE_LEVELDB_CODING_H_
#define SWOOSH_STORAGE_LEVELDB_CODING_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

// Numbers and strings as LevelDB's files hold them (its util/coding.h): little-endian, or seven
// bits a byte.
namespace swoosh {

// Of the first sizeof(Number) bytes, which must be there.
template <typename Number>
Number ReadLittleEndian(absl::string_view bytes) {
  Number number = 0;
  for (size_t i = sizeof(Number); i-- > 0;) {
    number = static_cast<Number>((number << 8) | static_cast<unsigned char>(bytes[i]));
  }
  return number;
}

// Takes a varint from the front of `bytes`. False when there is none.
inline bool TakeVarint(absl::string_view* bytes, uint64_t* number) {
  *number = 0;
  for (int shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    *number |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Takes a varint with a length, and as many bytes. False when they are not there.
inline bool TakeString(absl::string_view* bytes, absl::string_view* string) {
  uint64_t size = 0;
  if (!TakeVarint(bytes, &size) || size > bytes->size()) return false;
  *string = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return true;
}

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LEVELDB_CODING_H_
