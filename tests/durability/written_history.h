#ifndef SWOOSH_TESTS_DURABILITY_WRITTEN_HISTORY_H_
#define SWOOSH_TESTS_DURABILITY_WRITTEN_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "core/sha256.h"
#include "storage/log.h"

namespace swoosh {

// What a run gave the log to write, and how much of it was acknowledged: what is found later is
// compared with it. Thread-safe.
class WrittenHistory {
 public:
  struct Entry {
    Digest record_hash = {};
    std::optional<Digest> state_hash;  // at the end of a group
  };

  WrittenHistory() = default;
  WrittenHistory(const WrittenHistory& other) ABSL_LOCKS_EXCLUDED(other.mutex_);
  WrittenHistory& operator=(const WrittenHistory&) = delete;

  // Before an append: replaces what it had from there on.
  void Add(absl::Span<const EncodedRecord> records) ABSL_LOCKS_EXCLUDED(mutex_);
  // After an answer was released.
  void Acknowledge(uint64_t index) ABSL_LOCKS_EXCLUDED(mutex_);
  // The run goes on from a moment when so much was acknowledged: what came after it never was.
  void GoBackTo(uint64_t acknowledged) ABSL_LOCKS_EXCLUDED(mutex_);
  // It went on, and serves what it found: the records up to `end`.
  void GoOnFrom(uint64_t end) ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t acknowledged() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t end() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Of record `index`, if it was ever written.
  std::optional<Entry> Find(uint64_t index) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // from index 1
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_TESTS_DURABILITY_WRITTEN_HISTORY_H_
