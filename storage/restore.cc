#include "storage/restore.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/backup_format.h"
#include "core/record.h"
#include "core/replay.h"
#include "core/state.h"
#include "storage/commit_mark.h"
#include "storage/history_id.h"
#include "storage/leveldb_log.h"
#include "storage/snapshot_store.h"
#include "swoosh/v1/backup.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

// One append: a sync costs as much as writing many records.
constexpr size_t kAppendBytes = 4'194'304;
constexpr size_t kAppendRecordsMax = 10'000;
constexpr size_t kReadBackBytes = 8'388'608;
// Removed by the snapshot that is made of it, in any case: SnapshotStore owns the prefix.
constexpr char kBackupSnapshotName[] = "snapshot-of-backup.tmp";

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the backup: ", what));
}

absl::Status InRecord(uint64_t index, absl::string_view what) {
  return Damaged(absl::StrCat("record ", index, ": ", what));
}

bool IsDigest(const std::string& bytes) { return bytes.size() == sizeof(Digest); }

Digest ToDigest(absl::string_view bytes) {
  Digest digest = {};
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return digest;
}

// One restore, from the empty folders to the complete store.
class Restoring {
 public:
  Restoring(FileSystem* file_system, const StorePaths& paths,
            const std::function<void(uint64_t, uint64_t)>& on_progress)
      : file_system_(file_system), paths_(paths), on_progress_(on_progress) {}

  absl::StatusOr<RestoredStore> Run(absl::FunctionRef<absl::StatusOr<absl::string_view>()> next);

 private:
  std::string InDataDir(absl::string_view name) const {
    return absl::StrCat(paths_.data_dir, "/", name);
  }
  absl::Status CheckEmpty();
  absl::Status CheckEmpty(const std::string& directory) const;
  absl::Status TakeLock();

  absl::Status Visit(BackupFrame kind, absl::string_view payload);
  absl::Status Begin(absl::string_view payload);
  absl::Status CheckHeader() const;
  absl::Status AddSnapshotBytes(absl::string_view bytes);
  absl::Status EndSnapshot();
  absl::Status AddRecord(absl::string_view stored);
  absl::Status BeginLog(const Digest& hash_before);
  absl::Status CheckLink(uint64_t index, absl::string_view stored);
  absl::Status Flush();

  absl::Status End();
  absl::Status CheckEnd();
  absl::Status ReadBack();

  FileSystem* const file_system_;
  const StorePaths& paths_;
  const std::function<void(uint64_t, uint64_t)>& on_progress_;

  std::unique_ptr<FileLock> lock_;
  v1::BackupHeader header_;
  v1::BackupFooter footer_;
  std::string history_id_;  // the new one

  std::string snapshot_path_;
  std::unique_ptr<WritableFile> snapshot_file_;
  uint64_t snapshot_bytes_ = 0;
  bool snapshot_ended_ = false;
  std::unique_ptr<SnapshotStore> snapshots_;
  StateWriter writer_ = StateWriter::ForLoading();

  std::unique_ptr<LevelDbLog> log_;
  std::vector<EncodedRecord> group_;
  size_t group_bytes_ = 0;
  uint64_t next_index_ = 0;
  Digest last_hash_ = {};  // of the record before it
};

absl::StatusOr<RestoredStore> Restoring::Run(
    absl::FunctionRef<absl::StatusOr<absl::string_view>()> next) {
  absl::Status status = CheckEmpty();
  if (status.ok()) status = TakeLock();
  if (!status.ok()) return status;
  BackupParser parser;
  while (true) {
    const absl::StatusOr<absl::string_view> bytes = next();
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) break;
    status = parser.Push(*bytes, [this](BackupFrame kind, absl::string_view payload) {
      return Visit(kind, payload);
    });
    if (!status.ok()) return status;
  }
  status = parser.Finish();
  if (status.ok()) status = End();
  if (!status.ok()) return status;
  RestoredStore restored;
  restored.history_id = history_id_;
  restored.backup_history_id = header_.history_id();
  restored.index = header_.index();
  restored.state_hash = ToDigest(header_.state_hash());
  restored.records = footer_.records();
  return restored;
}

