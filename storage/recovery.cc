#include "storage/recovery.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/hlc.h"
#include "core/record.h"
#include "storage/commit_mark.h"
#include "storage/evidence.h"
#include "storage/history_id.h"
#include "storage/leveldb_log.h"
#include "storage/log_opening.h"
#include "storage/log_replay.h"
#include "storage/start_snapshot.h"

namespace swoosh {
namespace {

// What one read of the log brings into memory.
constexpr size_t kReadBytes = 8'388'608;

std::string HlcText(const Hlc& hlc) {
  return absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(hlc.time_us),
                                       absl::UTCTimeZone()),
                      "/", hlc.counter);
}

// One recovery, from the lock to the report.
class Recovery {
 public:
  Recovery(FileSystem* file_system, const StorePaths& paths, const RecoveryOptions& options)
      : file_system_(file_system), paths_(paths), options_(options) {}

  absl::StatusOr<OpenStore> Run();

 private:
  std::string InDataDir(absl::string_view name) const { return paths_.InDataDir(name); }

  // Before the log is opened.
  absl::Status TakeLock();
  absl::StatusOr<FirstFindings> FindFirst();
  absl::StatusOr<HistoryFound> FindHistory();
  absl::StatusOr<SnapshotsFound> FindSnapshots();
  absl::StatusOr<MarkFound> FindMark();
  absl::Status RefuseFirst(Refusal refusal) const;
  absl::Status MakeStore();

  // With the log open.
  absl::Status KeepEvidence(const FirstFindings& findings);
  absl::Status WithEvidence(const absl::Status& refusal) const;
  absl::Status OpenLog();
  absl::Status ChooseStart();
  absl::StatusOr<SnapshotFound> LoadSnapshot();
  absl::Status RefuseSecond(Refusal refusal) const;
  absl::Status ReadBeforeStart();
  absl::Status Replay();
  absl::Status CheckAgainstMark(uint64_t index, const Digest& hash) const;
  absl::Status CheckAgainstSnapshot(const LogPosition& position);
  absl::Status ReadLog(uint64_t from, uint64_t end,
                       absl::FunctionRef<absl::Status(uint64_t, absl::string_view)> visit) const;
  absl::Status MakeWritable(const LogPosition& position);
  absl::Status Finish();

  FileSystem* const file_system_;
  const StorePaths& paths_;
  const RecoveryOptions& options_;
  OpenStore store_;

  bool made_new_ = false;
  absl::Status damage_;  // of the file that FindFirst found damaged
  CommitMark::Content mark_;
  std::unique_ptr<Evidence> evidence_;
  std::unique_ptr<LevelDbLog> log_;
  std::string log_report_;

  uint64_t start_ = 0;                       // the index of the state that replay starts from
  std::unique_ptr<StartSnapshot> snapshot_;  // from the moment when one is looked for
};

absl::StatusOr<OpenStore> Recovery::Run() {
  if (absl::Status status = TakeLock(); !status.ok()) return status;
  const absl::StatusOr<FirstFindings> findings = FindFirst();
  if (!findings.ok()) return findings.status();
  const FirstDecision decision = Decide(*findings);
  if (decision.step == FirstStep::kRefuse) return RefuseFirst(decision.refusal);
  if (absl::Status status = KeepEvidence(*findings); !status.ok()) return status;
  switch (decision.step) {
    case FirstStep::kRefuse:
    case FirstStep::kCreate:
    case FirstStep::kFinish:
      if (absl::Status status = MakeStore(); !status.ok()) return WithEvidence(status);
      break;
    case FirstStep::kOpenLog:
      break;
  }
  absl::Status status = OpenLog();
  if (status.ok()) status = ChooseStart();
  if (status.ok()) status = ReadBeforeStart();
  if (status.ok()) status = Replay();
  if (status.ok()) status = Finish();
  if (!status.ok()) return WithEvidence(status);
  return std::move(store_);
}

absl::Status Recovery::TakeLock() {
  if (options_.read_only && !file_system_->Exists(paths_.data_dir)) {
    return Refuse(Refusal::kNoStore, "there is no store in ", paths_.data_dir);
  }
  absl::Status created = file_system_->CreateDirectories(paths_.data_dir);
  if (!created.ok()) return Refuse(Refusal::kIo, created.message());
  absl::StatusOr<std::unique_ptr<FileLock>> lock = file_system_->Lock(InDataDir(kLockFileName));
  if (absl::IsFailedPrecondition(lock.status())) {
    return Refuse(Refusal::kInUse, "the data directory ", paths_.data_dir,
                  " is in use by another process: ", lock.status().message());
  }
  if (!lock.ok()) return Refuse(Refusal::kIo, lock.status().message());
  store_.lock = *std::move(lock);
  return absl::OkStatus();
}

