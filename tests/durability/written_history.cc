#include "tests/durability/written_history.h"

#include <algorithm>

#include "core/check.h"
#include "core/record.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

WrittenHistory::WrittenHistory(const WrittenHistory& other) {
  absl::MutexLock lock(&other.mutex_);
  absl::MutexLock own(&mutex_);
  entries_ = other.entries_;
  acknowledged_ = other.acknowledged_;
}

void WrittenHistory::Add(absl::Span<const EncodedRecord> records) {
  std::vector<Entry> added;
  for (const EncodedRecord& encoded : records) {
    Entry entry;
    entry.record_hash = encoded.hash;
    v1::Record record;
    SWOOSH_CHECK(DecodeRecord(encoded.bytes, &record).ok());
    if (record.state_hash().size() == sizeof(Digest)) {
      entry.state_hash.emplace();
      std::copy(record.state_hash().begin(), record.state_hash().end(), entry.state_hash->begin());
    }
    added.push_back(entry);
  }
  absl::MutexLock lock(&mutex_);
  SWOOSH_CHECK(records.front().index <= entries_.size() + 1);
  SWOOSH_CHECK(records.front().index > acknowledged_);
  entries_.resize(records.front().index - 1);
  entries_.insert(entries_.end(), added.begin(), added.end());
}

void WrittenHistory::Acknowledge(uint64_t index) {
  absl::MutexLock lock(&mutex_);
  acknowledged_ = std::max(acknowledged_, index);
}

void WrittenHistory::GoBackTo(uint64_t acknowledged) {
  absl::MutexLock lock(&mutex_);
  acknowledged_ = acknowledged;
}

void WrittenHistory::GoOnFrom(uint64_t end) {
  absl::MutexLock lock(&mutex_);
  SWOOSH_CHECK(acknowledged_ <= end && end <= entries_.size());
  entries_.resize(end);
  acknowledged_ = end;
}

uint64_t WrittenHistory::acknowledged() const {
  absl::MutexLock lock(&mutex_);
  return acknowledged_;
}

uint64_t WrittenHistory::end() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

std::optional<WrittenHistory::Entry> WrittenHistory::Find(uint64_t index) const {
  absl::MutexLock lock(&mutex_);
  if (index == 0 || index > entries_.size()) return std::nullopt;
  return entries_[index - 1];
}

}  // namespace swoosh
