#include "storage/log_opening.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "storage/bad_index.h"
#include "storage/leveldb_scan.h"
#include "storage/recovery_refusal.h"
#include "storage/recovery_table.h"

namespace swoosh {
namespace {

// "; records 37 to 50, which were acknowledged, are lost or can't be trusted", or how far was
// acknowledged.
std::string Acknowledged(uint64_t first_bad_index, const CommitMark::Content& mark) {
  if (first_bad_index == 0 || first_bad_index > mark.index) {
    return absl::StrCat("; history ", mark.history_id, " was acknowledged up to record ",
                        mark.index);
  }
  return absl::StrCat("; records ", first_bad_index, " to ", mark.index,
                      " of what was acknowledged are damaged or missing");
}

absl::Status RefuseFiles(Refusal refusal, const LevelDbScan& scan,
                         const CommitMark::Content& mark) {
  const absl::Status status =
      Refuse(refusal, scan.path, ": ", scan.what, Acknowledged(scan.first_bad_index, mark));
  return scan.first_bad_index == 0 ? status : RefusalFrom(scan.first_bad_index, status);
}

// `path` of WAL_DIR in `directory`.
std::string In(const std::string& directory, const std::string& path) {
  return absl::StrCat(directory, path.substr(path.rfind('/')));
}

absl::Status CutTears(FileSystem* file_system, const LevelDbScan& scan,
                      const std::string& directory) {
  for (LevelDbScan::Tear tear : scan.tears) {
    tear.path = In(directory, tear.path);
    if (absl::Status status = CutTear(file_system, tear); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// The mark against the last record before the damage. What the files say of that may be too low,
// never too high: of a log that was trimmed to its end the tables tell nothing. There LevelDB knows
// more, of a copy.
absl::StatusOr<MarkPlace> PlaceOf(FileSystem* file_system, const std::string& wal_dir,
                                  const LevelDbScan& scan, uint64_t mark) {
  if (mark <= scan.last_index) return MarkPlace::kAtOrBeforeEnd;
  if (scan.found != LogFiles::kTorn) return MarkPlace::kAfterEnd;
  const absl::StatusOr<std::unique_ptr<ScratchLog>> scratch =
      ScratchLog::Make(file_system, wal_dir, kReadOnlyScratchName);
  if (!scratch.ok()) return scratch.status();
  const std::string& directory = (*scratch)->directory();
  if (absl::Status cut = CutTears(file_system, scan, directory); !cut.ok()) return cut;
  const absl::StatusOr<std::unique_ptr<LevelDbLog>> log =
      LevelDbLog::Open(file_system, directory, /*create_if_missing=*/false, nullptr);
  if (absl::IsUnavailable(log.status())) return log.status();
  return log.ok() && mark < (*log)->next_index() ? MarkPlace::kAtOrBeforeEnd : MarkPlace::kAfterEnd;
}

absl::StatusOr<std::unique_ptr<LevelDbLog>> Open(
    FileSystem* file_system, const std::string& directory, const StorePaths& paths,
    const CommitMark::Content& mark, LevelDbEnv::SyncObserver on_sync, size_t write_buffer_bytes) {
  absl::StatusOr<std::unique_ptr<LevelDbLog>> log = LevelDbLog::Open(
      file_system, directory, /*create_if_missing=*/false, std::move(on_sync), write_buffer_bytes);
  if (log.ok()) return log;
  // A copy is no name for an operator.
  const std::string message =
      absl::StrReplaceAll(log.status().message(), {{directory, paths.wal_dir}});
  if (absl::IsFailedPrecondition(log.status())) {
    return Refuse(Refusal::kInUse, "the log is in use by another process: ", message);
  }
  if (!absl::IsDataLoss(log.status())) return Refuse(Refusal::kIo, message);
  const uint64_t index = FirstBadIndexOf(log.status()).value_or(0);
  const absl::Status status = Refuse(Refusal::kLogUnreadable, message, Acknowledged(index, mark));
  return index == 0 ? status : RefusalFrom(index, status);
}

}  // namespace

absl::StatusOr<LogOpening> OpenScannedLog(FileSystem* file_system, const StorePaths& paths,
                                          const CommitMark::Content& mark, bool read_only,
                                          LevelDbEnv::SyncObserver on_sync,
                                          size_t write_buffer_bytes) {
  LogOpening opening;
  const auto io = [](const absl::Status& status) { return Refuse(Refusal::kIo, status.message()); };
  // Of another store with the same log.
  absl::StatusOr<std::unique_ptr<FileLock>> lock =
      file_system->Lock(absl::StrCat(paths.wal_dir, "/LOCK"));
  if (absl::IsFailedPrecondition(lock.status())) {
    return Refuse(Refusal::kInUse,
                  "the log is in use by another process: ", lock.status().message());
  }
  if (!lock.ok()) return io(lock.status());

  const absl::StatusOr<LevelDbScan> scan = ScanLevelDb(file_system, paths.wal_dir);
  if (!scan.ok()) return io(scan.status());
  absl::StatusOr<MarkPlace> place = PlaceOf(file_system, paths.wal_dir, *scan, mark.index);
  if (!place.ok()) return io(place.status());
  const FilesDecision decision = Decide(FilesFindings{scan->found, *place});
  if (decision.step == FilesStep::kRefuse) return RefuseFiles(decision.refusal, *scan, mark);

  std::string directory = paths.wal_dir;
  if (read_only) {
    absl::StatusOr<std::unique_ptr<ScratchLog>> scratch =
        ScratchLog::Make(file_system, paths.wal_dir, kReadOnlyScratchName);
    if (!scratch.ok()) return io(scratch.status());
    opening.scratch = *std::move(scratch);
    directory = opening.scratch->directory();
  } else if (absl::Status status = ScratchLog::ClearAll(file_system, paths.wal_dir); !status.ok()) {
    return io(status);
  }
  if (decision.step == FilesStep::kCutAndOpen) {
    for (const LevelDbScan::Tear& tear : scan->tears) {
      absl::StrAppend(&opening.report, opening.report.empty() ? "" : ", ",
                      read_only ? "passed over " : "cut ", tear.size_bytes - tear.keep_bytes,
                      " torn bytes, never acknowledged, at the end of ", tear.path);
    }
    absl::Status status = CutTears(file_system, *scan, directory);
    if (!status.ok()) return io(status);
  }
  lock->reset();
  absl::StatusOr<std::unique_ptr<LevelDbLog>> log =
      Open(file_system, directory, paths, mark, std::move(on_sync), write_buffer_bytes);
  if (!log.ok()) return log.status();
  opening.log = *std::move(log);
  return opening;
}

}  // namespace swoosh