absl::StatusOr<FirstFindings> Recovery::FindFirst() {
  const absl::StatusOr<HistoryFound> history = FindHistory();
  if (!history.ok()) return history.status();
  const absl::StatusOr<SnapshotsFound> snapshots = FindSnapshots();
  if (!snapshots.ok()) return snapshots.status();
  const absl::StatusOr<MarkFound> mark = FindMark();
  if (!mark.ok()) return mark.status();
  const absl::StatusOr<bool> log_found = LevelDbLog::Find(file_system_, paths_.wal_dir);
  if (!log_found.ok()) return Refuse(Refusal::kIo, log_found.status().message());
  const LogFound log = *log_found ? LogFound::kPresent : LogFound::kAbsent;
  return FirstFindings{*history, log, *snapshots, *mark};
}

absl::StatusOr<HistoryFound> Recovery::FindHistory() {
  absl::StatusOr<HistoryFile> file = ReadHistoryFile(file_system_, InDataDir(kHistoryFileName));
  if (absl::IsNotFound(file.status())) return HistoryFound::kAbsent;
  if (absl::IsDataLoss(file.status())) {
    damage_ = file.status();
    return HistoryFound::kDamaged;
  }
  if (!file.ok()) return Refuse(Refusal::kIo, file.status().message());
  store_.history_id = std::move(file->history_id);
  store_.origin_id = std::move(file->origin_id);
  if (file->being_restored) return HistoryFound::kBeingRestored;
  if (file->being_repaired) return HistoryFound::kBeingRepaired;
  return file->store_complete ? HistoryFound::kWhole : HistoryFound::kUnfinished;
}

absl::StatusOr<SnapshotsFound> Recovery::FindSnapshots() {
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(paths_.snapshot_dir);
  if (absl::IsNotFound(names.status())) return SnapshotsFound::kNone;
  if (!names.ok()) return Refuse(Refusal::kIo, names.status().message());
  const bool any = std::any_of(names->begin(), names->end(), [](const std::string& name) {
    uint64_t index = 0;
    return ParseSnapshotFileName(name, &index);
  });
  return any ? SnapshotsFound::kSome : SnapshotsFound::kNone;
}

absl::StatusOr<MarkFound> Recovery::FindMark() {
  absl::StatusOr<CommitMark::Content> mark =
      CommitMark::Read(file_system_, InDataDir(kCommitMarkFileName));
  if (absl::IsNotFound(mark.status())) return MarkFound::kAbsent;
  if (absl::IsDataLoss(mark.status())) {
    if (damage_.ok()) damage_ = mark.status();
    return MarkFound::kDamaged;
  }
  if (!mark.ok()) return Refuse(Refusal::kIo, mark.status().message());
  mark_ = *std::move(mark);
  return mark_.history_id == store_.history_id ? MarkFound::kWhole : MarkFound::kOtherHistory;
}

absl::Status Recovery::RefuseFirst(Refusal refusal) const {
  const std::string history = InDataDir(kHistoryFileName);
  const std::string mark = InDataDir(kCommitMarkFileName);
  switch (refusal) {
    case Refusal::kHistoryIdMissing:
      return Refuse(refusal, history, " is missing beside a log in ", paths_.wal_dir,
                    ", snapshots in ", paths_.snapshot_dir, " or a commit mark");
    case Refusal::kHistoryIdDamaged:
    case Refusal::kMarkDamaged:
      return Refuse(refusal, damage_.message());
    case Refusal::kUnfinishedStoreHasData:
      return Refuse(refusal, history, " says that the store was never completed, but there is ",
                    "data of it in ", paths_.wal_dir, " or ", paths_.snapshot_dir);
    case Refusal::kRestoreUnfinished:
      return Refuse(refusal, "a restore into ", paths_.data_dir,
                    " did not come to its end, so the store there is not whole: empty the folder "
                    "and restore again");
    case Refusal::kRepairUnfinished:
      return Refuse(refusal, "a repair of ", paths_.data_dir,
                    " did not come to its end: run 'swooshd repair' again");
    case Refusal::kLogMissing:
      return RefusalFrom(
          1, Refuse(refusal, "there is no log in ", paths_.wal_dir, "; history ", store_.history_id,
                    " was acknowledged up to record ", mark_.index));
    case Refusal::kMarkMissing:
      return Refuse(refusal, "the commit mark ", mark, " is missing beside the log in ",
                    paths_.wal_dir, ", so it can't be told whether the log is whole");
    default:
      return Refuse(refusal, mark, " is of history ", mark_.history_id, ", the store is ",
                    store_.history_id);
  }
}

