#ifndef SWOOSH_STORAGE_SALVAGE_H_
#define SWOOSH_STORAGE_SALVAGE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leveldb/db.h"
#include "storage/file_system.h"
#include "storage/leveldb_env.h"
#include "storage/scratch_log.h"

namespace swoosh {

// The records that can still be read of a damaged log, each by itself. Whatever is read had the
// right checksum; whether it belongs there the caller sees by the chain. Works on a copy by links,
// so the log stays as it is.
class Salvage {
 public:
  // A log that isn't there has no records. The caller holds the store's lock. `file_system` is not
  // owned.
  //   kUnavailable, kResourceExhausted: an I/O error
  static absl::StatusOr<std::unique_ptr<Salvage>> Open(FileSystem* file_system,
                                                       const std::string& wal_dir);

  // The stored bytes of a record.
  //   kNotFound: it is not there. kDataLoss: it can't be read. kUnavailable: an I/O error.
  absl::StatusOr<std::string> Get(uint64_t index) const;

 private:
  explicit Salvage(FileSystem* file_system);
  absl::Status OpenDatabase();
  absl::Status TakeLogFiles();

  FileSystem* const file_system_;
  LevelDbEnv env_;
  std::unique_ptr<ScratchLog> scratch_;
  std::unique_ptr<leveldb::DB> database_;  // nullptr: nothing can be read
  // What the log files hold, where LevelDB can't be let at them: at most what it holds in memory
  // before it writes a table.
  absl::flat_hash_map<uint64_t, std::string> of_log_files_;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_SALVAGE_H_
