#include "server/small_file.h"

#include <cerrno>
#include <fstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace swoosh {

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t bytes_max) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content(bytes_max + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad() || !file.is_open() || (file.gcount() == 0 && errno != 0)) {
    return absl::ErrnoToStatus(errno != 0 ? errno : EIO, path);
  }
  content.resize(file.gcount());
  if (content.size() > bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has more than ", bytes_max, " bytes"));
  }
  return content;
}

}  // namespace swoosh
