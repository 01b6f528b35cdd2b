#include "cli/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/numeric/bits.h"

namespace swoosh {

// Below 2 * kHalf a bucket is a nanosecond; above, each doubling has kHalf of them.
size_t LatencyHistogram::BucketOf(uint64_t ns) {
  if (ns < 2 * kHalf) return ns;
  const int shift = 63 - absl::countl_zero(ns) - kHalfBits;
  const size_t bucket = static_cast<size_t>(shift) * kHalf + (ns >> shift);
  return std::min(bucket, kBuckets - 1);
}

uint64_t LatencyHistogram::EndOf(size_t bucket) {
  if (bucket < 2 * kHalf) return bucket + 1;
  const size_t shift = bucket / kHalf - 1;
  return (bucket - shift * kHalf + 1) << shift;
}

void LatencyHistogram::Record(absl::Duration latency) {
  const int64_t ns = std::max<int64_t>(absl::ToInt64Nanoseconds(latency), 0);
  ++counts_[BucketOf(static_cast<uint64_t>(ns))];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

absl::Duration LatencyHistogram::Quantile(double share) const {
  if (count_ == 0) return absl::ZeroDuration();
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted && seen > 0) {
      return absl::Nanoseconds(std::min<int64_t>(static_cast<int64_t>(EndOf(i)), max_ns_));
    }
  }
  return max();
}

std::vector<LatencyHistogram::Row> LatencyHistogram::Rows() const {
  std::vector<Row> rows;
  absl::Duration from = absl::ZeroDuration();
  absl::Duration to = absl::Microseconds(1);
  int step = 0;  // of 1, 2, 5
  uint64_t count = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    while (absl::Nanoseconds(EndOf(i)) > to) {
      if (count > 0 || !rows.empty()) rows.push_back({from, to, std::exchange(count, 0)});
      from = to;
      to = step == 1 ? to * 5 / 2 : to * 2;
      step = (step + 1) % 3;
    }
    count += counts_[i];
  }
  if (count > 0) rows.push_back({from, to, count});
  while (!rows.empty() && rows.back().count == 0) rows.pop_back();
  return rows;
}

}  // namespace swoosh
