#ifndef SWOOSH_STORAGE_EVIDENCE_H_
#define SWOOSH_STORAGE_EVIDENCE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/file_system.h"
#include "storage/store_paths.h"

namespace swoosh {

// A store's files as they were found, kept before anything of them is changed. LevelDB changes them
// by opening them, and after a loss that it did not notice the next opening is clean.
//
// A set is a folder WAL_DIR/evidence/N, beside the files, as a hard link can't leave its disk:
//   CURRENT, MANIFEST-*, *.log, *.ldb   links
//   commit_mark, history_id             copies: the mark is overwritten in place
//   snapshot-*                          links or copies of those that a repair takes away
//   FOUND       what was there, by name and size, snapshots too; written last: a set without it
//               was cut short before anything was changed, and counts for nothing
//   REFUSED     why the store was refused; a set with it stays until an operator removes it
// Copied over the store's folders they make it what it was.
//
// At most kEvidenceSetsMax sets are kept. The first ones are never replaced, only the newest is, so
// that a supervisor that starts a refused store over and over destroys no evidence and fills no
// disk. A set without REFUSED, of a recovery that was killed, is what the store was before that one
// began, so the next recovery goes on with it instead of making its own.
class Evidence {
 public:
  // Durable when it returns. The caller holds the store's lock. `file_system` is not owned.
  //   kResourceExhausted, kUnavailable
  static absl::StatusOr<std::unique_ptr<Evidence>> Keep(FileSystem* file_system,
                                                        const StorePaths& paths);

  // "WAL_DIR/evidence/3".
  const std::string& directory() const { return directory_; }

  // The store turned out to be whole up to the mark: removes this set, and any other without
  // REFUSED.
  absl::Status LetGo();

  // Keeps another file, under its name: a link, or a copy where the disk has none. Durable.
  absl::Status Add(const std::string& path);

  // The store was refused, or is repaired: this set stays, with `why`.
  absl::Status Stay(absl::string_view why);

 private:
  Evidence(FileSystem* file_system, std::string root, std::string directory)
      : file_system_(file_system), root_(std::move(root)), directory_(std::move(directory)) {}

  absl::Status Fill(const StorePaths& paths);

  FileSystem* const file_system_;
  const std::string root_;
  const std::string directory_;
};

inline constexpr size_t kEvidenceSetsMax = 4;

// In `wal_dir`.
inline constexpr char kEvidenceName[] = "evidence";
// In a set.
inline constexpr char kEvidenceFoundName[] = "FOUND";
inline constexpr char kEvidenceRefusedName[] = "REFUSED";

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_EVIDENCE_H_