// ---------------------------------------------------------------- the folders

absl::Status Restoring::CheckEmpty() {
  const absl::StatusOr<HistoryFile> history =
      ReadHistoryFile(file_system_, InDataDir(kHistoryFileName));
  if (history.ok() && history->being_restored) {
    return absl::FailedPreconditionError(
        absl::StrCat("a restore into ", paths_.data_dir,
                     " did not come to its end: empty the folder before restoring again"));
  }
  for (const std::string& directory : {paths_.data_dir, paths_.wal_dir, paths_.snapshot_dir}) {
    if (absl::Status status = CheckEmpty(directory); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Restoring::CheckEmpty(const std::string& directory) const {
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(directory);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    // What a new file system holds, what asking for the lock makes, and what is looked at itself.
    if (name == "lost+found" || name == kLockFileName) continue;
    const std::string path = absl::StrCat(directory, "/", name);
    if (path == paths_.wal_dir || path == paths_.snapshot_dir) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " is not empty, it holds ", name,
                     ": a backup is restored into empty folders only"));
  }
  return absl::OkStatus();
}

absl::Status Restoring::TakeLock() {
  absl::Status status = file_system_->CreateDirectories(paths_.data_dir);
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<FileLock>> lock = file_system_->Lock(InDataDir(kLockFileName));
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  return absl::OkStatus();
}

// ---------------------------------------------------------------- frame by frame

absl::Status Restoring::Visit(BackupFrame kind, absl::string_view payload) {
  if (kind == BackupFrame::kHeader) return Begin(payload);
  if (kind == BackupFrame::kSnapshot) return AddSnapshotBytes(payload);
  if (!snapshot_ended_) {
    if (absl::Status status = EndSnapshot(); !status.ok()) return status;
  }
  if (kind == BackupFrame::kRecords) {
    absl::Status status =
        ReadBackupRecords(payload, [this](absl::string_view stored) { return AddRecord(stored); });
    if (status.ok() && on_progress_ != nullptr) {
      on_progress_(next_index_ - header_.first_index(),
                   header_.index() + 1 - header_.first_index());
    }
    return status;
  }
  if (!footer_.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return Damaged("its footer can't be understood");
  }
  return absl::OkStatus();
}

absl::Status Restoring::Begin(absl::string_view payload) {
  if (!header_.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return Damaged("its header can't be understood");
  }
  if (absl::Status status = CheckHeader(); !status.ok()) return status;
  absl::StatusOr<std::string> history_id = MakeHistoryId();
  if (!history_id.ok()) return history_id.status();
  history_id_ = *std::move(history_id);
  absl::Status status =
      WriteHistoryFile(file_system_, InDataDir(kHistoryFileName),
                       {history_id_, false, header_.origin_id(), /*being_restored=*/true});
  if (status.ok()) status = file_system_->CreateDirectories(paths_.wal_dir);
  if (status.ok()) status = file_system_->CreateDirectories(paths_.snapshot_dir);
  if (!status.ok()) return status;
  snapshots_ = std::make_unique<SnapshotStore>(file_system_, paths_.snapshot_dir, history_id_);
  next_index_ = header_.first_index();
  return absl::OkStatus();
}

absl::Status Restoring::CheckHeader() const {
  const bool sound = IsHistoryId(header_.history_id()) && IsHistoryId(header_.origin_id()) &&
                     IsDigest(header_.record_hash()) && IsDigest(header_.state_hash()) &&
                     header_.first_index() >= 1 && header_.first_index() <= header_.index() + 1 &&
                     header_.snapshot_index() <= header_.index() &&
                     header_.first_index() <= header_.snapshot_index() + 1;
  return sound ? absl::OkStatus() : Damaged("its header contradicts itself");
}

