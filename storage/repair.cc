#include "storage/repair.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "core/record.h"
#include "core/replay.h"
#include "storage/commit_mark.h"
#include "storage/evidence.h"
#include "storage/history_id.h"
#include "storage/linked_copy.h"
#include "storage/log.h"
#include "storage/recovery.h"
#include "storage/recovery_refusal.h"
#include "storage/snapshot_file.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

// What one append to the new log carries.
constexpr size_t kAppendRecords = 1'000;
constexpr size_t kAppendBytes = 8'388'608;

constexpr char kSnapshotPrefix[] = "snapshot-";

// Damage is what a repair is for; all else ends it.
bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsNotFound(status);
}

// What is there under that name, in the order of the directory.
absl::StatusOr<std::vector<std::string>> ListIfThere(FileSystem* file_system,
                                                     const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names = file_system->List(directory);
  if (absl::IsNotFound(names.status())) return std::vector<std::string>();
  return names;
}

// Durable, and never gone from both.
absl::Status Move(FileSystem* file_system, const std::string& from_directory,
                  const std::string& to_directory, const std::string& name) {
  const std::string from = absl::StrCat(from_directory, "/", name);
  absl::Status status = LinkOrCopy(file_system, from, absl::StrCat(to_directory, "/", name));
  if (status.ok()) status = file_system->SyncDirectory(to_directory);
  if (status.ok()) status = file_system->Remove(from);
  if (status.ok()) status = file_system->SyncDirectory(from_directory);
  return status;
}

// Removes the files whose names fit, durably.
template <typename Predicate>
absl::Status RemoveAll(FileSystem* file_system, const std::string& directory,
                       const Predicate& fits) {
  const absl::StatusOr<std::vector<std::string>> names = file_system->List(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!fits(name)) continue;
    absl::Status removed = file_system->Remove(absl::StrCat(directory, "/", name));
    if (!removed.ok()) return removed;
  }
  return file_system->SyncDirectory(directory);
}

bool IsSnapshot(absl::string_view name) { return absl::StartsWith(name, kSnapshotPrefix); }

}  // namespace

// ------------------------------------------------------------------- finding out

absl::StatusOr<std::unique_ptr<Repair>> Repair::Examine(FileSystem* file_system,
                                                        const StorePaths& paths) {
  std::unique_ptr<Repair> repair(new Repair(file_system, paths));
  RepairPlan& plan = repair->plan_;
  {
    RecoveryOptions verify;
    verify.from_oldest = true;
    verify.read_only = true;
    verify.window_records = UINT64_MAX;
    const absl::Status status = Recover(file_system, paths, verify).status();
    if (status.ok()) return repair;
    const Refusal refusal = RefusalOf(status);
    if (!absl::IsDataLoss(status) || refusal == Refusal::kRestoreUnfinished) return status;
    plan.goes_on = refusal == Refusal::kRepairUnfinished;
    plan.trouble = std::string(status.message());
  }
  absl::StatusOr<std::unique_ptr<FileLock>> lock =
      file_system->Lock(paths.InDataDir(kLockFileName));
  if (!lock.ok()) return lock.status();
  repair->lock_ = *std::move(lock);
  if (plan.goes_on) return repair;
  absl::Status status = repair->FindIdentity();
  if (status.ok()) status = repair->FindWhatCanBeKept();
  if (!status.ok()) return status;
  return repair;
}

