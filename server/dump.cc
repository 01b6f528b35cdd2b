#include "server/dump.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/record.h"
#include "core/sha256.h"
#include "google/protobuf/util/json_util.h"
#include "server/exit_codes.h"
#include "server/verify.h"
#include "storage/bad_index.h"
#include "storage/commit_mark.h"
#include "storage/leveldb_log.h"
#include "storage/log.h"
#include "storage/log_opening.h"
#include "storage/recovery_refusal.h"
#include "storage/recovery_table.h"
#include "storage/salvage.h"
#include "storage/scratch_log.h"
#include "storage/store_paths.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

constexpr size_t kReadBytes = 1'048'576;

// Checks records one after the other, and writes them.
class Dumping {
 public:
  Dumping(const Log* log, const std::function<bool(absl::string_view)>& write)
      : log_(log), write_(write) {}

  explicit Dumping(const std::function<bool(absl::string_view)>& write) : Dumping(nullptr, write) {}

  // OK also when nobody reads any more.
  absl::Status Run(uint64_t from, uint64_t to) {
    while (from <= to && !given_up_) {
      absl::Status status;
      const absl::Status read =
          log_->Read(from, kReadBytes, [&](uint64_t index, absl::string_view stored) {
            if (index > to) return false;
            status = Write(index, stored);
            if (status.ok()) from = index + 1;
            return status.ok() && !given_up_;
          });
      if (!status.ok()) return AtRecord(from, status);
      if (!read.ok()) return AtRecord(from, RefuseFor(Refusal::kRecordUnreadable, read));
    }
    return absl::OkStatus();
  }