absl::Status Restoring::AddSnapshotBytes(absl::string_view bytes) {
  if (header_.snapshot_index() == 0) return Damaged("it has a snapshot that its header denies");
  if (snapshot_file_ == nullptr) {
    snapshot_path_ = absl::StrCat(paths_.snapshot_dir, "/", kBackupSnapshotName);
    absl::StatusOr<std::unique_ptr<WritableFile>> file = file_system_->Create(snapshot_path_);
    if (!file.ok()) return file.status();
    snapshot_file_ = *std::move(file);
  }
  snapshot_bytes_ += bytes.size();
  return snapshot_file_->Append(bytes);
}

// The state that the replay begins from.
absl::Status Restoring::EndSnapshot() {
  snapshot_ended_ = true;
  if (header_.snapshot_index() == 0) {
    writer_ = StateWriter(header_.origin_id());
    return absl::OkStatus();
  }
  if (snapshot_file_ == nullptr) return Damaged("it lacks the snapshot that its header tells of");
  if (absl::Status status = snapshot_file_->Close(); !status.ok()) return status;
  // It is of the old history; what the store keeps is written anew, of the new one.
  SnapshotStore of_backup(file_system_, paths_.snapshot_dir, header_.history_id());
  absl::StatusOr<StateWriter> writer =
      of_backup.Load({header_.snapshot_index(), snapshot_path_, snapshot_bytes_});
  if (absl::IsDataLoss(writer.status())) return Damaged(writer.status().message());
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  return snapshots_->Write(writer_.Sealed()).status();
}

absl::Status Restoring::AddRecord(absl::string_view stored) {
  const uint64_t index = next_index_;
  if (index > header_.index()) return InRecord(index, "its header tells of no such record");
  if (absl::Status status = CheckLink(index, stored); !status.ok()) return status;
  const Digest hash = Sha256(stored);
  const LogPosition& position = writer_.position();
  if (index == position.index && hash != position.record_hash) {
    return InRecord(index, "the snapshot was taken after another one");
  }
  if (index > position.index) {
    v1::Record record;
    absl::Status status = ReplayRecord(stored, &writer_, &record);
    if (absl::IsDataLoss(status)) return Damaged(status.message());
    if (!status.ok()) return status;
  }
  if (group_bytes_ + stored.size() > kAppendBytes || group_.size() >= kAppendRecordsMax) {
    if (absl::Status status = Flush(); !status.ok()) return status;
  }
  group_.push_back({index, std::string(stored), hash});
  group_bytes_ += stored.size();
  last_hash_ = hash;
  ++next_index_;
  return absl::OkStatus();
}

absl::Status Restoring::CheckLink(uint64_t index, absl::string_view stored) {
  v1::Record link;
  if (absl::Status status = DecodeRecordLink(stored, &link); !status.ok()) {
    return InRecord(index, status.message());
  }
  if (link.index() != index) {
    return InRecord(index, absl::StrCat("its bytes say that it is record ", link.index()));
  }
  if (log_ == nullptr) {
    // Of a first record below the snapshot nobody knows the one before it.
    const LogPosition& position = writer_.position();
    last_hash_ =
        index == position.index + 1 ? position.record_hash : ToDigest(link.previous_hash());
    if (absl::Status status = BeginLog(last_hash_); !status.ok()) return status;
  }
  if (link.previous_hash() != AsBytes(last_hash_)) {
    return InRecord(index, "it does not hold the hash of the record before it");
  }
  return absl::OkStatus();
}

absl::Status Restoring::BeginLog(const Digest& hash_before) {
  const uint64_t first = header_.first_index();
  const std::string mark_path = InDataDir(kCommitMarkFileName);
  absl::Status status =
      CommitMark::Create(file_system_, mark_path, {history_id_, first - 1, hash_before});
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<LevelDbLog>> log =
      LevelDbLog::Open(file_system_, paths_.wal_dir, /*create_if_missing=*/true, nullptr);
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  absl::StatusOr<std::unique_ptr<CommitMark>> mark = CommitMark::Open(file_system_, mark_path);
  if (!mark.ok()) return mark.status();
  log_->AttachMark(*std::move(mark));
  return log_->BeginAt(first);
}