// The history id file says it; where that is damaged, what repeats it.
absl::Status Repair::FindIdentity() {
  const absl::StatusOr<HistoryFile> history =
      ReadHistoryFile(file_system_, paths_.InDataDir(kHistoryFileName));
  if (!history.ok() && !IsDamage(history.status())) return history.status();
  if (history.ok()) {
    history_id_ = history->history_id;
    origin_id_ = history->origin_id;
  }
  const absl::StatusOr<CommitMark::Content> mark =
      CommitMark::Read(file_system_, paths_.InDataDir(kCommitMarkFileName));
  if (!mark.ok() && !IsDamage(mark.status())) return mark.status();
  if (mark.ok() && history_id_.empty()) history_id_ = mark->history_id;
  const absl::StatusOr<std::vector<std::string>> names =
      ListIfThere(file_system_, paths_.snapshot_dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    uint64_t index = 0;
    if (!history_id_.empty() || !ParseSnapshotFileName(name, &index)) continue;
    const absl::StatusOr<SnapshotFileReader> reader =
        SnapshotFileReader::Open(file_system_, absl::StrCat(paths_.snapshot_dir, "/", name));
    if (reader.ok()) history_id_ = reader->header().history_id;
  }
  if (history_id_.empty()) {
    return absl::DataLossError(absl::StrCat(
        "neither the history id file nor the commit mark in ", paths_.data_dir,
        " nor a snapshot in ", paths_.snapshot_dir,
        " says which history this is: restore a backup, or put one of these files back"));
  }
  if (origin_id_.empty()) origin_id_ = history_id_;
  if (mark.ok() && mark->history_id == history_id_) plan_.acknowledged = mark->index;
  return absl::OkStatus();
}

absl::Status Repair::FindWhatCanBeKept() {
  absl::StatusOr<std::unique_ptr<Salvage>> salvage = Salvage::Open(file_system_, paths_.wal_dir);
  if (!salvage.ok()) return salvage.status();
  salvage_ = *std::move(salvage);
  snapshots_ = std::make_unique<SnapshotStore>(file_system_, paths_.snapshot_dir, history_id_);
  absl::StatusOr<std::vector<SnapshotStore::Info>> infos = snapshots_->List();
  if (absl::IsNotFound(infos.status())) infos = std::vector<SnapshotStore::Info>();
  if (!infos.ok()) return infos.status();
  // What an older one leads to goes through the newer one, or through records that the newer one
  // leads on from: so the first that is whole reaches farthest.
  for (const SnapshotStore::Info& info : *infos) {
    absl::StatusOr<StateWriter> writer = snapshots_->Load(info);
    if (absl::IsDataLoss(writer.status())) continue;
    if (!writer.ok()) return writer.status();
    const LogPosition position = writer->position();
    const absl::StatusOr<std::string> stored = salvage_->Get(info.index);
    if (!stored.ok() && !IsDamage(stored.status())) return stored.status();
    if (stored.ok() && Sha256(*stored) != position.record_hash) continue;
    start_ = info;
    start_index_ = info.index;
    if (absl::Status status = Extend(*std::move(writer)); !status.ok()) return status;
    return FindFirstKept(position);
  }
  plan_.first_kept = 1;
  return Extend(StateWriter(origin_id_));
}

// Replays what follows `writer`, as far as it goes.
absl::Status Repair::Extend(StateWriter writer) {
  plan_.last_kept = writer.position().index;
  v1::Record record;
  while (true) {
    const absl::StatusOr<std::string> stored = salvage_->Get(plan_.last_kept + 1);
    absl::Status status = stored.status();
    if (status.ok()) status = ReplayRecord(*stored, &writer, &record);
    if (!status.ok()) return IsDamage(status) ? absl::OkStatus() : status;
    ++plan_.last_kept;
  }
}

// Goes back from the snapshot at `position` along the chain, as far as it can be read.
absl::Status Repair::FindFirstKept(LogPosition position) {
  plan_.first_kept = position.index + 1;
  v1::Record record;
  while (plan_.first_kept > 1) {
    const absl::StatusOr<std::string> stored = salvage_->Get(plan_.first_kept - 1);
    if (!stored.ok() && !IsDamage(stored.status())) return stored.status();
    if (!stored.ok() || Sha256(*stored) != position.record_hash ||
        !DecodeRecordLink(*stored, &record).ok() ||
        record.previous_hash().size() != position.record_hash.size()) {
      return absl::OkStatus();
    }
    // A first record that begins another chain than the store's: it stays in the snapshot alone.
    if (plan_.first_kept == 2 && record.previous_hash() != AsBytes(Sha256(origin_id_))) {
      return absl::OkStatus();
    }
    std::copy(record.previous_hash().begin(), record.previous_hash().end(),
              position.record_hash.begin());
    --plan_.first_kept;
  }
  return absl::OkStatus();
}

