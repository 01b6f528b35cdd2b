#include "server/change_feed.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/sha256.h"
#include "google/rpc/error_details.pb.h"

namespace swoosh {
namespace {

// What a record in the ring may cost in memory, roughly: parsed, which its changes are once
// somebody watches, a Struct takes several times its stored bytes.
constexpr size_t kParsedBytesPerStoredByte = 8;
constexpr size_t kRecordOverheadBytes = 1'024;

size_t RingBytes(const CommittedRecord& record) {
  return kRecordOverheadBytes + (1 + kParsedBytesPerStoredByte) * record.stored.size();
}

absl::Status RangeError(v1::ErrorReason reason, uint64_t index, uint64_t first, uint64_t next) {
  absl::Status status = MakeError(
      absl::StatusCode::kOutOfRange, reason,
      absl::StrCat("index ", index, reason == v1::INDEX_TRIMMED ? " was trimmed" : " lies ahead",
                   "; the log has records ", first, " to ", next - 1));
  google::rpc::ErrorInfo info;
  SWOOSH_CHECK(GetDetail(status, &info));
  (*info.mutable_metadata())["first_index"] = absl::StrCat(first);
  (*info.mutable_metadata())["commit_index"] = absl::StrCat(next - 1);
  AddDetail(info, &status);
  return status;
}

absl::Status Damaged(absl::string_view message) {
  return MakeError(absl::StatusCode::kDataLoss, v1::DATA_DAMAGED, message);
}

absl::StatusOr<CommittedRecordPtr> Parse(uint64_t index, absl::string_view stored) {
  auto record = std::make_shared<CommittedRecord>();
  const absl::Status status = DecodeRecord(stored, &record->record);
  if (!status.ok()) return Damaged(absl::StrCat("record ", index, ": ", status.message()));
  if (record->record.index() != index) {
    return Damaged(
        absl::StrCat("record ", index, ": says that it is record ", record->record.index()));
  }
  record->stored = std::string(stored);
  record->hash = Sha256(stored);
  return record;
}

}  // namespace

ChangeFeed::ChangeFeed(const Log* log, uint64_t next_index, size_t ring_bytes_max)
    : log_(log), ring_bytes_max_(ring_bytes_max), next_(next_index), notifier_("swoosh-notify") {}

ChangeFeed::~ChangeFeed() {
  notifier_.Stop();
  absl::MutexLock lock(&mutex_);
  SWOOSH_CHECK(cursors_.empty());
}

void ChangeFeed::Publish(std::vector<CommittedRecordPtr> group) {
  std::vector<CommittedRecordPtr> evicted;  // freed outside the lock
  absl::MutexLock lock(&mutex_);
  for (CommittedRecordPtr& record : group) {
    SWOOSH_CHECK(record->index() == next_);
    ++next_;
    ring_bytes_ += RingBytes(*record);
    ring_.push_back(std::move(record));
  }
  while (ring_bytes_ > ring_bytes_max_ && !ring_.empty()) {
    ring_bytes_ -= RingBytes(*ring_.front());
    evicted.push_back(std::move(ring_.front()));
    ring_.pop_front();
  }
  if (!waiting_.empty()) ScheduleWakeUps();
}

uint64_t ChangeFeed::next_index() const {
  absl::MutexLock lock(&mutex_);
  return next_;
}

absl::Status ChangeFeed::CheckIndex(uint64_t index) const {
  const uint64_t next = next_index();
  const uint64_t first = first_index();
  if (index < first) return RangeError(v1::INDEX_TRIMMED, index, first, next);
  if (index > next) return RangeError(v1::INDEX_AHEAD, index, first, next);
  return absl::OkStatus();
}

absl::Status ChangeFeed::AheadError(uint64_t index) const {
  return RangeError(v1::INDEX_AHEAD, index, first_index(), next_index());
}

absl::StatusOr<std::vector<CommittedRecordPtr>> ChangeFeed::Read(uint64_t from, size_t records_max,
                                                                 size_t bytes_max) const {
  absl::Status in_range = CheckIndex(from);
  if (!in_range.ok()) return in_range;
  uint64_t next;
  {
    absl::MutexLock lock(&mutex_);
    next = next_;
    auto in_ring = ReadRing(from, records_max, bytes_max);
    if (in_ring.has_value()) return *std::move(in_ring);
  }
  return ReadLog(from, next, records_max, bytes_max);
}

std::optional<std::vector<CommittedRecordPtr>> ChangeFeed::ReadRing(uint64_t from,
                                                                    size_t records_max,
                                                                    size_t bytes_max) const {
  std::vector<CommittedRecordPtr> records;
  if (from == next_) return records;
  if (ring_.empty() || from < ring_.front()->index()) return std::nullopt;
  size_t bytes = 0;
  for (size_t at = from - ring_.front()->index();
       at < ring_.size() && records.size() < records_max && (records.empty() || bytes < bytes_max);
       ++at) {
    bytes += ring_[at]->stored.size();
    records.push_back(ring_[at]);
  }
  return records;
}

absl::StatusOr<std::vector<CommittedRecordPtr>> ChangeFeed::ReadLog(uint64_t from, uint64_t end,
                                                                    size_t records_max,
                                                                    size_t bytes_max) const {
  std::vector<CommittedRecordPtr> records;
  absl::Status parsed;
  // The log may hold records that are durable and not published yet: `end` keeps them out.
  const absl::Status read =
      log_->Read(from, bytes_max, [&](uint64_t index, absl::string_view stored) {
        if (index >= end || records.size() >= records_max) return false;
        absl::StatusOr<CommittedRecordPtr> record = Parse(index, stored);
        if (!record.ok()) {
          parsed = record.status();
          return false;
        }
        records.push_back(*std::move(record));
        return records.size() < records_max;
      });
  if (!records.empty()) return records;  // who reads on behind them meets the error
  if (!parsed.ok()) return parsed;
  if (read.code() == absl::StatusCode::kOutOfRange) {  // trimmed since it was checked
    return RangeError(v1::INDEX_TRIMMED, from, first_index(), next_index());
  }
  if (read.code() == absl::StatusCode::kDataLoss) return Damaged(read.message());
  if (!read.ok()) return MakeError(read.code(), v1::NOT_APPLIED, read.message());
  return records;
}

absl::StatusOr<CommittedRecordPtr> ChangeFeed::ReadOne(uint64_t index) const {
  absl::StatusOr<std::vector<CommittedRecordPtr>> records = Read(index, 1, 1);
  if (!records.ok()) return records.status();
  if (records->empty()) return AheadError(index);
  return std::move(records->front());
}

absl::StatusOr<std::unique_ptr<ChangeFeed::Cursor>> ChangeFeed::Open(uint64_t from) {
  if (from != 0) {
    absl::Status in_range = CheckIndex(from);
    if (!in_range.ok()) return in_range;
  }
  absl::MutexLock lock(&mutex_);
  if (cursors_.size() >= kWatchersMax) {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                     absl::StrCat("there are ", kWatchersMax, " watches, which is the most"));
  }
  std::unique_ptr<Cursor> cursor(new Cursor(this, from == 0 ? next_ : from));
  cursors_.insert(cursor.get());
  return cursor;
}

