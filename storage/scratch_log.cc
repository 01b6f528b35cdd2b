#include "storage/scratch_log.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/linked_copy.h"

namespace swoosh {
namespace {

absl::Status Remove(FileSystem* file_system, const std::string& directory) {
  // Where LevelDB's own repair puts what it can't use.
  absl::Status status = RemoveWithFiles(file_system, absl::StrCat(directory, "/lost"));
  return status.ok() ? RemoveWithFiles(file_system, directory) : status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScratchLog>> ScratchLog::Make(FileSystem* file_system,
                                                             const std::string& wal_dir,
                                                             const std::string& name) {
  const std::string directory = absl::StrCat(wal_dir, "/", name);
  if (absl::Status status = Remove(file_system, directory); !status.ok()) return status;
  std::unique_ptr<ScratchLog> scratch(new ScratchLog(file_system, directory));
  const absl::StatusOr<std::vector<std::string>> left_out =
      LinkDatabase(file_system, wal_dir, directory, TablesWithoutLinks::kCopy);
  if (!left_out.ok()) return left_out.status();
  return scratch;
}

absl::Status ScratchLog::ClearAll(FileSystem* file_system, const std::string& wal_dir) {
  for (const char* name : {kReadOnlyScratchName, kSalvageScratchName, kRepairedName}) {
    absl::Status status = Remove(file_system, absl::StrCat(wal_dir, "/", name));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

ScratchLog::~ScratchLog() {
  // What can't be removed now is removed the next time.
  Remove(file_system_, directory_).IgnoreError();
}

}  // namespace swoosh
