#ifndef SWOOSH_TESTS_FUZZ_FUZZ_TARGET_H_
#define SWOOSH_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

// What a fuzz target defines, under the name that libFuzzer calls: takes any bytes, and ends the
// process (SWOOSH_CHECK) when what the code under test promises does not hold for them. Returns 0.
// Keeps nothing from one call to the next.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace swoosh {

inline absl::string_view FuzzInput(const uint8_t* data, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(data), size);
}

}  // namespace swoosh

#endif  // SWOOSH_TESTS_FUZZ_FUZZ_TARGET_H_
