#ifndef SWOOSH_STORAGE_FAULT_FILE_SYSTEM_H_
#define SWOOSH_STORAGE_FAULT_FILE_SYSTEM_H_

#include <cstdint>
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

// A file system for tests that fails a chosen call. Only calls that change the disk count; reads,
// listings and locks always go through. Thread-safe.
class FaultFileSystem : public FileSystem {
 public:
  enum class Call { kCreate, kOverwrite, kWrite, kSync, kRename, kRemove, kSyncDirectory };

  struct Fault {
    // How many calls (of kind `only`, where set) go well first.
    uint64_t after = 0;
    std::optional<Call> only = std::nullopt;
    // All such calls from then on fail, not one alone.
    bool for_good = false;
    // A write that fails has written its first half.
    bool tear = false;
    absl::StatusCode code = absl::StatusCode::kUnavailable;
  };

  // `base` is not owned.
  explicit FaultFileSystem(FileSystem* base) : base_(base) {}

  // From now on. Replaces the fault before.
  void Arm(const Fault& fault);
  // Nothing fails any more.
  void Disarm();
  // Whether a call failed since Arm.
  bool fired() const;
  // All calls counted since construction.
  uint64_t calls() const;

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenToOverwrite(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenToRead(const std::string& path) override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status CreateDirectories(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  class File;

  // Counts a call; not OK when it is to fail.
  absl::Status Next(Call call, const std::string& path);
  bool tears() const;

  FileSystem* const base_;
  mutable absl::Mutex mutex_;
  std::optional<Fault> fault_ ABSL_GUARDED_BY(mutex_);
  bool fired_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_FAULT_FILE_SYSTEM_H_
