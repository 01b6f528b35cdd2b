#ifndef SWOOSH_STORAGE_SNAPSHOT_STORE_H_
#define SWOOSH_STORAGE_SNAPSHOT_STORE_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/state.h"
#include "storage/file_system.h"
#include "storage/snapshot_format.h"
#include "storage/snapshot_steps.h"

namespace swoosh {

inline constexpr int kSnapshotsKept = 2;

// The snapshots of one store: files with the whole state at an index. storage/snapshot_format.md
// describes them. Writing is for one thread at a time; everything else for any.
class SnapshotStore {
 public:
  struct Info {
    uint64_t index = 0;
    std::string path;
    uint64_t size_bytes = 0;
  };

  // `directory` must exist. What it holds under a snapshot's name counts, until found damaged: it
  // was verified before it got that name. Neither pointer is owned.
  SnapshotStore(FileSystem* file_system, std::string directory, std::string history_id);
  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  // Writes `state` to a temporary file, syncs it, reads it back and recomputes the root, renames it
  // and syncs the directory, and only then removes all but the newest `kSnapshotsKept` that count,
  // and what was left behind. Calls `pause`, if not null, again and again meanwhile. Returns what
  // was written.
  //   kDataLoss: what was read back is not what was written.
  //   kResourceExhausted (no space) or kUnavailable (I/O).
  // After an error the older snapshots are as they were.
  absl::StatusOr<Info> Write(const State& state, SnapshotPause pause = nullptr);

  // Newest first; by name alone, contents unchecked.
  absl::StatusOr<std::vector<Info>> List() const;

  // Reads one, checking every checksum, the counts, the history id and the root. The writer is
  // sealed.
  //   kDataLoss names the file and what is wrong in it; it no longer counts.
  //   kFailedPrecondition: the state was made by a newer binary.
  //   kUnavailable: an I/O error.
  absl::StatusOr<StateWriter> Load(const Info& info);

  // Reads one as Load does, but only recomputes the root: in little memory. kDataLoss,
  // kUnavailable.
  absl::StatusOr<SnapshotHeader> Check(const Info& info) const;

  // Renames a damaged one, so that it is no longer listed and can still be looked at. The next
  // Write removes it.
  absl::Status SetAside(const Info& info);

  // The lowest index among the kept snapshots that count; 0 when there is none. The log must keep
  // everything above it. Quick.
  uint64_t oldest_verified_index() const;
  // The highest one, likewise.
  uint64_t newest_verified_index() const;

 private:
  absl::Status CheckIdentity(const Info& info, const SnapshotHeader& header) const;
  absl::StatusOr<StateWriter> LoadUnnoted(const Info& info) const;
  absl::StatusOr<SnapshotHeader> CheckInSteps(const Info& info, SnapshotSteps* steps) const;
  absl::Status WriteVerified(const State& state, SnapshotSteps* steps, const std::string& temporary,
                             uint64_t* size_bytes);
  void RemoveSuperseded();

  FileSystem* const file_system_;
  const std::string directory_;
  const std::string history_id_;

  mutable absl::Mutex mutex_;
  std::set<uint64_t> counting_ ABSL_GUARDED_BY(mutex_);  // their indexes
};

// The name of the snapshot at `index`, without directory; and back: false when `name` is none.
std::string SnapshotFileName(uint64_t index);
bool ParseSnapshotFileName(absl::string_view name, uint64_t* index);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_SNAPSHOT_STORE_H_