absl::Status Restoring::Flush() {
  if (group_.empty()) return absl::OkStatus();
  absl::Status status = log_->Append(group_.front().index, group_);
  group_.clear();
  group_bytes_ = 0;
  return status;
}

// ---------------------------------------------------------------- the end

absl::Status Restoring::End() {
  absl::Status status = CheckEnd();
  if (status.ok() && log_ == nullptr) status = BeginLog(writer_.position().record_hash);
  if (status.ok()) status = Flush();
  log_.reset();  // syncs the mark
  if (status.ok() && header_.index() > header_.snapshot_index()) {
    status = snapshots_->Write(writer_.Sealed()).status();
  }
  if (status.ok()) status = ReadBack();
  if (!status.ok()) return status;
  return WriteHistoryFile(file_system_, InDataDir(kHistoryFileName),
                          {history_id_, /*store_complete=*/true, header_.origin_id()});
}

absl::Status Restoring::CheckEnd() {
  if (next_index_ != header_.index() + 1 ||
      footer_.records() != next_index_ - header_.first_index() ||
      footer_.snapshot_bytes() != snapshot_bytes_) {
    return Damaged(absl::StrCat("it has the records before ", next_index_, " and ", snapshot_bytes_,
                                " bytes of a snapshot, not what its header and footer tell"));
  }
  const Digest state_hash = writer_.Seal();
  const LogPosition& position = writer_.position();
  if (position.index != header_.index() || AsBytes(position.record_hash) != header_.record_hash()) {
    return Damaged(absl::StrCat("its records end at ", position.index, " with the hash ",
                                ToHex(position.record_hash), ", not where its header says"));
  }
  if (AsBytes(state_hash) != header_.state_hash()) {
    return Damaged(absl::StrCat("its records lead to the state hash ", ToHex(state_hash),
                                ", its header says ", ToHex(ToDigest(header_.state_hash()))));
  }
  return absl::OkStatus();
}

// What is on disk is what was checked.
absl::Status Restoring::ReadBack() {
  const absl::StatusOr<CommitMark::Content> mark =
      CommitMark::Read(file_system_, InDataDir(kCommitMarkFileName));
  if (!mark.ok()) return mark.status();
  const absl::StatusOr<std::unique_ptr<LevelDbLog>> log =
      LevelDbLog::Open(file_system_, paths_.wal_dir, /*create_if_missing=*/false, nullptr);
  if (!log.ok()) return log.status();
  const uint64_t end = header_.index() + 1;
  Digest last = ToDigest(header_.record_hash());
  absl::Status status;
  for (uint64_t from = header_.first_index(); status.ok() && from < end;) {
    status = (*log)->Read(from, kReadBackBytes, [&](uint64_t index, absl::string_view stored) {
      last = Sha256(stored);
      from = index + 1;
      return true;
    });
  }
  if (!status.ok()) return status;
  if ((*log)->first_index() == header_.first_index() && (*log)->next_index() == end &&
      AsBytes(last) == header_.record_hash() && mark->index == header_.index() &&
      mark->record_hash == last) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("what was written to ", paths_.wal_dir,
                                          " does not read back as it was: the disk can't be "
                                          "trusted"));
}

}  // namespace

absl::StatusOr<RestoredStore> Restore(
    FileSystem* file_system, const StorePaths& paths,
    absl::FunctionRef<absl::StatusOr<absl::string_view>()> next,
    const std::function<void(uint64_t records, uint64_t of)>& on_progress) {
  return Restoring(file_system, paths, on_progress).Run(next);
}

}  // namespace swoosh
