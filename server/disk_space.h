#ifndef SWOOSH_SERVER_DISK_SPACE_H_
#define SWOOSH_SERVER_DISK_SPACE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace swoosh {

// Below this the disk is nearly full: room for the log's compactions and a snapshot's last bytes.
inline constexpr uint64_t kDiskFreeBytesMin = 64 * 1024 * 1024;
inline constexpr absl::Duration kDiskCheckInterval = absl::Milliseconds(500);

// Bytes that an unprivileged process can still write to the file system of `path`; UINT64_MAX when
// that can't be told.
uint64_t DiskFreeBytes(const std::string& path);

// Refuses proposals before the disk is full, because a write that fails ends the process.
// Thread-safe; cheap, for it looks only every `interval`.
class DiskSpace {
 public:
  // `free_bytes` is called under a lock.
  explicit DiskSpace(std::function<uint64_t()> free_bytes,
                     uint64_t free_bytes_min = kDiskFreeBytesMin,
                     absl::Duration interval = kDiskCheckInterval);

  // kResourceExhausted: DISK_NEARLY_FULL, with how much is left.
  absl::Status Check();

 private:
  const std::function<uint64_t()> free_bytes_;
  const uint64_t free_bytes_min_;
  const absl::Duration interval_;
  absl::Mutex mutex_;
  absl::Time checked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_DISK_SPACE_H_
