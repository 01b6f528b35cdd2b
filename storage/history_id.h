#ifndef SWOOSH_STORAGE_HISTORY_ID_H_
#define SWOOSH_STORAGE_HISTORY_ID_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/file_system.h"

// The name of a history: 128 random bits, as 32 lower-case hexadecimal digits. A small file keeps
// it, the first one that a new store writes; storage/history_id.md has its format.
namespace swoosh {

inline constexpr size_t kHistoryIdBytes = 32;

// A new one, from the kernel's random numbers. kUnavailable when it has none.
absl::StatusOr<std::string> MakeHistoryId();

bool IsHistoryId(absl::string_view text);

struct HistoryFile {
  // What is served and what snapshots and the mark carry.
  std::string history_id;
  // False until log and mark were made: a crash before that left nothing worth keeping.
  bool store_complete = false;
  // The history whose SHA-256 the first record holds: `history_id`, unless the store was restored
  // or repaired. "" when writing stands for `history_id`; never "" when read.
  std::string origin_id = "";
  // With store_complete false: `swooshd restore` has not come to its end.
  bool being_restored = false;
  // With store_complete false: `swooshd repair` has decided, and not come to its end.
  bool being_repaired = false;
};

// Durable when it returns.
absl::Status WriteHistoryFile(FileSystem* file_system, const std::string& path,
                              const HistoryFile& content);

// kNotFound: no such file. kDataLoss: damaged.
absl::StatusOr<HistoryFile> ReadHistoryFile(FileSystem* file_system, const std::string& path);

// The format (history_id.md).
inline constexpr char kHistoryFileMagic[] = "SWOOSHID";
inline constexpr uint32_t kHistoryFileVersion = 2;
inline constexpr size_t kHistoryFileBytes = 88;
// The first version, which is still read: without an origin id.
inline constexpr uint32_t kHistoryFileVersion1 = 1;
inline constexpr size_t kHistoryFileVersion1Bytes = 56;

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_HISTORY_ID_H_