  // The records before `end` of a log that LevelDB does not open.
  absl::Status RunSalvaged(const Salvage& salvage, const DumpRange& range, uint64_t end) {
    uint64_t index = std::max<uint64_t>(range.from, 1);
    // Where a trimmed log begins it can't be asked.
    while (range.from == 0 && index < end && absl::IsNotFound(salvage.Get(index).status())) ++index;
    for (; index < end && index <= range.to && !given_up_; ++index) {
      const absl::StatusOr<std::string> stored = salvage.Get(index);
      absl::Status status =
          stored.ok() ? Write(index, *stored)
          : absl::IsNotFound(stored.status())
              ? Refuse(Refusal::kRecordUnreadable, "record ", index, " is missing")
              : RefuseFor(Refusal::kRecordUnreadable, stored.status());
      if (!status.ok()) return AtRecord(index, status);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Write(uint64_t index, absl::string_view stored) {
    const auto damaged = [index](absl::string_view what) {
      return Refuse(Refusal::kRecordUnreadable, "record ", index, ": ", what);
    };
    v1::Record record;
    if (absl::Status status = DecodeRecord(stored, &record); !status.ok()) {
      return damaged(status.message());
    }
    if (record.index() != index) {
      return damaged(absl::StrCat("its bytes say that it is record ", record.index()));
    }
    if (previous_.has_value() && record.previous_hash() != AsBytes(*previous_)) {
      return Refuse(Refusal::kRecordRefused, "record ", index,
                    ": it does not hold the hash of the record before it");
    }
    previous_ = Sha256(stored);
    std::string line;
    if (!google::protobuf::util::MessageToJsonString(record, &line).ok()) {
      return damaged("it can't be written as JSON");
    }
    line += '\n';
    given_up_ = !write_(line);
    return absl::OkStatus();
  }

  const Log* const log_;
  const std::function<bool(absl::string_view)>& write_;
  std::optional<Digest> previous_;
  bool given_up_ = false;
};

// The log, opened without changing it. One that recovery would refuse is opened as LevelDB reads
// it, with the refusal in `damage`; null where LevelDB does not.
absl::StatusOr<LogOpening> OpenLog(FileSystem* file_system, const StorePaths& paths,
                                   absl::Status* damage) {
  const absl::StatusOr<CommitMark::Content> mark =
      CommitMark::Read(file_system, paths.InDataDir(kCommitMarkFileName));
  if (absl::IsNotFound(mark.status())) {
    *damage = Refuse(Refusal::kMarkMissing, mark.status().message());
  } else if (!mark.ok()) {
    *damage = RefuseFor(Refusal::kMarkDamaged, mark.status());
  }
  if (mark.ok()) {
    absl::StatusOr<LogOpening> opening = OpenScannedLog(
        file_system, paths, *mark, /*read_only=*/true, nullptr, /*write_buffer_bytes=*/0);
    if (opening.ok() && mark->index >= opening->log->next_index()) {
      const uint64_t end = opening->log->next_index();
      *damage = RefusalFrom(
          end, Refuse(Refusal::kLogEndsBeforeMark, "the log ends at record ", end - 1,
                      ", but records ", end, " to ", mark->index, " were acknowledged"));
    }
    if (opening.ok()) return opening;
    *damage = opening.status();
  }
  if (!absl::IsDataLoss(*damage)) return *damage;
  LogOpening opening;
  absl::StatusOr<std::unique_ptr<ScratchLog>> scratch =
      ScratchLog::Make(file_system, paths.wal_dir, kReadOnlyScratchName);
  if (!scratch.ok()) return scratch.status();
  opening.scratch = *std::move(scratch);
  absl::StatusOr<std::unique_ptr<LevelDbLog>> log = LevelDbLog::Open(
      file_system, opening.scratch->directory(), /*create_if_missing=*/false, nullptr);
  if (log.ok()) {
    opening.log = *std::move(log);
  } else {
    opening.scratch = nullptr;
  }
  return opening;
}

absl::Status DumpStore(FileSystem* file_system, const StorePaths& paths, const DumpRange& range,
                       const std::function<bool(absl::string_view)>& write) {
  const absl::StatusOr<bool> found = LevelDbLog::Find(file_system, paths.wal_dir);
  if (!found.ok()) return found.status();
  if (!*found) return absl::NotFoundError(absl::StrCat("there is no log in ", paths.wal_dir));
  const auto lock = file_system->Lock(paths.InDataDir(kLockFileName));
  if (absl::IsFailedPrecondition(lock.status())) {
    return Refuse(Refusal::kInUse, "the data directory ", paths.data_dir,
                  " is in use by another process");
  }
  if (!lock.ok()) return lock.status();
  absl::Status damage;
  const absl::StatusOr<LogOpening> opening = OpenLog(file_system, paths, &damage);
  if (!opening.ok()) return opening.status();
  if (opening->log == nullptr) {
    const std::optional<uint64_t> first_bad = FirstBadIndexOf(damage);
    if (!first_bad.has_value()) return damage;
    const auto salvage = Salvage::Open(file_system, paths.wal_dir);
    if (!salvage.ok()) return salvage.status();
    absl::Status status = Dumping(write).RunSalvaged(**salvage, range, *first_bad);
    return status.ok() && range.to >= *first_bad ? damage : status;
  }
  const Log& log = *opening->log;

  const uint64_t from = range.from == 0 ? log.first_index() : range.from;
  if (from < log.first_index() || from > log.next_index()) {
    return absl::InvalidArgumentError(
        NotInLogError(from, log.first_index(), log.next_index()).message());
  }
  const uint64_t end = std::min(log.next_index(), FirstBadIndexOf(damage).value_or(UINT64_MAX));
  absl::Status status = Dumping(&log, write).Run(from, std::min(range.to, end - 1));
  return status.ok() && range.to >= end ? damage : status;
}

}  // namespace

DumpReport Dump(FileSystem* file_system, const StorePaths& paths, const DumpRange& range,
                const std::function<bool(absl::string_view line)>& write) {
  const absl::Status status = DumpStore(file_system, paths, range, write);
  if (status.ok()) return {};
  return {ExitCodeFor(status), absl::StrCat("not dumped to the end: ", status.message(), "\n")};
}

}  // namespace swoosh
