#ifndef SWOOSH_STORAGE_BACKUP_H_
#define SWOOSH_STORAGE_BACKUP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/backup_format.h"
#include "core/state.h"
#include "storage/file_system.h"
#include "storage/log.h"
#include "storage/snapshot_store.h"
#include "swoosh/v1/backup.pb.h"

namespace swoosh {

// What Next gives at a time, and about the memory that one backup takes, three times.
inline constexpr size_t kBackupPieceBytes = kBackupFrameBytes;

// The bytes of a backup of a store that is open and goes on being written to
// (core/backup_format.md). It is pulled, so it holds no queue. For one thread at a time; Next reads
// the disk.
class BackupSource {
 public:
  struct Store {
    FileSystem* file_system = nullptr;
    const Log* log = nullptr;
    const SnapshotStore* snapshots = nullptr;
    std::string history_id;
    std::string origin_id;
    // The state to back up; called once, in Open.
    std::function<State()> committed;
  };

  // Begins a backup of the records from `first_index` on, which must not be trimmed as long as the
  // source lives, up to the state committed now; with the oldest snapshot that counts, unless
  // `first_index` is 1. `header` has what only the caller knows: create_time and server_version.
  // What `store` points to must outlive the source.
  //   kDataLoss: there is no snapshot to begin with. kUnavailable: an I/O error.
  static absl::StatusOr<std::unique_ptr<BackupSource>> Open(const Store& store,
                                                            uint64_t first_index,
                                                            v1::BackupHeader header);

  // The next bytes, at most kBackupPieceBytes; none at the end.
  //   kDataLoss: a record is damaged. kUnavailable: an I/O error.
  absl::StatusOr<std::string> Next();

  const v1::BackupHeader& header() const { return header_; }

 private:
  explicit BackupSource(const Log* log) : log_(log) {}

  absl::Status OpenSnapshot(const Store& store, uint64_t first_index);
  absl::Status EncodeNext();
  absl::Status EncodeSnapshot();
  absl::Status EncodeRecords();
  void EncodeFooter();

  const Log* const log_;
  v1::BackupHeader header_;
  std::unique_ptr<ReadableFile> snapshot_;  // null: none, or all of it was read
  v1::BackupFooter footer_;
  uint64_t next_index_ = 0;
  bool ended_ = false;

  BackupEncoder encoder_;
  std::string encoded_;  // what Next has still to give, from given_ on
  size_t given_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_BACKUP_H_
