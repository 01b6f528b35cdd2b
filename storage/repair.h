#ifndef SWOOSH_STORAGE_REPAIR_H_
#define SWOOSH_STORAGE_REPAIR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "core/state.h"
#include "storage/file_system.h"
#include "storage/leveldb_log.h"
#include "storage/salvage.h"
#include "storage/scratch_log.h"
#include "storage/snapshot_store.h"
#include "storage/store_paths.h"

namespace swoosh {

// What can be kept of a damaged store, and what is lost.
struct RepairPlan {
  // Why the store is refused: the refusal's message. "" when nothing has to be repaired.
  std::string trouble;
  // A repair was cut short after it had decided: it is only carried to its end.
  bool goes_on = false;
  // The last record whose state can be made, by a snapshot or by replay; 0: none.
  uint64_t last_kept = 0;
  // The log will hold the records from here to `last_kept`; none if it is the one after it. Records
  // before are in the state, but can't be read any more.
  uint64_t first_kept = 1;
  // How far the history was acknowledged; nullopt when the mark is missing or damaged.
  std::optional<uint64_t> acknowledged;

  // Records known to be lost: acknowledged, and after `last_kept`.
  uint64_t lost_records() const {
    return acknowledged.value_or(0) > last_kept ? *acknowledged - last_kept : 0;
  }
};

struct RepairResult {
  std::string history_id;  // new
  uint64_t index = 0;      // of the last record
  Digest state_hash = {};
  std::string evidence;  // the folder with the files as they were found
};

// Makes a store that opens of one that is refused for damage: it is cut after the last record up to
// which the chain of hashes holds and everything replays, and gets a new history id, because the
// indexes after that will mean other records (history_id.md).
//
// The files as they were found stay in the evidence folder (evidence.h), snapshots included. The
// new log and a snapshot at its end are made beside the old ones, in folders `repaired`, synced;
// then the history id file is rewritten as of a store that is being repaired, which is the moment
// of the decision; then they are put in place of the old ones. A crash before that moment leaves
// the damaged store, one after it a store that is refused (REPAIR_UNFINISHED) until a repair has
// carried it to the end.
class Repair {
 public:
  // Locks the store and finds what can be kept. Changes nothing but scratch folders of its own.
  //   kNotFound             there is no store
  //   kFailedPrecondition   in use, or of a newer binary: nothing for a repair
  //   kDataLoss             a restore that was cut short; or neither history id, mark nor any
  //                         snapshot says which history it is
  //   kUnavailable          an I/O error
  // `file_system` is not owned.
  static absl::StatusOr<std::unique_ptr<Repair>> Examine(FileSystem* file_system,
                                                         const StorePaths& paths);

  const RepairPlan& plan() const { return plan_; }

  // Once; requires that there is something to repair. Proves the new store before it returns.
  //   kUnavailable, kResourceExhausted: run it again
  absl::StatusOr<RepairResult> CarryOut();

 private:
  Repair(FileSystem* file_system, StorePaths paths)
      : file_system_(file_system), paths_(std::move(paths)) {}

  // Finding out:
  absl::Status FindIdentity();
  absl::Status FindWhatCanBeKept();
  absl::Status Extend(StateWriter writer);
  absl::Status FindFirstKept(LogPosition position);

  // Carrying out:
  absl::StatusOr<std::string> KeepEvidence();
  absl::Status BuildLog(const std::string& history_id, StateWriter* writer);
  absl::Status AppendKept(LevelDbLog* log, StateWriter* writer);
  absl::Status BuildSnapshot(const std::string& history_id, StateWriter writer);
  absl::Status PutInPlace();
  absl::Status PutLogInPlace();
  absl::Status PutSnapshotInPlace(uint64_t index);
  absl::StatusOr<RepairResult> Prove();

  std::string RepairedLog() const { return absl::StrCat(paths_.wal_dir, "/", kRepairedName); }
  std::string RepairedMark() const { return absl::StrCat(RepairedLog(), "/", kCommitMarkFileName); }
  std::string RepairedSnapshots() const {
    return absl::StrCat(paths_.snapshot_dir, "/", kRepairedName);
  }

  FileSystem* const file_system_;
  const StorePaths paths_;
  std::unique_ptr<FileLock> lock_;
  RepairPlan plan_;
  std::string history_id_;  // as it was
  std::string origin_id_;
  std::unique_ptr<Salvage> salvage_;
  std::unique_ptr<SnapshotStore> snapshots_;
  std::optional<SnapshotStore::Info> start_;  // nullopt: the empty state
  uint64_t start_index_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_REPAIR_H_
