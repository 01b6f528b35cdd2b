#include "storage/memory_log.h"

#include <vector>

namespace swoosh {

uint64_t MemoryLog::first_index() const {
  absl::MutexLock lock(&mutex_);
  return first_index_;
}

uint64_t MemoryLog::next_index() const {
  absl::MutexLock lock(&mutex_);
  return first_index_ + records_.size();
}

absl::Status MemoryLog::Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) {
  absl::MutexLock lock(&mutex_);
  const uint64_t next = first_index_ + records_.size();
  if (absl::Status status = CheckAppend(limits_, next, expected_next, records); !status.ok()) {
    return status;
  }
  for (const EncodedRecord& record : records) {
    records_.push_back(std::make_shared<const std::string>(record.bytes));
  }
  return absl::OkStatus();
}

absl::Status MemoryLog::Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const {
  std::vector<std::shared_ptr<const std::string>> chosen;
  {
    absl::MutexLock lock(&mutex_);
    const uint64_t next = first_index_ + records_.size();
    if (from < first_index_ || from > next) {
      return NotInLogError(from, first_index_, next);
    }
    size_t bytes = 0;
    for (uint64_t index = from; index < next && (chosen.empty() || bytes < bytes_max); ++index) {
      chosen.push_back(records_[index - first_index_]);
      bytes += chosen.back()->size();
    }
  }
  for (const auto& bytes : chosen) {
    if (!visit(from++, *bytes)) break;
  }
  return absl::OkStatus();
}

absl::Status MemoryLog::TrimPrefix(uint64_t first_kept) {
  absl::MutexLock lock(&mutex_);
  const uint64_t next = first_index_ + records_.size();
  if (absl::Status status = CheckTrim(first_kept, next); !status.ok()) return status;
  for (; first_index_ < first_kept; ++first_index_) records_.pop_front();
  return absl::OkStatus();
}

}  // namespace swoosh
