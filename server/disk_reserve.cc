#include "server/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr uint64_t kBlockBytes = 512;  // the unit of st_blocks
constexpr uint64_t kPartBytes = 1'048'576;

absl::Status SystemError(const std::string& path, int error) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message)
                                            : absl::UnavailableError(message);
}

}  // namespace

DiskReserve::DiskReserve(std::string path, uint64_t bytes)
    : path_(std::move(path)), bytes_(bytes) {}

absl::Status DiskReserve::Make(const std::function<uint64_t()>& free_bytes,
                               uint64_t free_bytes_min) {
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kFileMode);
  if (fd < 0) return SystemError(path_, errno);
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  int error = 0;
  for (uint64_t taken = 0; error == 0 && taken < bytes_;) {
    const uint64_t part = std::min(bytes_ - taken, kPartBytes);
    error = free_bytes() < free_bytes_min + part
                ? ENOSPC
                : posix_fallocate(fd, static_cast<off_t>(taken), static_cast<off_t>(part));
    taken += part;
  }
  if (error == 0) return absl::OkStatus();
  Release();
  return SystemError(path_, error);
}

void DiskReserve::Release() {
  // Where that fails there is none, or nothing to be done.
  if (truncate(path_.c_str(), 0) != 0) return;
}

bool DiskReserve::held() const {
  struct stat info;
  return stat(path_.c_str(), &info) == 0 && static_cast<uint64_t>(info.st_size) >= bytes_ &&
         static_cast<uint64_t>(info.st_blocks) * kBlockBytes >= bytes_;
}

}  // namespace swoosh
