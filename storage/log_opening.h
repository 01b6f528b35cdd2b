#ifndef SWOOSH_STORAGE_LOG_OPENING_H_
#define SWOOSH_STORAGE_LOG_OPENING_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/commit_mark.h"
#include "storage/file_system.h"
#include "storage/leveldb_env.h"
#include "storage/leveldb_log.h"
#include "storage/scratch_log.h"
#include "storage/store_paths.h"

namespace swoosh {

struct LogOpening {
  // Removed after the log is closed.
  std::unique_ptr<ScratchLog> scratch;
  std::unique_ptr<LevelDbLog> log;
  // What was done for people to know: "cut 300 torn bytes off FILE". "" when nothing was.
  std::string report;
};

// Scans the files of the log, and lets LevelDB open them if the table of FilesFindings says so
// (recovery_table.cc). `mark` is how far the history was acknowledged. With `read_only` nothing of
// the store changes: LevelDB opens a copy by links, in which a torn end is cut off; otherwise the
// caller has kept evidence before, and the file itself is cut. Errors are refusals
// (recovery_refusal.h) and name the first bad index, where the files tell it. `on_sync` and
// `write_buffer_bytes` are LevelDbLog's.
absl::StatusOr<LogOpening> OpenScannedLog(FileSystem* file_system, const StorePaths& paths,
                                          const CommitMark::Content& mark, bool read_only,
                                          LevelDbEnv::SyncObserver on_sync,
                                          size_t write_buffer_bytes);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LOG_OPENING_H_
