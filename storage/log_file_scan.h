#ifndef SWOOSH_STORAGE_LOG_FILE_SCAN_H_
#define SWOOSH_STORAGE_LOG_FILE_SCAN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/file_system.h"

namespace swoosh {

// What one file in LevelDB's log format (its doc/log_format.md) holds: a *.log or a MANIFEST. It
// has entries, each in one or more fragments with checksums, in blocks of 32 KiB.
struct LogFileScan {
  uint64_t size_bytes = 0;
  // Up to here every entry is whole: the size of the file, or where the first entry begins that is
  // not.
  uint64_t sound_bytes = 0;
  // The first bad fragment, and what is wrong with it. An entry without an end is bad at the end of
  // the file.
  std::optional<uint64_t> damaged_at;
  std::string damage;
  // A fragment with the right checksum that begins an entry, somewhere after the bad one. Who
  // writes one entry at a time and syncs it leaves none behind a tear: then it is no tear.
  std::optional<uint64_t> intact_beyond;

  bool sound() const { return !damaged_at.has_value(); }
};

// Gets each whole entry up to the first bad one, with the offset where it begins. Returns "" or why
// its content can't be understood, which counts as damage with something intact beyond: its
// checksum is right, so it was written so.
using LogEntryVisitor = absl::FunctionRef<std::string(uint64_t offset, absl::string_view content)>;

// Reads the whole file and changes nothing. Stricter than LevelDB, which takes a length that is too
// large in the last block, or a header of zeros, for the end of the file or of the block without a
// word. After the first bad fragment every byte is tried as the beginning of another one.
// kNotFound, kUnavailable (a read that fails is never the end of the file).
absl::StatusOr<LogFileScan> ScanLogFile(FileSystem* file_system, const std::string& path,
                                        LogEntryVisitor visit);

// Visits every entry that is whole, also those after damage: after a fragment with a wrong checksum
// it goes on where that one says that it ends, and after any other bad one at the next block, which
// always begins with a fragment. It does not look in between, as whoever wrote an entry's content
// may have made it look like an entry. Errors as above.
absl::Status ReadIntactEntries(FileSystem* file_system, const std::string& path,
                               absl::FunctionRef<void(absl::string_view content)> visit);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LOG_FILE_SCAN_H_
