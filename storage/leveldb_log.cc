#include "storage/leveldb_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/dynamic_annotations.h"
#include "absl/strings/str_cat.h"
#include "leveldb/iterator.h"
#include "leveldb/slice.h"
#include "storage/bad_index.h"
#include "storage/big_endian.h"
#include "storage/linked_copy.h"

namespace swoosh {
namespace {

// What one synced batch may hold. The bytes also bound a single record.
constexpr size_t kAppendRecordsMax = 16'384;
constexpr size_t kAppendBytesMax = 67'108'864;

// A memtable this large is written out as a table; so much is read again at the next opening.
constexpr size_t kWriteBufferBytes = 16'777'216;
// Tables are cut from one run of rising keys: large ones, few files.
constexpr size_t kTableBytesMax = 16'777'216;
// Records are mostly read in a row, a block is one read.
constexpr size_t kBlockBytes = 16'384;
constexpr int kOpenFilesMax = 256;

// A batch of deletions, between two of which an append can take its turn.
constexpr uint64_t kTrimBatchRecords = 1'000;

// Where the trim entry is: no record has this index.
constexpr uint64_t kTrimKey = 0;
constexpr char kTrimEntryVersion = 1;
constexpr size_t kTrimEntryBytes = 17;

std::string KeyOf(uint64_t index) {
  std::string key;
  AppendBigEndian(index, &key);
  return key;
}

absl::string_view View(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

bool IsKeyOf(uint64_t index, const leveldb::Slice& key) {
  return key.size() == sizeof(index) && ReadBigEndian<uint64_t>(View(key)) == index;
}

std::string EncodeTrimEntry(uint64_t first_index, uint64_t deleted_below) {
  std::string entry(1, kTrimEntryVersion);
  AppendBigEndian(first_index, &entry);
  AppendBigEndian(deleted_below, &entry);
  return entry;
}

// Bulk reads would only push the blocks of point reads out of the cache.
leveldb::ReadOptions ReadOptionsFor(size_t bytes_max) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = bytes_max <= kBlockBytes;
  return options;
}

}  // namespace

absl::StatusOr<bool> LevelDbLog::Find(FileSystem* file_system, const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = file_system->List(directory);
  if (absl::IsNotFound(names.status())) return false;
  if (!names.ok()) return names.status();
  return std::any_of(names->begin(), names->end(), IsDatabaseFile);
}

LevelDbLog::LevelDbLog(FileSystem* file_system, std::string directory,
                       LevelDbEnv::SyncObserver on_sync)
    : file_system_(file_system),
      directory_(std::move(directory)),
      env_(file_system, std::move(on_sync),
           [this](const absl::Status& failure) { ReportFailure(failure); }) {}

absl::StatusOr<std::unique_ptr<LevelDbLog>> LevelDbLog::Open(FileSystem* file_system,
                                                             const std::string& directory,
                                                             bool create_if_missing,
                                                             LevelDbEnv::SyncObserver on_sync,
                                                             size_t write_buffer_bytes) {
  const absl::StatusOr<bool> found = Find(file_system, directory);
  if (!found.ok()) return found.status();
  if (!create_if_missing && !*found) {
    return absl::NotFoundError(absl::StrCat("there is no log in ", directory));
  }
  if (*found) {
    // LevelDB's own lock tells "held by another" only in words.
    const auto lock = file_system->Lock(absl::StrCat(directory, "/LOCK"));
    if (absl::IsFailedPrecondition(lock.status())) return lock.status();
  }
  std::unique_ptr<LevelDbLog> log(new LevelDbLog(file_system, directory, std::move(on_sync)));
  absl::Status status = log->OpenDatabase(create_if_missing, write_buffer_bytes);
  if (status.ok()) status = log->FindEnds();
  if (!status.ok()) return status;
  return log;
}

leveldb::Options LevelDbLog::DatabaseOptions(size_t write_buffer_bytes) {
  leveldb::Options options;
  options.info_log = LevelDbEnv::NullLogger();
  options.paranoid_checks = true;
  options.reuse_logs = false;
  options.write_buffer_size = write_buffer_bytes == 0 ? kWriteBufferBytes : write_buffer_bytes;
  options.max_file_size = kTableBytesMax;
  options.block_size = kBlockBytes;
  options.max_open_files = kOpenFilesMax;
  options.compression = leveldb::kSnappyCompression;
  return options;
}

absl::Status LevelDbLog::OpenDatabase(bool create_if_missing, size_t write_buffer_bytes) {
  leveldb::Options options = DatabaseOptions(write_buffer_bytes);
  options.env = &env_;
  options.create_if_missing = create_if_missing;
  leveldb::DB* database = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, directory_, &database);
  database_.reset(database);
  // A file that LevelDB misses is damage too.
  if (status.IsNotFound() || status.IsInvalidArgument()) {
    return absl::DataLossError(absl::StrCat(directory_, ": ", status.ToString()));
  }
  return FromLevelDbStatus(status, directory_);
}

