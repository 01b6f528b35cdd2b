#ifndef SWOOSH_STORAGE_RECOVERY_H_
#define SWOOSH_STORAGE_RECOVERY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/sha256.h"
#include "core/state.h"
#include "storage/file_system.h"
#include "storage/log.h"
#include "storage/recovery_refusal.h"
#include "storage/recovery_table.h"
#include "storage/scratch_log.h"
#include "storage/snapshot_store.h"
#include "storage/store_paths.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// An opened store: the state as of the last durable record, proven. Members go in reverse order,
// the lock last.
struct OpenStore {
  std::unique_ptr<FileLock> lock;  // held as long as the store is open
  std::unique_ptr<ScratchLog> scratch;
  std::string history_id;
  std::string origin_id;  // storage/history_id.h
  std::unique_ptr<Log> log;
  std::unique_ptr<SnapshotStore> snapshots;
  StateWriter writer = StateWriter::ForLoading();  // at the end of the log, sealed
  // What was done, for people:
  // "snapshot index=5000 hlc=… ; replayed 32 records ; index=5032 hash=…".
  std::string report;
  uint64_t replayed_records = 0;
  double replay_seconds = 0;
};

struct RecoveryOptions {
  // Replay everything the log holds: from the empty state if it begins at record 1, else from the
  // oldest snapshot that is whole. What newer snapshots say is compared on the way (swooshd
  // verify).
  bool from_oldest = false;
  // Never makes a store nor changes one, and gives out a log that can't be written. LevelDB can't
  // open without writing, so it opens a copy by links, in WAL_DIR/read_only, that goes when the log
  // does (swooshd verify).
  bool read_only = false;
  // Called for each record replayed, once it is checked, and for the records of the request window
  // up to the snapshot; in the order of the log, on the caller's thread. Of `record` only what
  // DecodeRecordLink reads is there in any case. `hash` is of its stored bytes. May be empty.
  std::function<void(const v1::Record& record, const Digest& hash)> on_record;
  // Up to the snapshot's index, records from this many before the end on are read too, where the
  // log has them, for on_record.
  uint64_t window_records = 0;
  // Called after each sync of the log's file with its duration, from whichever thread writes; must
  // outlive the store. May be empty.
  std::function<void(double seconds)> on_log_sync;
  // As LevelDbLog::Open.
  size_t log_write_buffer_bytes = 0;
};

// Opens the store at `paths`, or makes a new one where history id, log, snapshots and mark are all
// absent. The decision tables are in recovery_table.cc. Nothing is changed before the first of them
// says that the log may be opened, and then its files are kept as evidence first (evidence.h): it
// is let go when the store is open, and stays when the store is refused for damage; the error says
// where. The errors are in recovery_refusal.h: RefusalOf tells one from the other, FirstBadIndexOf
// where the damage begins, where that is known. `file_system` is not owned.
absl::StatusOr<OpenStore> Recover(FileSystem* file_system, const StorePaths& paths,
                                  const RecoveryOptions& options);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_RECOVERY_H_
