#ifndef SWOOSH_STORAGE_MEMORY_LOG_H_
#define SWOOSH_STORAGE_MEMORY_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "storage/log.h"

namespace swoosh {

// A log that is gone with the process: for tests, and for trying things out. Its limits are those
// given to it.
class MemoryLog : public Log {
 public:
  static constexpr Limits kDefaultLimits = {16'384, 67'108'864};

  explicit MemoryLog(Limits limits = kDefaultLimits) : limits_(limits) {}

  Limits limits() const override { return limits_; }
  uint64_t first_index() const override ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t next_index() const override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status TrimPrefix(uint64_t first_kept) override ABSL_LOCKS_EXCLUDED(mutex_);
  void SetFailureListener(std::function<void(const absl::Status&)>) override {}
  uint64_t size_bytes() const override { return 0; }

 private:
  const Limits limits_;
  mutable absl::Mutex mutex_;
  uint64_t first_index_ ABSL_GUARDED_BY(mutex_) = 1;
  // Shared with readers, which visit without the mutex.
  std::deque<std::shared_ptr<const std::string>> records_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_MEMORY_LOG_H_
