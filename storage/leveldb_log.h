#ifndef SWOOSH_STORAGE_LEVELDB_LOG_H_
#define SWOOSH_STORAGE_LEVELDB_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "leveldb/db.h"
#include "leveldb/options.h"
#include "leveldb/write_batch.h"
#include "storage/commit_mark.h"
#include "storage/file_system.h"
#include "storage/leveldb_env.h"
#include "storage/log.h"

namespace swoosh {

// The embedded log: a LevelDB database with a key for each record, its index as 8 bytes big-endian,
// and the stored bytes as value. Key 0, which no record has, holds how far the log was trimmed.
class LevelDbLog : public Log {
 public:
  // Whether there is a database in `directory`, or files of one. kUnavailable where that can't be
  // told: a log that can't be looked for is not a missing one.
  static absl::StatusOr<bool> Find(FileSystem* file_system, const std::string& directory);

  // Opens the database, or makes one if `create_if_missing`. LevelDB takes a torn tail for the end,
  // and some damage too: whoever wants to know scans the files before (leveldb_scan.h). Neither
  // `file_system` nor what `on_sync` refers to is owned; both must outlive the log. LevelDB
  // collects `write_buffer_bytes` in its log and in memory before it writes a table, at least 64
  // KiB; 0 stands for what is best for a server.
  //   kDataLoss: LevelDB can't open it, or it doesn't begin or end as a log does. With the first
  //   bad index (bad_index.h), where LevelDB opens it. kFailedPrecondition: it is open already.
  //   kNotFound: there is none, and `create_if_missing` is false.
  //   kUnavailable: an I/O error.
  static absl::StatusOr<std::unique_ptr<LevelDbLog>> Open(FileSystem* file_system,
                                                          const std::string& directory,
                                                          bool create_if_missing,
                                                          LevelDbEnv::SyncObserver on_sync,
                                                          size_t write_buffer_bytes = 0);

  // What the database is opened with, but for the Env: also for measurements beside it.
  // `write_buffer_bytes`: see Open().
  static leveldb::Options DatabaseOptions(size_t write_buffer_bytes = 0);

  // From here on appends are possible, and write `mark`. Until then the log can only be read.
  void AttachMark(std::unique_ptr<CommitMark> mark);

  // Lets an empty log, with its mark attached, begin at record `first_index`, durably: for a
  // restore of a log that was trimmed. Not beside other calls.
  //   kFailedPrecondition: it is not empty, or has no mark. Else as Append.
  absl::Status BeginAt(uint64_t first_index);

  Limits limits() const override;
  uint64_t first_index() const override { return first_index_.load(std::memory_order_acquire); }
  uint64_t next_index() const override { return next_index_.load(std::memory_order_acquire); }
  absl::Status Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) override;
  absl::Status Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const override;
  absl::Status TrimPrefix(uint64_t first_kept) override;
  void SetFailureListener(std::function<void(const absl::Status&)> listener) override
      ABSL_LOCKS_EXCLUDED(listener_mutex_);
  uint64_t size_bytes() const override;

 private:
  LevelDbLog(FileSystem* file_system, std::string directory, LevelDbEnv::SyncObserver on_sync);

  absl::Status OpenDatabase(bool create_if_missing, size_t write_buffer_bytes);
  absl::Status FindEnds();
  absl::Status FindFirstAndLast();
  uint64_t FirstUnreadable() const;
  absl::Status ReadTrimEntry();
  // OK, or why nothing may be written.
  absl::Status CheckWritable() const;
  absl::Status Write(const leveldb::WriteOptions& options, leveldb::WriteBatch* batch,
                     absl::string_view what);
  // Remembers the first failure, which ends the writing.
  absl::Status Written(absl::Status status);
  absl::Status DeleteBelow(uint64_t first_kept);
  void ReportFailure(const absl::Status& failure) ABSL_LOCKS_EXCLUDED(listener_mutex_);

  FileSystem* const file_system_;
  const std::string directory_;
  absl::Mutex listener_mutex_;  // held while it is called
  std::function<void(const absl::Status&)> listener_ ABSL_GUARDED_BY(listener_mutex_);
  LevelDbEnv env_;
  std::unique_ptr<leveldb::DB> database_;
  std::atomic<uint64_t> first_index_{1};
  std::atomic<uint64_t> next_index_{1};

  // Of the appending thread:
  std::unique_ptr<CommitMark> mark_;
  absl::Status failure_;
  uint64_t deleted_below_ = 1;  // behind first_index_ after a crash in the middle of trimming
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LEVELDB_LOG_H_
