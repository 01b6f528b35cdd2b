#include "storage/leveldb_scan.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "storage/big_endian.h"
#include "storage/leveldb_batch.h"
#include "storage/leveldb_coding.h"
#include "storage/linked_copy.h"
#include "storage/log_file_scan.h"

namespace swoosh {
namespace {

constexpr size_t kCurrentBytesMax = 1'024;
constexpr size_t kIndexKeyBytes = sizeof(uint64_t);

// A key in a table: the key, and eight bytes with sequence and kind.
constexpr size_t kInternalKeyBytes = kIndexKeyBytes + 8;

// The entries of a MANIFEST (LevelDB's db/version_edit.cc).
enum EditTag : uint64_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFileNumber = 3,
  kLastSequence = 4,
  kCompactPointer = 5,
  kDeletedFile = 6,
  kNewFile = 7,
  kPreviousLogNumber = 9,
};

struct Table {
  uint64_t size_bytes = 0;
  uint64_t smallest = 0;  // index
  uint64_t largest = 0;
};

// What a MANIFEST says is there.
class Version {
 public:
  // Returns "" or why the edit can't be understood.
  std::string Apply(absl::string_view edit) {
    while (!edit.empty()) {
      uint64_t tag = 0;
      if (!TakeVarint(&edit, &tag) || !ApplyField(tag, &edit)) {
        return "an entry that can't be understood";
      }
    }
    ++edits_;
    return "";
  }

  uint64_t edits() const { return edits_; }
  // Whether LevelDB finds all that it needs. CURRENT names no MANIFEST before that is on disk.
  bool complete() const { return has_log_number_ && has_next_file_ && has_last_sequence_; }
  // Log files from this number on are read; it exists, unless it is 0.
  uint64_t log_number() const { return log_number_; }
  bool ReadsLog(uint64_t number) const {
    return number >= log_number_ || (number == previous_log_number_ && number != 0);
  }
  const std::map<uint64_t, Table>& tables() const { return tables_; }

 private:
  bool ApplyField(uint64_t tag, absl::string_view* edit) {
    absl::string_view text;
    uint64_t number = 0;
    uint64_t level = 0;
    switch (tag) {
      case kComparator:
        return TakeString(edit, &text);
      case kLogNumber:
        has_log_number_ = true;
        return TakeVarint(edit, &log_number_);
      case kPreviousLogNumber:
        return TakeVarint(edit, &previous_log_number_);
      case kNextFileNumber:
        has_next_file_ = true;
        return TakeVarint(edit, &number);
      case kLastSequence:
        has_last_sequence_ = true;
        return TakeVarint(edit, &number);
      case kCompactPointer:
        return TakeVarint(edit, &level) && TakeString(edit, &text);
      case kDeletedFile:
        if (!TakeVarint(edit, &level) || !TakeVarint(edit, &number)) return false;
        tables_.erase(number);
        return true;
      case kNewFile:
        return ApplyNewFile(edit);
      default:
        return false;
    }
  }

  bool ApplyNewFile(absl::string_view* edit) {
    uint64_t level = 0;
    uint64_t number = 0;
    Table table;
    absl::string_view smallest;
    absl::string_view largest;
    if (!TakeVarint(edit, &level) || !TakeVarint(edit, &number) ||
        !TakeVarint(edit, &table.size_bytes) || !TakeString(edit, &smallest) ||
        !TakeString(edit, &largest) || smallest.size() != kInternalKeyBytes ||
        largest.size() != kInternalKeyBytes) {
      return false;
    }
    table.smallest = ReadBigEndian<uint64_t>(smallest);
    table.largest = ReadBigEndian<uint64_t>(largest);
    tables_[number] = table;
    return true;
  }

  uint64_t edits_ = 0;
  bool has_log_number_ = false;
  bool has_next_file_ = false;
  bool has_last_sequence_ = false;
  uint64_t log_number_ = 0;
  uint64_t previous_log_number_ = 0;
  std::map<uint64_t, Table> tables_;
};

// What the batches of the log files say, in their order.
class Batches {
 public:
  explicit Batches(uint64_t last_index) : last_index_(last_index) {}

