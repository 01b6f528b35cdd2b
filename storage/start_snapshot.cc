#include "storage/start_snapshot.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/recovery_refusal.h"
#include "storage/snapshot_file.h"

namespace swoosh {

absl::StatusOr<SnapshotFound> StartSnapshot::Load(bool from_oldest, uint64_t log_first_index) {
  absl::StatusOr<std::vector<SnapshotStore::Info>> infos = store_->List();
  if (absl::IsNotFound(infos.status())) return SnapshotFound::kNone;
  if (!infos.ok()) return Refuse(Refusal::kIo, infos.status().message());
  if (from_oldest) std::reverse(infos->begin(), infos->end());

  const bool from_start = from_oldest && log_first_index == 1;
  for (const SnapshotStore::Info& info : *infos) {
    if (IsOfOtherHistory(info)) return SnapshotFound::kOtherHistory;
    if (from_start || loaded_.has_value()) {
      if (!from_oldest) break;
      if (absl::Status status = NotePassed(info); !status.ok()) return status;
    } else if (absl::Status status = TryLoad(info); !status.ok()) {
      return status;
    }
  }
  if (loaded_.has_value()) return any_damaged() ? SnapshotFound::kOlder : SnapshotFound::kNewest;
  // From the start, snapshots don't matter.
  return !any_damaged() || from_start ? SnapshotFound::kNone : SnapshotFound::kAllDamaged;
}

bool StartSnapshot::IsOfOtherHistory(const SnapshotStore::Info& info) {
  const absl::StatusOr<SnapshotFileReader> reader =
      SnapshotFileReader::Open(file_system_, info.path);
  // A damaged header says nothing.
  if (!reader.ok() || reader->header().history_id == history_id_) return false;
  trouble_ = absl::StrCat(info.path, " is of history ", reader->header().history_id);
  return true;
}

absl::Status StartSnapshot::TryLoad(const SnapshotStore::Info& info) {
  absl::StatusOr<StateWriter> writer = store_->Load(info);
  if (!writer.ok()) return NoteDamaged(info, writer.status());
  writer_ = *std::move(writer);
  loaded_ = info;
  hlc_ = writer_.position().hlc;
  return absl::OkStatus();
}

absl::Status StartSnapshot::NotePassed(const SnapshotStore::Info& info) {
  absl::StatusOr<SnapshotHeader> header = store_->Check(info);
  if (!header.ok()) return NoteDamaged(info, header.status());
  passed_[info.index] = *std::move(header);
  return absl::OkStatus();
}

absl::Status StartSnapshot::NoteDamaged(const SnapshotStore::Info& info,
                                        const absl::Status& status) {
  if (!absl::IsDataLoss(status)) return RefuseFor(Refusal::kIo, status);
  damaged_.push_back(info);
  absl::StrAppend(&trouble_, trouble_.empty() ? "" : "; ", status.message());
  return absl::OkStatus();
}

absl::Status StartSnapshot::SetAsideDamaged() {
  for (const SnapshotStore::Info& info : damaged_) {
    absl::Status status = store_->SetAside(info);
    if (!status.ok()) return Refuse(Refusal::kIo, status.message());
  }
  return absl::OkStatus();
}

bool StartSnapshot::AgreesWithPassed(StateWriter* writer) const {
  const LogPosition& position = writer->position();
  const auto passed = passed_.find(position.index);
  return passed == passed_.end() || (passed->second.position.record_hash == position.record_hash &&
                                     passed->second.state_hash == writer->Seal());
}

}  // namespace swoosh
