#ifndef SWOOSH_CLI_TEXT_FILE_H_
#define SWOOSH_CLI_TEXT_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Whole files. Errors name the path and errno's text.
namespace swoosh {

// The name that stands for standard input.
inline constexpr char kStandardInput[] = "-";

// The content of a file, or of standard input for "-". kNotFound; kResourceExhausted when it has
// more than `bytes_max`; kUnavailable for any other failure.
absl::StatusOr<std::string> ReadTextFile(const std::string& path, size_t bytes_max);

// Replaces the file as a whole: after a crash it holds the old content or the new. The folder must
// exist; a file beside it, with ".tmp" added to its name, is used on the way. kUnavailable.
absl::Status WriteTextFileAtomically(const std::string& path, absl::string_view content);

}  // namespace swoosh

#endif  // SWOOSH_CLI_TEXT_FILE_H_
