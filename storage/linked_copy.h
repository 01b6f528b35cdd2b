#ifndef SWOOSH_STORAGE_LINKED_COPY_H_
#define SWOOSH_STORAGE_LINKED_COPY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/file_system.h"

// A second directory with the files of a LevelDB database, at the price of a directory entry each.
// LevelDB never writes into a file of an earlier run, and LevelDbEnv never truncates one, so either
// directory can be opened without a change to what the other holds.
namespace swoosh {

enum class TablesWithoutLinks { kCopy, kLeaveOut };

// Makes the directory `to` and links the files of the database in `from` into it: CURRENT,
// MANIFEST,
// *.log and tables; nothing else that lies there. Where the disk has no hard links they are copied,
// the tables, which may be large, only if `tables` says so. Durable after SyncDirectory(to).
// Returns the names that were left out.
absl::StatusOr<std::vector<std::string>> LinkDatabase(FileSystem* file_system,
                                                      const std::string& from,
                                                      const std::string& to,
                                                      TablesWithoutLinks tables);

// Whether a file of that name belongs to a database.
bool IsDatabaseFile(absl::string_view name);

// Puts the file `from` also under `to`, replacing what is there: a link, or a copy where the disk
// has none. Not durable.
absl::Status LinkOrCopy(FileSystem* file_system, const std::string& from, const std::string& to);

// Copies the first `bytes` of a file; not synced in its directory.
absl::Status CopyFile(FileSystem* file_system, const std::string& from, const std::string& to,
                      uint64_t bytes);

// Removes a directory and the files in it, and syncs its parent. It must hold no directory. OK when
// there is none.
absl::Status RemoveWithFiles(FileSystem* file_system, const std::string& directory);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LINKED_COPY_H_
