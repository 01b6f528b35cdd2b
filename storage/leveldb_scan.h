#ifndef SWOOSH_STORAGE_LEVELDB_SCAN_H_
#define SWOOSH_STORAGE_LEVELDB_SCAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/file_system.h"
#include "storage/recovery_table.h"

namespace swoosh {

// What the files of a log's LevelDB database hold, as the last run left them: read before LevelDB
// opens them, because it takes some damage for the end of its log, and the next opening is clean.
struct LevelDbScan {
  // A file whose last entry is not whole, with nothing whole after it.
  struct Tear {
    std::string path;
    uint64_t keep_bytes = 0;  // where that entry begins
    uint64_t size_bytes = 0;
    std::string damage;
  };

  LogFiles found = LogFiles::kSound;
  std::string path;  // of the file that `found` is about
  std::string what;  // is wrong with it; "" when sound
  // The last record up to the first damage, as far as the files say; 0 = none. Tables are taken by
  // the keys that the MANIFEST has of them, not read.
  uint64_t last_index = 0;
  // The first record that is, or may be, damaged or missing; 0 when that can't be told. Of
  // kSound and kTorn: the one after the last.
  uint64_t first_bad_index = 0;
  // Of kTorn: the MANIFEST, the newest log file, or both.
  std::vector<Tear> tears;
};

// Reads the *.log files and the MANIFEST that LevelDB would read, whole, and looks whether the
// tables are there in the size that they were made. Changes nothing.
//   kUnavailable: an I/O error; the message names the file.
absl::StatusOr<LevelDbScan> ScanLevelDb(FileSystem* file_system, const std::string& directory);

// Takes the torn entry off, atomically: `path` is replaced by a copy of its first bytes, so a link
// to it keeps what was found. Durable when it returns.
absl::Status CutTear(FileSystem* file_system, const LevelDbScan::Tear& tear);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LEVELDB_SCAN_H_