// ------------------------------------------------------------------- carrying out

absl::StatusOr<RepairResult> Repair::CarryOut() {
  std::string evidence = absl::StrCat(paths_.wal_dir, "/", kEvidenceName);
  if (!plan_.goes_on) {
    absl::Status status = file_system_->CreateDirectories(paths_.wal_dir);
    if (status.ok()) status = file_system_->CreateDirectories(paths_.snapshot_dir);
    if (!status.ok()) return status;
    absl::StatusOr<std::string> kept = KeepEvidence();
    if (!kept.ok()) return kept.status();
    evidence = *std::move(kept);
    const absl::StatusOr<std::string> history_id = MakeHistoryId();
    if (!history_id.ok()) return history_id.status();
    absl::StatusOr<StateWriter> writer =
        start_.has_value() ? snapshots_->Load(*start_) : StateWriter(origin_id_);
    if (!writer.ok()) return writer.status();
    status = BuildLog(*history_id, &*writer);
    if (status.ok()) status = BuildSnapshot(*history_id, *std::move(writer));
    salvage_.reset();
    // The decision.
    if (status.ok()) {
      HistoryFile history = {*history_id, false, origin_id_};
      history.being_repaired = true;
      status = WriteHistoryFile(file_system_, paths_.InDataDir(kHistoryFileName), history);
    }
    if (!status.ok()) return status;
  }
  if (absl::Status status = PutInPlace(); !status.ok()) return status;
  absl::StatusOr<RepairResult> result = Prove();
  if (result.ok()) result->evidence = std::move(evidence);
  return result;
}

absl::StatusOr<std::string> Repair::KeepEvidence() {
  absl::StatusOr<std::unique_ptr<Evidence>> evidence = Evidence::Keep(file_system_, paths_);
  if (!evidence.ok()) return evidence.status();
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(paths_.snapshot_dir);
  if (!names.ok()) return names.status();
  absl::Status status;
  for (const std::string& name : *names) {
    if (!status.ok()) break;
    if (IsSnapshot(name)) status = (*evidence)->Add(absl::StrCat(paths_.snapshot_dir, "/", name));
  }
  if (status.ok()) status = (*evidence)->Stay(absl::StrCat("repaired: ", plan_.trouble));
  if (!status.ok()) return status;
  return (*evidence)->directory();
}

// Leaves `writer` at the last record.
absl::Status Repair::BuildLog(const std::string& history_id, StateWriter* writer) {
  const std::string directory = RepairedLog();
  absl::Status status = RemoveWithFiles(file_system_, directory);
  if (status.ok()) status = file_system_->CreateDirectories(directory);
  // Without a record to append, the mark is that of the snapshot.
  const CommitMark::Content mark = {history_id, plan_.first_kept - 1,
                                    writer->position().record_hash};
  if (status.ok()) status = CommitMark::Create(file_system_, RepairedMark(), mark);
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<CommitMark>> written =
      CommitMark::Open(file_system_, RepairedMark());
  if (!written.ok()) return written.status();
  absl::StatusOr<std::unique_ptr<LevelDbLog>> log =
      LevelDbLog::Open(file_system_, directory, /*create_if_missing=*/true, nullptr);
  if (!log.ok()) return log.status();
  (*log)->AttachMark(*std::move(written));
  if (plan_.first_kept > 1) status = (*log)->BeginAt(plan_.first_kept);
  return status.ok() ? AppendKept(log->get(), writer) : status;
}

