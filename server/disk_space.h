#ifndef SWOOSH_SERVER_DISK_SPACE_H_
#define SWOOSH_SERVER_DISK_SPACE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/disk_reserve.h"

namespace swoosh {

// The low-water mark: below it the disk is nearly full. An eighth of the file system, but at most
// this, which is room for what LevelDB has in memory, its compactions and a snapshot's last bytes.
inline constexpr uint64_t kDiskFreeBytesMin = 64 * 1024 * 1024;
// What is set aside for them besides: a sixteenth, but at most this.
inline constexpr uint64_t kDiskReserveBytesMax = 32 * 1024 * 1024;
// Space that comes back is seen within this.
inline constexpr absl::Duration kDiskCheckInterval = absl::Milliseconds(100);

// Bytes that an unprivileged process can still write to the file system of `path`; UINT64_MAX when
// that can't be told.
uint64_t DiskFreeBytes(const std::string& path);
// Its whole size, likewise.
uint64_t DiskTotalBytes(const std::string& path);

// Whether both are on one file system; false when that can't be told.
bool OnSameDisk(const std::string& a, const std::string& b);

struct DiskMarks {
  uint64_t free_bytes_min = kDiskFreeBytesMin;  // the low-water mark
  uint64_t reserve_bytes = 0;
};
// Those of a file system of `total_bytes`.
DiskMarks DiskMarksFor(uint64_t total_bytes);

// Refuses proposals before the disk is full, because a write that fails ends the process. Looks at
// most every `interval`, and after an eighth of the low-water mark was written.
//
// It also keeps a reserve: below half of the low-water mark that is given back, and it is taken
// again when that leaves the whole mark free. Space that was given back does not count as free. A
// thread sees to it, so that nobody who asks waits for the disk.
//
// Thread-safe, except StartWatching.
class DiskSpace {
 public:
  // `free_bytes` is called from any thread. Without a `reserve` none is kept.
  explicit DiskSpace(std::function<uint64_t()> free_bytes,
                     uint64_t free_bytes_min = kDiskFreeBytesMin,
                     absl::Duration interval = kDiskCheckInterval,
                     std::unique_ptr<DiskReserve> reserve = nullptr);
  ~DiskSpace();
  DiskSpace(const DiskSpace&) = delete;
  DiskSpace& operator=(const DiskSpace&) = delete;

  // Gives the reserve back where it is needed; for before the log is opened, which takes space too.
  void ReleaseReserveIfNeeded() { TendReserve(/*may_take=*/false); }
  // Takes the reserve where there is room, and starts the thread.
  void StartWatching();
  // What the thread does every `interval`. May wait for the disk.
  void TendReserve(bool may_take = true) ABSL_LOCKS_EXCLUDED(tend_mutex_, mutex_);

  // kResourceExhausted: DISK_NEARLY_FULL, with how much is left.
  absl::Status Check() ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether `bytes` more leave half of the low-water mark: kResourceExhausted (no reason of ours).
  // Looks in any case.
  absl::Status CheckRoomFor(uint64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  // So much was written since. Quick.
  void Wrote(uint64_t bytes) { written_bytes_.fetch_add(bytes, std::memory_order_relaxed); }

  bool nearly_full() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t reserve_held_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class Reserve : uint8_t {
    kNone,  // none is kept, or the file system has refused one
    kHeld,
    kOwed,
  };

  void Watch() ABSL_LOCKS_EXCLUDED(tend_mutex_, mutex_);
  Reserve ReserveNow(uint64_t free_bytes, bool may_take) ABSL_EXCLUSIVE_LOCKS_REQUIRED(tend_mutex_);
  void Look() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<uint64_t()> free_bytes_;
  const uint64_t free_bytes_min_;
  const absl::Duration interval_;
  std::atomic<uint64_t> written_bytes_{0};

  absl::Mutex tend_mutex_;
  const std::unique_ptr<DiskReserve> reserve_;  // its file: tend_mutex_
  bool take_failed_ ABSL_GUARDED_BY(tend_mutex_) = false;

  mutable absl::Mutex mutex_;
  Reserve reserve_state_ ABSL_GUARDED_BY(mutex_) = Reserve::kNone;
  absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  uint64_t usable_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // what is free and not owed to the reserve
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_DISK_SPACE_H_
