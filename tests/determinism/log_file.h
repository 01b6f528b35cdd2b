#ifndef SWOOSH_TESTS_DETERMINISM_LOG_FILE_H_
#define SWOOSH_TESTS_DETERMINISM_LOG_FILE_H_

#include <cstdint>
#include <istream>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"

// A log in one file, for tests: the history id's size and bytes, then those of each record as
// stored. Sizes are 4 bytes, big-endian.
namespace swoosh {

inline void WritePart(absl::string_view bytes, std::ostream* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->put(static_cast<char>(bytes.size() >> shift));
  out->write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// False at the end.
inline bool ReadPart(std::istream* in, std::string* bytes) {
  unsigned char size[4];
  if (!in->read(reinterpret_cast<char*>(size), sizeof(size))) return false;
  bytes->resize(uint32_t{size[0]} << 24 | uint32_t{size[1]} << 16 | uint32_t{size[2]} << 8 |
                size[3]);
  return static_cast<bool>(in->read(bytes->data(), static_cast<std::streamsize>(bytes->size())));
}

}  // namespace swoosh

#endif  // SWOOSH_TESTS_DETERMINISM_LOG_FILE_H_