absl::Status Recovery::MakeStore() {
  if (options_.read_only) {
    return Refuse(Refusal::kNoStore, "there is no complete store in ", paths_.data_dir);
  }
  if (mark_.index > 0) return RefuseFirst(Refusal::kUnfinishedStoreHasData);
  const auto io = [](const absl::Status& status) { return RefuseFor(Refusal::kIo, status); };
  const std::string history = InDataDir(kHistoryFileName);
  if (store_.history_id.empty()) {
    absl::StatusOr<std::string> history_id = MakeHistoryId();
    if (!history_id.ok()) return io(history_id.status());
    store_.history_id = *std::move(history_id);
    store_.origin_id = store_.history_id;
    if (absl::Status status = WriteHistoryFile(file_system_, history, {store_.history_id, false});
        !status.ok()) {
      return io(status);
    }
  }
  absl::Status status = file_system_->CreateDirectories(paths_.wal_dir);
  if (status.ok()) status = file_system_->CreateDirectories(paths_.snapshot_dir);
  if (!status.ok()) return io(status);
  {
    absl::StatusOr<std::unique_ptr<LevelDbLog>> log =
        LevelDbLog::Open(file_system_, paths_.wal_dir, /*create_if_missing=*/true, nullptr);
    if (!log.ok()) return RefuseFor(Refusal::kLogUnreadable, log.status());
    if ((*log)->next_index() > 1) return RefuseFirst(Refusal::kUnfinishedStoreHasData);
  }
  mark_ = {store_.history_id, 0, Sha256(store_.origin_id)};
  status = CommitMark::Create(file_system_, InDataDir(kCommitMarkFileName), mark_);
  if (status.ok()) status = WriteHistoryFile(file_system_, history, {store_.history_id, true});
  if (!status.ok()) return io(status);
  made_new_ = true;
  return absl::OkStatus();
}

// From here on LevelDB may change what is there.
absl::Status Recovery::KeepEvidence(const FirstFindings& findings) {
  if (options_.read_only || findings.log == LogFound::kAbsent) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Evidence>> evidence = Evidence::Keep(file_system_, paths_);
  if (!evidence.ok()) return Refuse(Refusal::kIo, evidence.status().message());
  evidence_ = *std::move(evidence);
  return absl::OkStatus();
}

absl::Status Recovery::WithEvidence(const absl::Status& refusal) const {
  if (evidence_ == nullptr || !absl::IsDataLoss(refusal)) return refusal;
  const absl::Status stays = evidence_->Stay(refusal.message());
  const absl::Status told = WithMore(
      refusal, absl::StrCat("; the files as they were found are kept in ", evidence_->directory()));
  return stays.ok() ? told : WithMore(told, absl::StrCat(" (", stays.message(), ")"));
}

absl::Status Recovery::OpenLog() {
  absl::StatusOr<LogOpening> opening =
      OpenScannedLog(file_system_, paths_, mark_, options_.read_only, options_.on_log_sync,
                     options_.log_write_buffer_bytes);
  if (!opening.ok()) return opening.status();
  store_.scratch = std::move(opening->scratch);
  log_ = std::move(opening->log);
  log_report_ = std::move(opening->report);
  return absl::OkStatus();
}

