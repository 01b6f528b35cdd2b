#ifndef SWOOSH_STORAGE_FAULT_FILE_SYSTEM_H_
#define SWOOSH_STORAGE_FAULT_FILE_SYSTEM_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "storage/file_system.h"

namespace swoosh {

// A file system for tests that fails a chosen call, in one of the ways in which disks do.
// Thread-safe.
class FaultFileSystem : public FileSystem {
 public:
  enum class Call {
    // These change the disk, or make a change last:
    kCreate,
    kOverwrite,
    kWrite,
    kSync,
    kRename,
    kLink,
    kRemove,
    kSyncDirectory,
    // These look:
    kOpenToRead,
    kRead,
    kList,
    kSize,
    kLock,
  };

  struct Fault {
    // How many calls (of kind `only`, where set) go well first.
    uint64_t after = 0;
    std::optional<Call> only = std::nullopt;
    // All such calls from then on fail, not one alone.
    bool for_good = false;
    // A write that fails has written its first half (a short write).
    bool tear = false;
    // Without `only`, calls that only look count and fail too.
    bool looks = false;
    // The call does its work, and then says that it failed.
    bool done = false;
    // Instead of failing, a read that has bytes gives them with one bit changed, which is a
    // function of `after`. Only such reads count.
    bool flip = false;
    // kUnavailable is EIO, kResourceExhausted ENOSPC.
    absl::StatusCode code = absl::StatusCode::kUnavailable;
  };
  // The first call that failed since Arm.
  struct Fired {
    Call call = Call::kCreate;
    std::string path;
    std::chrono::steady_clock::time_point at;
  };

  // `base` is not owned.
  explicit FaultFileSystem(FileSystem* base) : base_(base) {}

  // From now on. Replaces the fault before.
  void Arm(const Fault& fault);
  // Nothing fails any more.
  void Disarm();
  // Whether a call failed since Arm, and which was the first.
  bool fired() const;
  std::optional<Fired> first_fired() const;
  // All calls since construction that change the disk.
  uint64_t calls() const;
  // Called for each sync of a file or a folder that fails without having been done, on the caller's
  // thread: for a disk that then forgets what was not synced. To be set before use.
  void OnFailedSync(std::function<void(Call call, const std::string& path)> on_failed_sync);

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenToOverwrite(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenToRead(const std::string& path) override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status CreateDirectories(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  class OpenFile;
  class OpenToReadFile;

  struct Ruling {
    absl::Status error;  // OK: the call goes through
    bool done = false;   // it goes through nevertheless
    bool tear = false;
    bool flip = false;
    uint64_t number = 0;  // of the flipped read
  };

  // Counts a call, and says what becomes of it.
  Ruling Next(Call call, const std::string& path);
  // Runs `work` as the ruling on the call says.
  template <typename Work>
  auto Run(Call call, const std::string& path, Work work) -> decltype(work());

  FileSystem* const base_;
  std::function<void(Call, const std::string&)> on_failed_sync_;
  mutable absl::Mutex mutex_;
  std::optional<Fault> fault_ ABSL_GUARDED_BY(mutex_);
  std::optional<Fired> fired_ ABSL_GUARDED_BY(mutex_);
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;    // that change the disk
  uint64_t counted_ ABSL_GUARDED_BY(mutex_) = 0;  // that the faults were for
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_FAULT_FILE_SYSTEM_H_
