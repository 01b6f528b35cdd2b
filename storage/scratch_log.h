#ifndef SWOOSH_STORAGE_SCRATCH_LOG_H_
#define SWOOSH_STORAGE_SCRATCH_LOG_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/file_system.h"

namespace swoosh {

// A copy by links of the database in `wal_dir`, for LevelDB to open and change where the store
// itself must stay as it is (swooshd verify, repair). Removed when the object goes; what a killed
// process left is removed by ClearAll, or by the next Make.
class ScratchLog {
 public:
  // In WAL_DIR/`name`. The caller holds the store's lock. `file_system` is not owned.
  static absl::StatusOr<std::unique_ptr<ScratchLog>> Make(FileSystem* file_system,
                                                          const std::string& wal_dir,
                                                          const std::string& name);

  // Removes what a process left that was killed, under any of the names below. OK when there is
  // nothing.
  static absl::Status ClearAll(FileSystem* file_system, const std::string& wal_dir);

  ~ScratchLog();
  ScratchLog(const ScratchLog&) = delete;
  ScratchLog& operator=(const ScratchLog&) = delete;

  const std::string& directory() const { return directory_; }

 private:
  ScratchLog(FileSystem* file_system, std::string directory)
      : file_system_(file_system), directory_(std::move(directory)) {}

  FileSystem* const file_system_;
  const std::string directory_;
};

// Names in `wal_dir`: of a log that is opened without changing it, of one whose records are read
// for a repair, and of what a repair makes (repair.h).
inline constexpr char kReadOnlyScratchName[] = "read_only";
inline constexpr char kSalvageScratchName[] = "salvage";
inline constexpr char kRepairedName[] = "repaired";

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_SCRATCH_LOG_H_
