#ifndef SWOOSH_STORAGE_STORE_PATHS_H_
#define SWOOSH_STORAGE_STORE_PATHS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace swoosh {

// Where a store lives. Directories that are missing are made with a new store.
struct StorePaths {
  std::string data_dir;      // lock file, history id, commit mark
  std::string wal_dir;       // LevelDB, and the evidence (evidence.h)
  std::string snapshot_dir;  // snapshots

  std::string InDataDir(absl::string_view name) const { return absl::StrCat(data_dir, "/", name); }
};

// Names in `data_dir`.
inline constexpr char kLockFileName[] = "LOCK";
inline constexpr char kHistoryFileName[] = "history_id";
inline constexpr char kCommitMarkFileName[] = "commit_mark";

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_STORE_PATHS_H_
