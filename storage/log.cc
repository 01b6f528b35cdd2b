#include "storage/log.h"

#include "absl/strings/str_cat.h"

namespace swoosh {

absl::Status CheckAppend(const Log::Limits& limits, uint64_t next_index, uint64_t expected_next,
                         absl::Span<const EncodedRecord> records) {
  if (expected_next != next_index) {
    return absl::AbortedError(
        absl::StrCat("append at ", expected_next, ", but the log goes on at ", next_index));
  }
  size_t bytes = 0;
  for (const EncodedRecord& record : records) {
    if (record.index != expected_next) {
      return absl::InvalidArgumentError(
          absl::StrCat("record ", record.index, " stands where ", expected_next, " must"));
    }
    ++expected_next;
    bytes += record.bytes.size();
  }
  if (records.size() > limits.append_records_max || bytes > limits.append_bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("an append of ", records.size(), " records and ", bytes, " bytes; at most ",
                     limits.append_records_max, " and ", limits.append_bytes_max));
  }
  return absl::OkStatus();
}

absl::Status NotInLogError(uint64_t index, uint64_t first_index, uint64_t next_index) {
  if (first_index == next_index) {
    return absl::OutOfRangeError(absl::StrCat("record ", index, " is not in the log, which is ",
                                              "empty and goes on at ", next_index));
  }
  return absl::OutOfRangeError(absl::StrCat("record ", index, " is not in the log, which has ",
                                            first_index, " to ", next_index - 1));
}

absl::Status CheckTrim(uint64_t first_kept, uint64_t next_index) {
  if (first_kept <= next_index) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("trimming below ", first_kept, ", but the log goes on at ", next_index));
}

}  // namespace swoosh