absl::Status LevelDbLog::FindEnds() {
  absl::Status status = ReadTrimEntry();
  if (status.ok()) status = FindFirstAndLast();
  if (absl::IsDataLoss(status)) SetFirstBadIndex(FirstUnreadable(), &status);
  return status;
}

absl::Status LevelDbLog::FindFirstAndLast() {
  const uint64_t first = first_index();
  const std::unique_ptr<leveldb::Iterator> it(database_->NewIterator(ReadOptionsFor(0)));
  it->SeekToLast();
  if (it->Valid() && it->key().size() != sizeof(uint64_t)) {
    return absl::DataLossError(absl::StrCat(directory_, " holds a key that is no index"));
  }
  const uint64_t last = it->Valid() ? ReadBigEndian<uint64_t>(View(it->key())) : kTrimKey;
  if (last < first) {
    next_index_.store(first, std::memory_order_release);
    return FromLevelDbStatus(it->status(), directory_);
  }
  it->Seek(KeyOf(first));
  if (absl::Status status = FromLevelDbStatus(it->status(), directory_); !status.ok()) {
    return status;
  }
  if (!it->Valid() || !IsKeyOf(first, it->key())) {
    return absl::DataLossError(
        absl::StrCat(directory_, ": record ", first, ", the first of the log, is missing"));
  }
  next_index_.store(last + 1, std::memory_order_release);
  return absl::OkStatus();
}

uint64_t LevelDbLog::FirstUnreadable() const {
  const std::unique_ptr<leveldb::Iterator> it(database_->NewIterator(ReadOptionsFor(0)));
  uint64_t index = first_index();
  for (it->Seek(KeyOf(index)); it->Valid() && IsKeyOf(index, it->key()); it->Next()) ++index;
  return index;
}

absl::Status LevelDbLog::ReadTrimEntry() {
  std::string entry;
  const leveldb::Status status = database_->Get(ReadOptionsFor(0), KeyOf(kTrimKey), &entry);
  if (status.IsNotFound()) return absl::OkStatus();
  if (!status.ok()) return FromLevelDbStatus(status, absl::StrCat(directory_, ": trim entry"));
  if (entry.size() != kTrimEntryBytes || entry[0] != kTrimEntryVersion) {
    return absl::DataLossError(absl::StrCat(directory_, ": the trim entry can't be understood"));
  }
  first_index_.store(ReadBigEndian<uint64_t>(absl::string_view(entry).substr(1)),
                     std::memory_order_release);
  deleted_below_ = ReadBigEndian<uint64_t>(absl::string_view(entry).substr(9));
  return absl::OkStatus();
}

void LevelDbLog::AttachMark(std::unique_ptr<CommitMark> mark) {
  mark_ = std::move(mark);
  mark_->SetFailureListener([this](const absl::Status& failure) { ReportFailure(failure); });
}

void LevelDbLog::SetFailureListener(std::function<void(const absl::Status&)> listener) {
  absl::MutexLock lock(&listener_mutex_);
  listener_ = std::move(listener);
}

void LevelDbLog::ReportFailure(const absl::Status& failure) {
  absl::MutexLock lock(&listener_mutex_);
  if (listener_ != nullptr) listener_(failure);
}

Log::Limits LevelDbLog::limits() const { return {kAppendRecordsMax, kAppendBytesMax}; }

absl::Status LevelDbLog::CheckWritable() const {
  if (mark_ == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(directory_, " is open for reading only"));
  }
  if (failure_.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("an earlier write failed, reopen the log: ", failure_.message()));
}

absl::Status LevelDbLog::Write(const leveldb::WriteOptions& options, leveldb::WriteBatch* batch,
                               absl::string_view what) {
  // Readers get what is written here by atomics in LevelDB that ThreadSanitizer does not see.
  ABSL_ANNOTATE_IGNORE_WRITES_BEGIN();
  const leveldb::Status written = database_->Write(options, batch);
  ABSL_ANNOTATE_IGNORE_WRITES_END();
  if (written.ok()) return absl::OkStatus();
  // What the disk said is more exact than what LevelDB made of it.
  const absl::Status failure = env_.failure();
  if (failure.ok()) return FromLevelDbStatus(written, what);
  return absl::Status(failure.code(), absl::StrCat(what, ": ", failure.message()));
}

