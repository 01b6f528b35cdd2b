#include "server/disk_space.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/errors.h"
#include "server/log_line.h"
#include "server/monotonic_time.h"
#include "server/serial_thread.h"

namespace swoosh {
namespace {

constexpr uint64_t kMarkPart = 8;      // of the file system
constexpr uint64_t kReservePart = 16;  // likewise
// Of the low-water mark: what may be written before the next look.
constexpr uint64_t kWrittenPart = 8;

std::optional<struct statvfs> FileSystemOf(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return info;
}

}  // namespace

uint64_t DiskFreeBytes(const std::string& path) {
  const auto info = FileSystemOf(path);
  return info.has_value() ? static_cast<uint64_t>(info->f_bavail) * info->f_frsize : UINT64_MAX;
}

uint64_t DiskTotalBytes(const std::string& path) {
  const auto info = FileSystemOf(path);
  return info.has_value() ? static_cast<uint64_t>(info->f_blocks) * info->f_frsize : UINT64_MAX;
}

bool OnSameDisk(const std::string& a, const std::string& b) {
  struct stat info_a;
  struct stat info_b;
  return stat(a.c_str(), &info_a) == 0 && stat(b.c_str(), &info_b) == 0 &&
         info_a.st_dev == info_b.st_dev;
}

DiskMarks DiskMarksFor(uint64_t total_bytes) {
  return {std::min(total_bytes / kMarkPart, kDiskFreeBytesMin),
          std::min(total_bytes / kReservePart, kDiskReserveBytesMax)};
}

DiskSpace::DiskSpace(std::function<uint64_t()> free_bytes, uint64_t free_bytes_min,
                     absl::Duration interval, std::unique_ptr<DiskReserve> reserve)
    : free_bytes_(std::move(free_bytes)),
      free_bytes_min_(free_bytes_min),
      interval_(interval),
      reserve_(std::move(reserve)) {}

DiskSpace::~DiskSpace() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void DiskSpace::StartWatching() {
  TendReserve();
  thread_ = std::thread([this] {
    NameThisThread("swoosh-disk");
    Watch();
  });
}

void DiskSpace::Watch() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), interval_)) return;
    }
    TendReserve();
  }
}

void DiskSpace::TendReserve(bool may_take) {
  absl::MutexLock tend_lock(&tend_mutex_);
  const Reserve reserve =
      reserve_ == nullptr ? Reserve::kNone : ReserveNow(free_bytes_(), may_take);
  absl::MutexLock lock(&mutex_);
  reserve_state_ = reserve;
  Look();
}

// Gives it back, or takes it, or leaves it as it is.
DiskSpace::Reserve DiskSpace::ReserveNow(uint64_t free_bytes, bool may_take) {
  if (reserve_->held()) {
    if (free_bytes >= free_bytes_min_ / 2) return Reserve::kHeld;
    reserve_->Release();
    LogLine(LogLevel::kWarn, "disk_reserve_released").With("bytes", reserve_->bytes());
    return Reserve::kOwed;
  }
  if (!may_take || free_bytes < free_bytes_min_ + reserve_->bytes()) {
    return take_failed_ ? Reserve::kNone : Reserve::kOwed;
  }
  const absl::Status taken = reserve_->Make(free_bytes_, free_bytes_min_);
  if (taken.ok()) {
    take_failed_ = false;
    return Reserve::kHeld;
  }
  if (absl::IsResourceExhausted(taken)) return Reserve::kOwed;  // others were faster
  if (!take_failed_) {
    LogLine(LogLevel::kWarn, "disk_reserve_failed").With("error", taken.message());
  }
  take_failed_ = true;
  return Reserve::kNone;
}

absl::Status DiskSpace::Check() {
  const absl::Time now = MonotonicNow();
  absl::MutexLock lock(&mutex_);
  const uint64_t written_bytes = written_bytes_.load(std::memory_order_relaxed);
  if (now - looked_ >= interval_ || written_bytes > free_bytes_min_ / kWrittenPart) Look();
  return status_;
}

absl::Status DiskSpace::CheckRoomFor(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  Look();
  const uint64_t kept_bytes = free_bytes_min_ / 2;
  if (usable_bytes_ >= kept_bytes && usable_bytes_ - kept_bytes >= bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("it would take about ", bytes,
                                                   " bytes, and the disk has ", usable_bytes_,
                                                   ", of which ", kept_bytes, " are kept free"));
}

bool DiskSpace::nearly_full() const {
  absl::MutexLock lock(&mutex_);
  return !status_.ok();
}

uint64_t DiskSpace::reserve_held_bytes() const {
  absl::MutexLock lock(&mutex_);
  return reserve_state_ == Reserve::kHeld ? reserve_->bytes() : 0;
}

void DiskSpace::Look() {
  looked_ = MonotonicNow();
  written_bytes_.store(0, std::memory_order_relaxed);
  const uint64_t free_bytes = free_bytes_();
  const uint64_t owed_bytes = reserve_state_ == Reserve::kOwed ? reserve_->bytes() : 0;
  usable_bytes_ = free_bytes > owed_bytes ? free_bytes - owed_bytes : 0;
  const bool was_ok = status_.ok();
  if (usable_bytes_ >= free_bytes_min_) {
    status_ = absl::OkStatus();
    if (!was_ok) LogLine(LogLevel::kInfo, "disk_has_room").With("free_bytes", usable_bytes_);
    return;
  }
  status_ = MakeError(absl::StatusCode::kResourceExhausted, v1::DISK_NEARLY_FULL,
                      absl::StrCat("the log's disk has ", usable_bytes_, " bytes left",
                                   owed_bytes > 0 ? " beside its reserve" : "", "; below ",
                                   free_bytes_min_, " no proposals are accepted"));
  if (!was_ok) return;
  LogLine(LogLevel::kWarn, "disk_nearly_full")
      .With("free_bytes", usable_bytes_)
      .With("free_bytes_min", free_bytes_min_);
}

}  // namespace swoosh
