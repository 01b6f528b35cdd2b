#ifndef SWOOSH_CORE_SHA256_H_
#define SWOOSH_CORE_SHA256_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace swoosh {

// A SHA-256 digest (FIPS 180-4).
using Digest = std::array<uint8_t, 32>;

// The digest of the parts, one after the other. Thread-safe.
Digest Sha256(std::initializer_list<absl::string_view> parts);
inline Digest Sha256(absl::string_view bytes) { return Sha256({bytes}); }

inline absl::string_view AsBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// 64 lower-case hexadecimal digits.
std::string ToHex(const Digest& digest);

}  // namespace swoosh

#endif  // SWOOSH_CORE_SHA256_H_