absl::Status LevelDbLog::Written(absl::Status status) {
  if (failure_.ok()) failure_ = status;
  return status;
}

absl::Status LevelDbLog::Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) {
  if (absl::Status status = CheckWritable(); !status.ok()) return status;
  if (absl::Status status = CheckAppend(limits(), next_index(), expected_next, records);
      !status.ok()) {
    return status;
  }
  if (records.empty()) return absl::OkStatus();

  leveldb::WriteBatch batch;
  for (const EncodedRecord& record : records) batch.Put(KeyOf(record.index), record.bytes);
  leveldb::WriteOptions options;
  options.sync = true;
  mark_->SyncSoon();
  const EncodedRecord& last = records.back();
  absl::Status status =
      Write(options, &batch, absl::StrCat("append of records ", expected_next, " to ", last.index));
  if (status.ok()) status = mark_->Write(last.index, last.hash);
  if (!status.ok()) return Written(std::move(status));
  next_index_.store(last.index + 1, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status LevelDbLog::BeginAt(uint64_t first_index) {
  if (absl::Status status = CheckWritable(); !status.ok()) return status;
  if (next_index() != this->first_index() || next_index() > first_index) {
    return absl::FailedPreconditionError(absl::StrCat(directory_, " is not empty"));
  }
  leveldb::WriteBatch batch;
  batch.Put(KeyOf(kTrimKey), EncodeTrimEntry(first_index, first_index));
  leveldb::WriteOptions options;
  options.sync = true;
  absl::Status status = Write(options, &batch, "beginning the log");
  if (!status.ok()) return Written(std::move(status));
  deleted_below_ = first_index;
  first_index_.store(first_index, std::memory_order_release);
  next_index_.store(first_index, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status LevelDbLog::Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const {
  const uint64_t end = next_index();
  if (from < first_index() || from > end) return NotInLogError(from, first_index(), end);
  if (from == end) return absl::OkStatus();

  const std::unique_ptr<leveldb::Iterator> it(database_->NewIterator(ReadOptionsFor(bytes_max)));
  size_t bytes_visited = 0;
  it->Seek(KeyOf(from));
  for (uint64_t index = from; index < end; ++index, it->Next()) {
    if (!it->Valid() || !IsKeyOf(index, it->key())) {
      // Trimmed between the check and the iterator's view?
      if (from < first_index()) return NotInLogError(from, first_index(), end);
      const std::string record = absl::StrCat("record ", index);
      absl::Status status =
          it->status().ok()
              ? absl::DataLossError(absl::StrCat(record, " is missing in ", directory_))
              : FromLevelDbStatus(it->status(), record);
      if (absl::IsDataLoss(status)) SetFirstBadIndex(index, &status);
      return status;
    }
    bytes_visited += it->value().size();
    if (!visit(index, View(it->value())) || bytes_visited >= bytes_max) break;
  }
  return absl::OkStatus();
}

absl::Status LevelDbLog::TrimPrefix(uint64_t first_kept) {
  if (absl::Status status = CheckWritable(); !status.ok()) return status;
  if (absl::Status status = CheckTrim(first_kept, next_index()); !status.ok()) return status;
  // Before the records go: a reader that misses one must find that it was trimmed.
  if (first_kept > first_index()) first_index_.store(first_kept, std::memory_order_release);
  return DeleteBelow(first_index());
}

absl::Status LevelDbLog::DeleteBelow(uint64_t first_kept) {
  // Synced as an append is, though nobody waits for it: there is never more than one batch that a
  // power cut can tear, so what lies before another one was whole (leveldb_scan.h).
  leveldb::WriteOptions options;
  options.sync = true;
  while (deleted_below_ < first_kept) {
    const uint64_t end = std::min(first_kept, deleted_below_ + kTrimBatchRecords);
    leveldb::WriteBatch batch;
    for (uint64_t index = deleted_below_; index < end; ++index) batch.Delete(KeyOf(index));
    batch.Put(KeyOf(kTrimKey), EncodeTrimEntry(first_kept, end));
    absl::Status status = Write(options, &batch, "trimming");
    if (!status.ok()) return Written(std::move(status));
    deleted_below_ = end;
  }
  return absl::OkStatus();
}

uint64_t LevelDbLog::size_bytes() const {
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(directory_);
  if (!names.ok()) return 0;
  uint64_t size = 0;
  for (const std::string& name : *names) {
    if (!IsDatabaseFile(name)) continue;
    // LevelDB may remove a file between the two calls.
    size += file_system_->Size(absl::StrCat(directory_, "/", name)).value_or(0);
  }
  return size;
}

}  // namespace swoosh
