#ifndef SWOOSH_STORAGE_START_SNAPSHOT_H_
#define SWOOSH_STORAGE_START_SNAPSHOT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/hlc.h"
#include "core/state.h"
#include "storage/file_system.h"
#include "storage/recovery_table.h"
#include "storage/snapshot_format.h"
#include "storage/snapshot_store.h"

namespace swoosh {

// The snapshot that a recovery starts from, and what the others say. Errors are refusals
// (recovery_refusal.h).
class StartSnapshot {
 public:
  // `file_system` is not owned.
  StartSnapshot(FileSystem* file_system, const std::string& directory,
                const std::string& history_id)
      : file_system_(file_system),
        history_id_(history_id),
        store_(std::make_unique<SnapshotStore>(file_system, directory, history_id)) {}

  // Loads the newest that is whole. With `from_oldest` the oldest, or none if the log begins at
  // record 1; the newer ones are checked, and compared when replay passes them.
  absl::StatusOr<SnapshotFound> Load(bool from_oldest, uint64_t log_first_index);

  // The one loaded; nullopt: none was.
  const std::optional<SnapshotStore::Info>& loaded() const { return loaded_; }
  // Of the one loaded, 0 without.
  uint64_t index() const { return loaded_.has_value() ? loaded_->index : 0; }
  // Of the record that it was taken after.
  Hlc hlc() const { return hlc_; }
  // Once; at the state loaded, sealed.
  StateWriter TakeWriter() { return std::move(writer_); }

  // The damaged ones and what is wrong with them, or the one of another history. "" when all is
  // well.
  const std::string& trouble() const { return trouble_; }
  bool any_damaged() const { return !damaged_.empty(); }
  // Renames them, so that they are found no more.
  absl::Status SetAsideDamaged();

  // Whether `writer`, which was replayed to its position, agrees with a snapshot taken there.
  bool AgreesWithPassed(StateWriter* writer) const;

  // Once, at the end.
  std::unique_ptr<SnapshotStore> TakeStore() { return std::move(store_); }

 private:
  bool IsOfOtherHistory(const SnapshotStore::Info& info);
  absl::Status TryLoad(const SnapshotStore::Info& info);
  absl::Status NotePassed(const SnapshotStore::Info& info);
  absl::Status NoteDamaged(const SnapshotStore::Info& info, const absl::Status& status);

  FileSystem* const file_system_;
  const std::string history_id_;
  std::unique_ptr<SnapshotStore> store_;
  std::optional<SnapshotStore::Info> loaded_;
  StateWriter writer_ = StateWriter::ForLoading();
  Hlc hlc_;
  std::vector<SnapshotStore::Info> damaged_;
  std::string trouble_;
  // Snapshots that a replay from the oldest state passes.
  std::map<uint64_t, SnapshotHeader> passed_;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_START_SNAPSHOT_H_
