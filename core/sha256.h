#ifndef SWOOSH_CORE_SHA256_H_
#define SWOOSH_CORE_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace swoosh {

// A SHA-256 digest (FIPS 180-4).
using Digest = std::array<uint8_t, 32>;

// The digest of the parts, one after the other. Thread-safe.
Digest Sha256(std::initializer_list<absl::string_view> parts);
Digest Sha256(absl::string_view bytes);

// A message, and where its digest goes. The message is the first `head_bytes` of `head` and then
// `body`, which must last as long as the job.
struct Sha256Job {
  static constexpr size_t kHeadBytesMax = 8;
  std::array<char, kHeadBytesMax> head;
  size_t head_bytes = 0;
  absl::string_view body;
  Digest* digest = nullptr;
};

// As Sha256 for each, in half the time where the processor has SHA instructions and neighbours are
// of like size. Thread-safe.
void Sha256All(absl::Span<const Sha256Job> jobs);

inline absl::string_view AsBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// 64 lower-case hexadecimal digits.
std::string ToHex(const Digest& digest);

}  // namespace swoosh

#endif  // SWOOSH_CORE_SHA256_H_