absl::Status Repair::AppendKept(LevelDbLog* log, StateWriter* writer) {
  std::vector<EncodedRecord> group;
  size_t bytes = 0;
  v1::Record record;
  for (uint64_t index = plan_.first_kept; index <= plan_.last_kept; ++index) {
    absl::StatusOr<std::string> stored = salvage_->Get(index);
    absl::Status status = stored.status();
    if (status.ok() && index > start_index_) status = ReplayRecord(*stored, writer, &record);
    if (!status.ok()) return absl::UnavailableError(status.message());  // it could be read before
    bytes += stored->size();
    const Digest hash = Sha256(*stored);
    group.push_back({index, *std::move(stored), hash});
    if (group.size() < kAppendRecords && bytes < kAppendBytes && index < plan_.last_kept) continue;
    if (status = log->Append(group.front().index, group); !status.ok()) return status;
    group.clear();
    bytes = 0;
  }
  return absl::OkStatus();
}

absl::Status Repair::BuildSnapshot(const std::string& history_id, StateWriter writer) {
  const std::string directory = RepairedSnapshots();
  absl::Status status = RemoveWithFiles(file_system_, directory);
  if (status.ok()) status = file_system_->CreateDirectories(directory);
  if (!status.ok() || plan_.last_kept == 0) return status;
  writer.Seal();
  return SnapshotStore(file_system_, directory, history_id).Write(writer.Sealed(), 0).status();
}

// Each step can be repeated after a crash at any place in it.
absl::Status Repair::PutInPlace() {
  const std::string history_path = paths_.InDataDir(kHistoryFileName);
  absl::StatusOr<HistoryFile> history = ReadHistoryFile(file_system_, history_path);
  if (!history.ok()) return history.status();
  const absl::StatusOr<CommitMark::Content> mark = CommitMark::Read(file_system_, RepairedMark());
  if (!mark.ok()) return mark.status();
  absl::Status status = PutLogInPlace();
  if (status.ok()) status = PutSnapshotInPlace(mark->index);
  if (status.ok()) {
    status = CommitMark::Create(file_system_, paths_.InDataDir(kCommitMarkFileName), *mark);
  }
  if (status.ok()) {
    status = WriteHistoryFile(file_system_, history_path,
                              {history->history_id, true, history->origin_id});
  }
  // What a crash leaves from here on is removed by the next recovery.
  if (status.ok()) status = RemoveWithFiles(file_system_, RepairedLog());
  return status;
}

// While CURRENT is among the new files, the old ones are there, or some of them.
absl::Status Repair::PutLogInPlace() {
  const std::string repaired = RepairedLog();
  absl::Status status;
  if (file_system_->Exists(absl::StrCat(repaired, "/CURRENT"))) {
    status = RemoveAll(file_system_, paths_.wal_dir, IsDatabaseFile);
    if (status.ok()) status = Move(file_system_, repaired, paths_.wal_dir, "CURRENT");
    if (!status.ok()) return status;
  }
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(repaired);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (status.ok() && IsDatabaseFile(name)) {
      status = Move(file_system_, repaired, paths_.wal_dir, name);
    }
  }
  return status;
}

// Likewise, while the new snapshot, of which there is one if there is a record, lies beside.
absl::Status Repair::PutSnapshotInPlace(uint64_t index) {
  const std::string repaired = RepairedSnapshots();
  const std::string name = SnapshotFileName(index);
  const bool moves = file_system_->Exists(absl::StrCat(repaired, "/", name));
  absl::Status status;
  if (moves || index == 0) status = RemoveAll(file_system_, paths_.snapshot_dir, IsSnapshot);
  if (status.ok() && moves) status = Move(file_system_, repaired, paths_.snapshot_dir, name);
  return status.ok() ? RemoveWithFiles(file_system_, repaired) : status;
}

absl::StatusOr<RepairResult> Repair::Prove() {
  lock_.reset();
  RecoveryOptions verify;
  verify.from_oldest = true;
  verify.read_only = true;
  verify.window_records = UINT64_MAX;
  absl::StatusOr<OpenStore> store = Recover(file_system_, paths_, verify);
  if (!store.ok()) return store.status();
  RepairResult result;
  result.history_id = store->history_id;
  result.index = store->writer.position().index;
  result.state_hash = store->writer.Seal();
  return result;
}

}  // namespace swoosh
