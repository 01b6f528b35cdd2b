#include "storage/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <climits>
#include <cstddef>

namespace swoosh {

namespace {

// `crc` is that of what comes before, neither inverted: the library leaves both inversions to its
// caller, and takes sizes as int.
uint32_t Extend(uint32_t crc, absl::string_view bytes) {
  while (!bytes.empty()) {
    const size_t size = std::min(bytes.size(), size_t{INT_MAX});
    // It doesn't write through the pointer.
    auto* const data =
        const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(size), crc);
    bytes.remove_prefix(size);
  }
  return crc;
}

}  // namespace

uint32_t Crc32c(absl::string_view bytes) { return ~Extend(~uint32_t{0}, bytes); }

uint32_t Crc32c(std::initializer_list<absl::string_view> parts) {
  uint32_t crc = ~uint32_t{0};
  for (const absl::string_view part : parts) crc = Extend(crc, part);
  return ~crc;
}

}  // namespace swoosh
