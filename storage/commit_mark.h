#ifndef SWOOSH_STORAGE_COMMIT_MARK_H_
#define SWOOSH_STORAGE_COMMIT_MARK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/sha256.h"
#include "storage/file_system.h"

namespace swoosh {

// How far the log was acknowledged, kept outside it: hashes that chain records can't tell that the
// last ones are missing. storage/commit_mark.md has the format and what it promises.
//
// Write and SyncSoon are for one thread; a thread of its own syncs in the background.
class CommitMark {
 public:
  struct Content {
    std::string history_id;  // kHistoryIdBytes
    uint64_t index = 0;      // 0: nothing was acknowledged yet
    Digest record_hash = {};
  };

  // The time until a mark that was written is on disk, where the disk can keep up.
  static constexpr absl::Duration kSyncDelayMax = absl::Milliseconds(100);

  // Makes the file, durable, or replaces the one there.
  static absl::Status Create(FileSystem* file_system, const std::string& path,
                             const Content& content);

  // The newer of the slots that are whole.
  //   kNotFound: no file. kDataLoss: no slot is whole, or they are of two histories.
  static absl::StatusOr<Content> Read(FileSystem* file_system, const std::string& path);

  // Opens the file for writing and syncs what it holds. Errors as Read, and of I/O.
  static absl::StatusOr<std::unique_ptr<CommitMark>> Open(FileSystem* file_system,
                                                          const std::string& path);

  // Syncs, and stops the thread.
  ~CommitMark();
  CommitMark(const CommitMark&) = delete;
  CommitMark& operator=(const CommitMark&) = delete;

  // Once it returns, a crash of this process can't lose the mark; a power cut can for
  // kSyncDelayMax. `index` must not fall. The first error, of the background sync too, is returned
  // here ever after.
  absl::Status Write(uint64_t index, const Digest& record_hash);

  // To be called where the caller will wait for the disk anyway: syncs now what would soon be due,
  // so that a later Write needn't wait for it.
  void SyncSoon();

  // Called once, on the mark's thread, when a sync failed. To be set before the first Write.
  void SetFailureListener(std::function<void(const absl::Status&)> listener);

  const std::string& history_id() const { return history_id_; }

 private:
  CommitMark(std::unique_ptr<WritableFile> file, std::string history_id, size_t synced_slot);

  void SyncInBackground();
  void Sync() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return dirty_ || stopping_; }
  bool IsDue() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return sync_soon_ || stopping_; }

  const std::string history_id_;

  // Held also while syncing: the slot that is being synced must not change under it, and the other
  // one is the only one known to be on disk.
  absl::Mutex mutex_;
  const std::unique_ptr<WritableFile> file_ ABSL_PT_GUARDED_BY(mutex_);
  size_t synced_slot_ ABSL_GUARDED_BY(mutex_);
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point dirty_since_ ABSL_GUARDED_BY(mutex_);
  bool sync_soon_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const absl::Status&)> on_failure_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

// The format (commit_mark.md).
inline constexpr char kCommitMarkMagic[] = "SWOOSHMK";
inline constexpr uint32_t kCommitMarkVersion = 1;
inline constexpr size_t kCommitMarkSlots = 2;
inline constexpr size_t kCommitMarkSlotStrideBytes = 4'096;
inline constexpr size_t kCommitMarkSlotBytes = 92;
inline constexpr size_t kCommitMarkFileBytes = kCommitMarkSlots * kCommitMarkSlotStrideBytes;

// The bytes of one slot.
std::string EncodeCommitMarkSlot(const CommitMark::Content& content);
// kDataLoss says what is wrong.
absl::StatusOr<CommitMark::Content> DecodeCommitMarkSlot(absl::string_view slot);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_COMMIT_MARK_H_
