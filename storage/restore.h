#ifndef SWOOSH_STORAGE_RESTORE_H_
#define SWOOSH_STORAGE_RESTORE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/sha256.h"
#include "storage/file_system.h"
#include "storage/recovery.h"

namespace swoosh {

// What a restore made.
struct RestoredStore {
  std::string history_id;         // new
  std::string backup_history_id;  // of the store that the backup was taken of
  uint64_t index = 0;
  Digest state_hash = {};
  uint64_t records = 0;  // in the log
};

// Makes a store at `paths` of a backup (core/backup_format.md). `next` gives its next bytes, which
// stay until it is called again; none at its end. `on_progress` is told now and then how many of
// how many records are written; may be empty.
//
// Every record is checked against the chain, and replayed from the backup's snapshot, or from the
// start, to the recorded hashes; what was written is read back; and only then the store is declared
// complete, under a new history id (history_id.md says why). The order on disk is: the history id,
// as of a store that is being restored; the snapshot; the mark; the records; a snapshot at their
// end; the history id, complete. So what a crash leaves is refused, by Recover
// (Refusal::kRestoreUnfinished) as by the next Restore, until the folders are emptied.
//
//   kFailedPrecondition  a folder is not empty, or in use by another process; the backup, a record
//                        or the snapshot was made by a newer binary
//   kDataLoss            the backup is damaged or cut off, or what was written can't be read back
//   kUnavailable         an I/O error; kResourceExhausted: no space
//   what `next` returned
// After an error the folders hold what was made so far. `file_system` is not owned.
absl::StatusOr<RestoredStore> Restore(
    FileSystem* file_system, const StorePaths& paths,
    absl::FunctionRef<absl::StatusOr<absl::string_view>()> next,
    const std::function<void(uint64_t records, uint64_t of)>& on_progress);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_RESTORE_H_
