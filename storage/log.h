#ifndef SWOOSH_STORAGE_LOG_H_
#define SWOOSH_STORAGE_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/sha256.h"

namespace swoosh {

// A record as it is stored (core/record.h), with the hash of its bytes.
struct EncodedRecord {
  uint64_t index = 0;
  std::string bytes;
  Digest hash = {};
};

// Returns false to stop.
using RecordVisitor = absl::FunctionRef<bool(uint64_t index, absl::string_view bytes)>;

// A single durable history of records, with contiguous indexes from 1.
//
// Append and TrimPrefix are for one thread; the others for any, also beside it.
class Log {
 public:
  struct Limits {
    size_t append_records_max = 0;
    size_t append_bytes_max = 0;
  };

  virtual ~Log() = default;

  // What an Append may carry.
  virtual Limits limits() const = 0;
  // The oldest index kept; equal to next_index() when the log is empty.
  virtual uint64_t first_index() const = 0;
  // Whatever lies below it is durable.
  virtual uint64_t next_index() const = 0;

  // Appends all records, the first of which has index `expected_next`, or none; returns once they
  // are durable, and the commit mark holds the last of them.
  //   kAborted: another writer moved the tail; nothing was written.
  //   kInvalidArgument: over the limits, or indexes that don't follow; nothing was written.
  //   Any other error: the outcome is unknown, and all later appends fail (kFailedPrecondition);
  //   reopen and recover.
  virtual absl::Status Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) = 0;

  // Visits records from index `from` on, in order, until `visit` stops it, about `bytes_max` bytes
  // were visited (at least one record), or the durable end.
  //   kOutOfRange: `from` was trimmed or lies beyond next_index().
  //   kDataLoss: a record that should be there is not, or is damaged; names the index, also as the
  //   first bad one (bad_index.h).
  virtual absl::Status Read(uint64_t from, size_t bytes_max, RecordVisitor visit) const = 0;

  // Removes records below `first_kept`, in bounded steps; no effect when they are gone already.
  //   kOutOfRange: `first_kept` is beyond next_index().
  virtual absl::Status TrimPrefix(uint64_t first_kept) = 0;

  // `listener` is called, on any thread, when a write in the background failed: all later appends
  // would fail, and nobody may append for long. Null takes it back, and waits for a call that is
  // running. What it calls must not wait for an append.
  virtual void SetFailureListener(std::function<void(const absl::Status&)> listener) = 0;

  // Bytes on disk, 0 where there is no disk.
  virtual uint64_t size_bytes() const = 0;
};

// What all implementations check, and the errors they share.
absl::Status CheckAppend(const Log::Limits& limits, uint64_t next_index, uint64_t expected_next,
                         absl::Span<const EncodedRecord> records);
absl::Status CheckTrim(uint64_t first_kept, uint64_t next_index);
absl::Status NotInLogError(uint64_t index, uint64_t first_index, uint64_t next_index);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LOG_H_