absl::Status Recovery::ChooseStart() {
  // Snapshots are worth nothing to a log that doesn't reach the mark; they take long to load.
  SecondFindings findings;
  findings.log = LogExtent::kFollows;
  findings.snapshot = SnapshotFound::kNone;
  findings.mark =
      mark_.index < log_->next_index() ? MarkPlace::kAtOrBeforeEnd : MarkPlace::kAfterEnd;
  if (findings.mark == MarkPlace::kAtOrBeforeEnd) {
    const absl::StatusOr<SnapshotFound> snapshot = LoadSnapshot();
    if (!snapshot.ok()) return snapshot.status();
    findings.snapshot = *snapshot;
    if (log_->first_index() > start_ + 1) findings.log = LogExtent::kBeginsAfter;
    if (log_->next_index() < start_ + 1) findings.log = LogExtent::kEndsBefore;
  }
  const SecondDecision decision = Decide(findings);
  switch (decision.step) {
    case SecondStep::kRefuse:
      return RefuseSecond(decision.refusal);
    case SecondStep::kReplayFromSnapshot:
      return absl::OkStatus();
    case SecondStep::kReplayFromStart:
      store_.writer = StateWriter(store_.origin_id);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<SnapshotFound> Recovery::LoadSnapshot() {
  if (!options_.read_only) {
    absl::Status status = file_system_->CreateDirectories(paths_.snapshot_dir);
    if (!status.ok()) return Refuse(Refusal::kIo, status.message());
  }
  snapshot_ = std::make_unique<StartSnapshot>(file_system_, paths_.snapshot_dir, store_.history_id);
  absl::StatusOr<SnapshotFound> found = snapshot_->Load(options_.from_oldest, log_->first_index());
  if (!found.ok()) return found;
  start_ = snapshot_->index();
  if (snapshot_->loaded().has_value()) store_.writer = snapshot_->TakeWriter();
  return found;
}

absl::Status Recovery::RefuseSecond(Refusal refusal) const {
  const uint64_t first = log_->first_index();
  const uint64_t last = log_->next_index() - 1;
  const std::string log = absl::StrCat("the log in ", paths_.wal_dir);
  switch (refusal) {
    case Refusal::kLogEndsBeforeMark:
      return RefusalFrom(
          last + 1, Refuse(refusal, log, " ends at record ", last, ", but record ", mark_.index,
                           " was acknowledged (", InDataDir(kCommitMarkFileName), "): records ",
                           last + 1, " to ", mark_.index, " are lost"));
    case Refusal::kLogEndsBeforeSnapshot:
      return RefusalFrom(last + 1,
                         Refuse(refusal, log, " ends at record ", last, ", but ",
                                snapshot_->loaded()->path, " was taken after record ", start_,
                                ": records ", last + 1, " to ", start_, " are lost"));
    case Refusal::kLogBeginsAfterStart:
      return RefusalFrom(
          1, Refuse(refusal, log, " begins at record ", first,
                    ", and there is no snapshot of what was before in ", paths_.snapshot_dir));
    case Refusal::kSnapshotsDamaged:
      return RefusalFrom(1, Refuse(refusal, log, " begins at record ", first,
                                   ", and no snapshot is whole: ", snapshot_->trouble()));
    case Refusal::kLogBeginsAfterSnapshot:
      return RefusalFrom(start_ + 1,
                         Refuse(refusal, log, " begins at record ", first,
                                ", after the newest snapshot ", snapshot_->loaded()->path,
                                ": records ", start_ + 1, " to ", first - 1, " are lost"));
    case Refusal::kLogBeginsAfterOlderSnapshot:
      return RefusalFrom(start_ + 1, Refuse(refusal, log, " begins at record ", first,
                                            ", after the only whole snapshot ",
                                            snapshot_->loaded()->path, ": ", snapshot_->trouble()));
    default:
      return Refuse(refusal, snapshot_->trouble(), ", the store is ", store_.history_id);
  }
}

absl::Status Recovery::ReadLog(
    uint64_t from, uint64_t end,
    absl::FunctionRef<absl::Status(uint64_t, absl::string_view)> visit) const {
  while (from < end) {
    absl::Status visited;
    const absl::Status read =
        log_->Read(from, kReadBytes, [&](uint64_t index, absl::string_view bytes) {
          visited = visit(index, bytes);
          from = index + 1;
          return visited.ok() && from < end;
        });
    if (!visited.ok()) return visited;
    if (!read.ok()) return AtRecord(from, RefuseFor(Refusal::kRecordUnreadable, read));
  }
  return absl::OkStatus();
}

// The records up to the snapshot that the request window wants, and in any case the one at the
// snapshot, where the log still has them: they must lead to it.
absl::Status Recovery::ReadBeforeStart() {
  const uint64_t next = log_->next_index();
  const uint64_t window = next - std::min(next, options_.window_records);
  const uint64_t from = std::max(log_->first_index(), std::min(window, start_));
  if (from > start_ || start_ == 0) return absl::OkStatus();
  std::optional<Digest> previous;
  v1::Record record;
  absl::Status status = ReadLog(from, start_ + 1, [&](uint64_t index, absl::string_view stored) {
    const std::string name = absl::StrCat("record ", index);
    const auto refuse = [&](const auto&... what) {
      return RefusalFrom(index, Refuse(Refusal::kRecordRefused, name, ": ", what...));
    };
    if (absl::Status decoded = DecodeRecordLink(stored, &record); !decoded.ok()) {
      return refuse(decoded.message());
    }
    if (record.index() != index) {
      return refuse("its bytes say that it is record ", record.index());
    }
    if (previous.has_value() && record.previous_hash() != AsBytes(*previous)) {
      return refuse("it does not hold the hash of the record before it");
    }
    previous = Sha256(stored);
    if (options_.on_record && index >= window) options_.on_record(record, *previous);
    return CheckAgainstMark(index, *previous);
  });
  if (!status.ok()) return status;
  if (*previous == store_.writer.position().record_hash) return absl::OkStatus();
  return RefusalFrom(
      start_, Refuse(Refusal::kSnapshotMismatch, snapshot_->loaded()->path,
                     " was taken after another record ", start_, " than the one in the log"));
}

absl::Status Recovery::Replay() {
  const auto started = std::chrono::steady_clock::now();
  absl::Status status = CheckAgainstMark(start_, store_.writer.position().record_hash);
  if (status.ok()) {
    ReplayObserver observer;
    observer.on_applied = [this](const LogPosition& position) {
      absl::Status agrees = CheckAgainstMark(position.index, position.record_hash);
      return agrees.ok() ? CheckAgainstSnapshot(position) : agrees;
    };
    observer.on_checked = [this](const v1::Record& record, const Digest& hash) {
      ++store_.replayed_records;
      if (options_.on_record) options_.on_record(record, hash);
    };
    status = ReplayLog(*log_, log_->next_index(), &store_.writer, observer);
  }
  store_.replay_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return status;
}

absl::Status Recovery::CheckAgainstMark(uint64_t index, const Digest& hash) const {
  if (index != mark_.index || hash == mark_.record_hash) return absl::OkStatus();
  return RefusalFrom(index,
                     Refuse(Refusal::kMarkMismatch, "record ", index, " has the hash ", ToHex(hash),
                            ", but what was acknowledged is ", ToHex(mark_.record_hash), " (",
                            InDataDir(kCommitMarkFileName), ")"));
}

absl::Status Recovery::CheckAgainstSnapshot(const LogPosition& position) {
  if (snapshot_->AgreesWithPassed(&store_.writer)) return absl::OkStatus();
  return RefusalFrom(position.index, Refuse(Refusal::kSnapshotMismatch, "the snapshot of record ",
                                            position.index, " in ", paths_.snapshot_dir,
                                            " is not the state that the log leads to"));
}

absl::Status Recovery::Finish() {
  const Digest state_hash = store_.writer.Seal();
  const LogPosition& position = store_.writer.position();
  if (!options_.read_only) {
    if (absl::Status status = MakeWritable(position); !status.ok()) return status;
  }
  store_.log = std::move(log_);
  store_.snapshots = snapshot_->TakeStore();

  std::string& report = store_.report;
  if (!log_report_.empty()) absl::StrAppend(&report, log_report_, " ; ");
  if (made_new_) absl::StrAppend(&report, "new store history_id=", store_.history_id, " ; ");
  if (snapshot_->any_damaged()) absl::StrAppend(&report, "damaged: ", snapshot_->trouble(), " ; ");
  if (snapshot_->loaded().has_value()) {
    absl::StrAppend(&report, "snapshot index=", start_, " hlc=", HlcText(snapshot_->hlc()), " ; ");
  } else {
    absl::StrAppend(&report, "no snapshot ; ");
  }
  if (mark_.index < position.index) {
    absl::StrAppend(&report, "commit mark was ", position.index - mark_.index, " behind ; ");
  }
  absl::StrAppend(&report, "replayed ", store_.replayed_records,
                  " records ; index=", position.index, " hash=", ToHex(state_hash));
  return absl::OkStatus();
}

absl::Status Recovery::MakeWritable(const LogPosition& position) {
  absl::StatusOr<std::unique_ptr<CommitMark>> mark =
      CommitMark::Open(file_system_, InDataDir(kCommitMarkFileName));
  if (!mark.ok()) return RefuseFor(Refusal::kMarkDamaged, mark.status());
  // What was replayed is served, so it must not be lost any more.
  if (mark_.index < position.index) {
    absl::Status status = (*mark)->Write(position.index, position.record_hash);
    if (!status.ok()) return Refuse(Refusal::kIo, status.message());
  }
  log_->AttachMark(*std::move(mark));
  if (absl::Status status = snapshot_->SetAsideDamaged(); !status.ok()) return status;
  if (evidence_ == nullptr) return absl::OkStatus();
  absl::Status status = evidence_->LetGo();
  return status.ok() ? status : Refuse(Refusal::kIo, status.message());
}

}  // namespace

absl::StatusOr<OpenStore> Recover(FileSystem* file_system, const StorePaths& paths,
                                  const RecoveryOptions& options) {
  return Recovery(file_system, paths, options).Run();
}

}  // namespace swoosh
