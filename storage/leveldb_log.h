#ifndef SWOOSH_STORAGE_LEVELDB_LOG_H_
#define SWOOSH_STORAGE_LEVELDB_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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
  // True when there is a database in `directory`, or files of one.
  static bool Exists(FileSystem* file_system, const std::string& directory);

  // Opens the database, or makes one if `create_if_missing`. LevelDB repairs a torn tail: whoever
  // wants the files as the last run left them has copied them before. Neither `file_system` nor
  // what `on_sync` refers to is owned; both must outlive the log.
  //   kDataLoss: LevelDB can't open it, or it doesn't begin or end as a log does.
  //   kFailedPrecondition: it is open already.
  //   kNotFound: there is none, and `create_if_missing` is false.
  //   kUnavailable: an I/O error.
  static absl::StatusOr<std::unique_ptr<LevelDbLog>> Open(FileSystem* file_system,
                                                          const std::string& directory,
                                                          bool create_if_missing,
                                                          LevelDbEnv::SyncObserver on_sync);

  // From here on appends are possible, and write `mark`. Until then the log can only be read.
  void AttachMark(std::unique_ptr<CommitMark> mark);

  Limits limits() const override;
  uint64_t first_index() const override { return first_index_.load(std::memory_order_acquire); }
  uint64_t next_index() const override { return next_index_.load(std::memory_order_acquire); }
  absl::Status Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) override;
  absl::Status Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const override;
  absl::Status TrimPrefix(uint64_t first_kept) override;
  uint64_t size_bytes() const override;

 private:
  LevelDbLog(FileSystem* file_system, std::string directory, LevelDbEnv::SyncObserver on_sync);

  absl::Status OpenDatabase(bool create_if_missing);
  absl::Status FindEnds();
  absl::Status ReadTrimEntry();
  // OK, or why nothing may be written.
  absl::Status CheckWritable() const;
  absl::Status Write(const leveldb::WriteOptions& options, leveldb::WriteBatch* batch,
                     absl::string_view what);
  // Remembers the first failure, which ends the writing.
  absl::Status Written(absl::Status status);
  absl::Status DeleteBelow(uint64_t first_kept);

  FileSystem* const file_system_;
  const std::string directory_;
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
