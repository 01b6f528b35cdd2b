#ifndef SWOOSH_STORAGE_LEVELDB_ENV_H_
#define SWOOSH_STORAGE_LEVELDB_ENV_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "leveldb/env.h"
#include "leveldb/status.h"
#include "storage/file_system.h"

namespace swoosh {

// What LevelDB sees of the system: its files go through a FileSystem; threads and time are those of
// Env::Default().
//
// LevelDB by itself fsyncs a directory only before its MANIFEST: here a file that was created,
// renamed or removed is durable as such when the call returns.
//
// A file that is made anew under the name of another one replaces it; what another hard link to the
// old one holds stays as it is (evidence.h).
//
// After the first call that should change the disk and fails, all such calls fail with its error,
// as LevelDB's clean-up can do harm: when it is told that CURRENT could not be renamed, it removes
// the MANIFEST that CURRENT may by then point to; and it writes on behind a record that is torn.
//
// Thread-safe. Must outlive the databases that use it.
class LevelDbEnv : public leveldb::EnvWrapper {
 public:
  // Called after each sync of a write-ahead log's file, failed ones included, with its duration;
  // from whichever thread writes. May be empty.
  using SyncObserver = std::function<void(double seconds)>;

  // Called once, with the first error of a call that should change the disk, on the thread that
  // made it: an appender's, or LevelDB's own. May be empty.
  using FailureObserver = std::function<void(const absl::Status&)>;

  // `file_system` is not owned.
  LevelDbEnv(FileSystem* file_system, SyncObserver on_log_sync, FailureObserver on_failure);

  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** file) override;
  leveldb::Status NewRandomAccessFile(const std::string& path,
                                      leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** file) override;
  // Not supported: with Options::reuse_logs LevelDB could append after a torn record.
  leveldb::Status NewAppendableFile(const std::string& path, leveldb::WritableFile** file) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& directory,
                              std::vector<std::string>* names) override;
  leveldb::Status RemoveFile(const std::string& path) override;
  leveldb::Status CreateDir(const std::string& directory) override;
  // Not supported; LevelDB calls it only when it destroys a database.
  leveldb::Status RemoveDir(const std::string& directory) override;
  leveldb::Status GetFileSize(const std::string& path, uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  // A logger that drops everything: give one to Options::info_log, so that LevelDB writes no file
  // beside this Env.
  static leveldb::Logger* NullLogger();
  leveldb::Status NewLogger(const std::string& path, leveldb::Logger** logger) override;

  // The first error of a call that should change the disk.
  absl::Status failure() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class BufferedFile;

  // Runs `change` unless one failed before; returns its error, or the earlier one.
  absl::Status Change(absl::FunctionRef<absl::Status()> change) ABSL_LOCKS_EXCLUDED(mutex_);

  FileSystem* const file_system_;
  const SyncObserver on_log_sync_;
  const FailureObserver on_failure_;
  // Not held while the disk works: tables are written beside the log.
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

leveldb::Status ToLevelDbStatus(const absl::Status& status);

// Corruption becomes kDataLoss, NotFound kNotFound, all else kUnavailable. "`context`: text".
absl::Status FromLevelDbStatus(const leveldb::Status& status, absl::string_view context);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LEVELDB_ENV_H_
