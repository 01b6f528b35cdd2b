#include "server/disk_space.h"

#include <sys/statvfs.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/errors.h"

namespace swoosh {

uint64_t DiskFreeBytes(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) return UINT64_MAX;
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

DiskSpace::DiskSpace(std::function<uint64_t()> free_bytes, uint64_t free_bytes_min,
                     absl::Duration interval)
    : free_bytes_(std::move(free_bytes)), free_bytes_min_(free_bytes_min), interval_(interval) {}

absl::Status DiskSpace::Check() {
  const absl::Time now = absl::Now();
  absl::MutexLock lock(&mutex_);
  // A clock that went back counts as a reason to look.
  if (now - checked_ < interval_ && now >= checked_) return status_;
  checked_ = now;
  const uint64_t free_bytes = free_bytes_();
  if (free_bytes >= free_bytes_min_) {
    status_ = absl::OkStatus();
  } else {
    status_ = MakeError(absl::StatusCode::kResourceExhausted, v1::DISK_NEARLY_FULL,
                        absl::StrCat("the log's disk has ", free_bytes, " bytes left; below ",
                                     free_bytes_min_, " no proposals are accepted"));
  }
  return status_;
}

}  // namespace swoosh
