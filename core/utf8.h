#ifndef SWOOSH_CORE_UTF8_H_
#define SWOOSH_CORE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Thread-safe.
namespace swoosh {

bool IsValidUtf8(absl::string_view bytes);

// The number of code points. Requires valid UTF-8.
size_t CodePointCount(absl::string_view utf8);

// The largest size of at most `bytes_max` that does not cut a code point. Requires valid UTF-8.
size_t Utf8PrefixBytes(absl::string_view utf8, size_t bytes_max);

// False, and no effect, when there is no such character: a surrogate, or above U+10FFFF.
bool AppendCodePoint(uint32_t code_point, std::string* out);

}  // namespace swoosh

#endif  // SWOOSH_CORE_UTF8_H_
