#ifndef SWOOSH_TESTS_BENCH_REPLY_FIELDS_H_
#define SWOOSH_TESTS_BENCH_REPLY_FIELDS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace swoosh {

// Reads one number of a serialised protobuf message, without its schema and without parsing the
// rest: cheap enough for every reply of a measurement.

// The varint at `path`, field numbers from the outermost message inwards; 0 where a field is
// absent, as proto3 has it. Nothing where the bytes are no message.
std::optional<uint64_t> VarintField(absl::string_view message, const std::vector<uint32_t>& path);

// Whether the message has the field. False where the bytes are no message.
bool HasField(absl::string_view message, uint32_t field);

}  // namespace swoosh

#endif  // SWOOSH_TESTS_BENCH_REPLY_FIELDS_H_
