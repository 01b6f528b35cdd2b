#ifndef SWOOSH_CLI_LATENCY_HISTOGRAM_H_
#define SWOOSH_CLI_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace swoosh {

// Counts durations from 1 ns to about 18 minutes, in buckets that are at most 1/32 wide of what
// they hold: as HdrHistogram's, whose layout this is (hdrhistogram.org). Longer ones count as the
// longest. Not thread-safe.
class LatencyHistogram {
 public:
  // A range of durations, and how many lie in it.
  struct Row {
    absl::Duration from;  // inclusive
    absl::Duration to;    // exclusive
    uint64_t count = 0;
  };

  void Record(absl::Duration latency);
  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  absl::Duration max() const { return absl::Nanoseconds(max_ns_); }
  // The least duration that `share` (0 to 1) of all don't exceed, rounded up to the end of its
  // bucket; zero when there are none.
  absl::Duration Quantile(double share) const;
  // From the shortest to the longest that was recorded, in steps of 1, 2 and 5; a duration may
  // stand in the row after its own by the width of its bucket.
  std::vector<Row> Rows() const;

 private:
  static constexpr int kHalfBits = 5;  // 32 buckets for each doubling
  static constexpr size_t kHalf = size_t{1} << kHalfBits;
  static constexpr int kDoublings = 36;
  static constexpr size_t kBuckets = (kDoublings + 1) * kHalf;

  static size_t BucketOf(uint64_t ns);
  // The first duration that lies beyond the bucket.
  static uint64_t EndOf(size_t bucket);

  std::array<uint64_t, kBuckets> counts_ = {};
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_LATENCY_HISTOGRAM_H_
