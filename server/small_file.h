#ifndef SWOOSH_SERVER_SMALL_FILE_H_
#define SWOOSH_SERVER_SMALL_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace swoosh {

// The content of a file that somebody configured.
//   kNotFound, or as errno has it: it can't be read; the message names it
//   kInvalidArgument: it has more than `bytes_max` bytes
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t bytes_max);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SMALL_FILE_H_