size_t ChangeFeed::watcher_count() const {
  absl::MutexLock lock(&mutex_);
  return cursors_.size();
}

uint64_t ChangeFeed::lag_records() const {
  absl::MutexLock lock(&mutex_);
  uint64_t slowest = next_;
  for (const Cursor* cursor : cursors_) {
    cursor->feed_->mutex_.AssertHeld();
    slowest = std::min(slowest, cursor->next_);
  }
  return next_ - slowest;
}

void ChangeFeed::ScheduleWakeUps() {
  if (pass_scheduled_) return;
  pass_scheduled_ = true;
  notifier_.Post([this] { WakeReady(); });
}

void ChangeFeed::WakeReady() {
  absl::MutexLock lock(&mutex_);
  pass_scheduled_ = false;
  for (Cursor* cursor : waiting_) {
    cursor->feed_->mutex_.AssertHeld();
    if (cursor->next_ < next_) ready_.push_back(cursor);
  }
  for (Cursor* cursor : ready_) waiting_.erase(cursor);
  while (!ready_.empty()) {
    waking_ = ready_.back();
    ready_.pop_back();
    waking_->feed_->mutex_.AssertHeld();
    std::function<void()> wake = std::move(waking_->wake_);
    waking_->wake_ = nullptr;
    mutex_.Unlock();
    wake();
    wake = nullptr;
    mutex_.Lock();
    waking_ = nullptr;
  }
}

bool ChangeFeed::Forget(Cursor* cursor) {
  if (waiting_.erase(cursor) > 0) return true;
  const auto found = std::find(ready_.begin(), ready_.end(), cursor);
  if (found == ready_.end()) return false;
  ready_.erase(found);
  return true;
}

ChangeFeed::Cursor::~Cursor() {
  absl::MutexLock lock(&feed_->mutex_);
  feed_->Forget(this);
  const auto not_waking = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(feed_->mutex_) {
    return feed_->waking_ != this;
  };
  feed_->mutex_.Await(absl::Condition(&not_waking));
  feed_->cursors_.erase(this);
}

absl::StatusOr<std::vector<CommittedRecordPtr>> ChangeFeed::Cursor::Next(size_t records_max,
                                                                         size_t bytes_max) {
  absl::StatusOr<std::vector<CommittedRecordPtr>> records =
      feed_->Read(next_index(), records_max, bytes_max);
  if (records.ok() && !records->empty()) {
    absl::MutexLock lock(&feed_->mutex_);
    next_ = records->back()->index() + 1;
  }
  return records;
}

std::optional<std::vector<CommittedRecordPtr>> ChangeFeed::Cursor::NextInMemory(size_t records_max,
                                                                                size_t bytes_max) {
  absl::MutexLock lock(&feed_->mutex_);
  auto records = feed_->ReadRing(next_, records_max, bytes_max);
  if (records.has_value() && !records->empty()) next_ = records->back()->index() + 1;
  return records;
}

void ChangeFeed::Cursor::GoBackTo(uint64_t index) {
  absl::MutexLock lock(&feed_->mutex_);
  SWOOSH_CHECK(index <= next_);
  next_ = index;
}

void ChangeFeed::Cursor::WhenReady(std::function<void()> wake) {
  absl::MutexLock lock(&feed_->mutex_);
  feed_->Forget(this);
  wake_ = std::move(wake);
  feed_->waiting_.insert(this);
  if (next_ < feed_->next_) feed_->ScheduleWakeUps();
}

bool ChangeFeed::Cursor::Cancel() {
  absl::MutexLock lock(&feed_->mutex_);
  return feed_->Forget(this);
}

uint64_t ChangeFeed::Cursor::next_index() const {
  absl::MutexLock lock(&feed_->mutex_);
  return next_;
}

}  // namespace swoosh
