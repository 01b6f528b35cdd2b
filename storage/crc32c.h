#ifndef SWOOSH_STORAGE_CRC32C_H_
#define SWOOSH_STORAGE_CRC32C_H_

#include <cstdint>
#include <initializer_list>

#include "absl/strings/string_view.h"

namespace swoosh {

// The checksum kind that file headers name. Others may follow.
inline constexpr uint32_t kChecksumKindCrc32c = 1;

// CRC-32C (Castagnoli) as in RFC 3720, appendix B.4: that of "123456789" is 0xe3069283.
// Thread-safe.
uint32_t Crc32c(absl::string_view bytes);
// Of the parts, one after the other.
uint32_t Crc32c(std::initializer_list<absl::string_view> parts);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_CRC32C_H_