  // Returns "" or why the batch can't be understood.
  std::string Apply(absl::string_view bytes) {
    LevelDbBatch batch;
    uint64_t last = last_index_;
    const char* const trouble =
        ReadLevelDbBatch(bytes, &batch, [&last](uint64_t index, absl::string_view value) {
          // The trim entry (leveldb_log.md): what lies below the first record kept was there.
          if (index == 0 && value.size() > kIndexKeyBytes) {
            index = ReadBigEndian<uint64_t>(value.substr(1)) - 1;
          }
          last = std::max(last, index);
        });
    if (trouble != nullptr) return trouble;
    if (next_sequence_.has_value() && batch.sequence != *next_sequence_) {
      return "a batch that does not follow the one before it";
    }
    next_sequence_ = batch.sequence + batch.count;
    last_index_ = last;
    return "";
  }

  uint64_t last_index() const { return last_index_; }

 private:
  std::optional<uint64_t> next_sequence_;
  uint64_t last_index_;
};

class Scan {
 public:
  Scan(FileSystem* file_system, const std::string& directory)
      : file_system_(file_system), directory_(directory) {}

  // Each returns an error of I/O; damage is in `result`, and ends the scan.
  absl::StatusOr<LevelDbScan> Run();

 private:
  absl::Status ReadManifest();
  absl::Status LookForTables();
  absl::Status FindLogs();
  absl::Status ReadLog(uint64_t number, bool newest, Batches* batches);

  std::string PathOf(absl::string_view name) const { return absl::StrCat(directory_, "/", name); }
  bool damaged() const {
    return result_.found != LogFiles::kSound && result_.found != LogFiles::kTorn;
  }
  void Damaged(LogFiles found, std::string path, std::string what) {
    result_.found = found;
    result_.path = std::move(path);
    result_.what = std::move(what);
  }
  void Torn(const std::string& path, const LogFileScan& scan) {
    if (result_.found == LogFiles::kSound) {
      Damaged(LogFiles::kTorn, path, absl::StrCat(scan.damage, " at byte ", *scan.damaged_at));
    }
    result_.tears.push_back({path, scan.sound_bytes, scan.size_bytes, scan.damage});
  }

