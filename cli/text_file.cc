#include "cli/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr size_t kReadBytes = 65'536;
constexpr mode_t kFileMode = 0644;

absl::Status SystemError(absl::string_view path, int error) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

absl::Status WriteAll(int fd, absl::string_view path, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(path, errno);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadTextFile(const std::string& path, size_t bytes_max) {
  const bool standard_input = path == kStandardInput;
  const int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, errno);
  const auto closer = absl::MakeCleanup([fd, standard_input] {
    if (!standard_input) close(fd);
  });
  std::string content;
  while (true) {
    const size_t size = content.size();
    content.resize(size + kReadBytes);
    const ssize_t count = read(fd, content.data() + size, kReadBytes);
    content.resize(size + (count > 0 ? static_cast<size_t>(count) : 0));
    if (count < 0 && errno != EINTR) return SystemError(path, errno);
    if (count == 0) return content;
    if (content.size() > bytes_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": has more than ", bytes_max, " bytes"));
    }
  }
}

absl::Status WriteTextFileAtomically(const std::string& path, absl::string_view content) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
  if (fd < 0) return SystemError(temporary, errno);
  absl::Status status = WriteAll(fd, temporary, content);
  // Without it a power cut could leave the new name with no content.
  if (status.ok() && fdatasync(fd) != 0) status = SystemError(temporary, errno);
  if (close(fd) != 0 && status.ok()) status = SystemError(temporary, errno);
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(path, errno);
  }
  return status;
}

}  // namespace swoosh