  FileSystem* const file_system_;
  const std::string& directory_;
  LevelDbScan result_;
  Version version_;
  std::vector<uint64_t> logs_;  // that LevelDB would read, in its order
};

absl::StatusOr<LevelDbScan> Scan::Run() {
  absl::Status status = ReadManifest();
  if (status.ok() && !damaged()) status = LookForTables();
  if (status.ok() && !damaged()) status = FindLogs();
  Batches batches(result_.last_index);
  for (size_t i = 0; status.ok() && !damaged() && i < logs_.size(); ++i) {
    status = ReadLog(logs_[i], i + 1 == logs_.size(), &batches);
  }
  if (!status.ok()) return status;
  if (damaged() && !result_.tears.empty()) {
    absl::StrAppend(&result_.what, "; the end of ", result_.tears[0].path, " is damaged, too");
  }
  return std::move(result_);
}

absl::Status Scan::ReadManifest() {
  const std::string current = PathOf("CURRENT");
  const absl::StatusOr<std::string> content =
      ReadWholeFile(file_system_, current, kCurrentBytesMax);
  if (absl::IsNotFound(content.status())) {
    Damaged(LogFiles::kManifestDamaged, current, "it is missing");
    return absl::OkStatus();
  }
  if (!content.ok() && !absl::IsDataLoss(content.status())) return content.status();
  absl::string_view name = content.ok() ? absl::string_view(*content) : absl::string_view();
  uint64_t number = 0;
  absl::string_view digits = name;
  if (!absl::ConsumeSuffix(&name, "\n") || !absl::ConsumePrefix(&digits, "MANIFEST-") ||
      !absl::ConsumeSuffix(&digits, "\n") || !absl::SimpleAtoi(digits, &number)) {
    Damaged(LogFiles::kManifestDamaged, current, "it does not name a MANIFEST");
    return absl::OkStatus();
  }
  const std::string path = PathOf(name);
  const absl::StatusOr<LogFileScan> scan =
      ScanLogFile(file_system_, path,
                  [this](uint64_t, absl::string_view edit) { return version_.Apply(edit); });
  if (absl::IsNotFound(scan.status())) {
    Damaged(LogFiles::kManifestDamaged, path, "it is missing");
    return absl::OkStatus();
  }
  if (!scan.ok()) return scan.status();
  if (!scan->sound() && (scan->intact_beyond.has_value() || !version_.complete())) {
    Damaged(LogFiles::kManifestDamaged, path,
            absl::StrCat(scan->damage, " at byte ", *scan->damaged_at));
  } else if (!version_.complete()) {
    Damaged(LogFiles::kManifestDamaged, path,
            version_.edits() == 0 ? "it is empty" : "it is cut off");
  } else if (!scan->sound()) {
    // LevelDB syncs an entry before anything depends on it: without the one that is torn, what the
    // entries before it name is all there, or it was no tear.
    Torn(path, *scan);
  }
  return absl::OkStatus();
}

absl::Status Scan::LookForTables() {
  for (const auto& [number, table] : version_.tables()) {
    std::string path = PathOf(absl::StrFormat("%06u.ldb", number));
    absl::StatusOr<uint64_t> size = file_system_->Size(path);
    if (absl::IsNotFound(size.status())) {
      size = file_system_->Size(PathOf(absl::StrFormat("%06u.sst", number)));
    }
    if (!size.ok() && !absl::IsNotFound(size.status())) return size.status();
    result_.last_index = std::max(result_.last_index, table.largest);
    if (size.ok() && *size == table.size_bytes) continue;
    // The first of the records that are in it; of two such tables, the lower one.
    const uint64_t first = std::max<uint64_t>(table.smallest, 1);
    if (damaged() && result_.first_bad_index <= first) continue;
    result_.first_bad_index = first;
    if (size.ok()) {
      Damaged(LogFiles::kTableDamaged, path,
              absl::StrCat("it has ", *size, " bytes instead of ", table.size_bytes));
    } else {
      Damaged(LogFiles::kTableMissing, path, "it is missing");
    }
  }
  if (damaged()) {
    result_.last_index = result_.first_bad_index - 1;
  } else {
    result_.first_bad_index = result_.last_index + 1;
  }
  return absl::OkStatus();
}

absl::Status Scan::FindLogs() {
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(directory_);
  if (!names.ok()) return names.status();
  for (absl::string_view name : *names) {
    uint64_t number = 0;
    if (absl::ConsumeSuffix(&name, ".log") && absl::SimpleAtoi(name, &number) &&
        version_.ReadsLog(number)) {
      logs_.push_back(number);
    }
  }
  std::sort(logs_.begin(), logs_.end());
  // LevelDB makes a log file before it names it.
  const uint64_t named = version_.log_number();
  if (named != 0 && !std::binary_search(logs_.begin(), logs_.end(), named)) {
    Damaged(LogFiles::kLogFileMissing, PathOf(absl::StrFormat("%06u.log", named)), "it is missing");
  }
  return absl::OkStatus();
}

absl::Status Scan::ReadLog(uint64_t number, bool newest, Batches* batches) {
  const std::string path = PathOf(absl::StrFormat("%06u.log", number));
  const absl::StatusOr<LogFileScan> scan = ScanLogFile(
      file_system_, path, [&](uint64_t, absl::string_view batch) { return batches->Apply(batch); });
  if (!scan.ok()) return scan.status();
  result_.last_index = batches->last_index();
  result_.first_bad_index = result_.last_index + 1;
  if (scan->sound()) return absl::OkStatus();
  if (scan->intact_beyond.has_value()) {
    Damaged(LogFiles::kDamagedInside, path,
            absl::StrCat(scan->damage, " at byte ", *scan->damaged_at,
                         ", and what was written later begins at byte ", *scan->intact_beyond));
  } else if (!newest) {
    Damaged(LogFiles::kOlderFileDamaged, path,
            absl::StrCat(scan->damage, " at byte ", *scan->damaged_at,
                         ", and there is a newer log file"));
  } else {
    Torn(path, *scan);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LevelDbScan> ScanLevelDb(FileSystem* file_system, const std::string& directory) {
  return Scan(file_system, directory).Run();
}

absl::Status CutTear(FileSystem* file_system, const LevelDbScan::Tear& tear) {
  const std::string temporary = absl::StrCat(tear.path, ".tmp");
  absl::Status status = CopyFile(file_system, tear.path, temporary, tear.keep_bytes);
  if (status.ok()) status = file_system->Rename(temporary, tear.path);
  if (status.ok()) status = file_system->SyncDirectory(DirectoryOf(tear.path));
  return status;
}

}  // namespace swoosh
