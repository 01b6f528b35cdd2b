#include "cli/latency_histogram.h"

#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(LatencyHistogram, QuantilesAreAtMostOne32ndTooLong) {
  LatencyHistogram histogram;
  for (int us = 1; us <= 100'000; ++us) histogram.Record(absl::Microseconds(us));
  EXPECT_EQ(histogram.count(), 100'000u);
  for (const double share : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999}) {
    const double us = absl::ToDoubleMicroseconds(histogram.Quantile(share));
    EXPECT_GE(us, share * 100'000) << share;
    EXPECT_LE(us, share * 100'000 * (1 + 1.0 / 32) + 1) << share;
  }
  EXPECT_EQ(histogram.Quantile(1), absl::Milliseconds(100));
  EXPECT_EQ(histogram.max(), absl::Milliseconds(100));
}

TEST(LatencyHistogram, AnyDurationIsTaken) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), absl::ZeroDuration());
  EXPECT_TRUE(histogram.Rows().empty());
  for (const absl::Duration latency :
       {-absl::Seconds(1), absl::ZeroDuration(), absl::Nanoseconds(1), absl::Hours(24 * 365)}) {
    histogram.Record(latency);
  }
  EXPECT_EQ(histogram.count(), 4u);
  EXPECT_EQ(histogram.max(), absl::Hours(24 * 365));
}

TEST(LatencyHistogram, MergedItIsAsIfAllWereRecordedInOne) {
  LatencyHistogram one;
  LatencyHistogram other;
  LatencyHistogram both;
  for (int i = 1; i < 5'000; ++i) {
    (i % 3 == 0 ? one : other).Record(absl::Nanoseconds(i * i));
    both.Record(absl::Nanoseconds(i * i));
  }
  one.Merge(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.Quantile(0.5), both.Quantile(0.5));
  EXPECT_EQ(one.max(), both.max());
}

TEST(LatencyHistogram, RowsHoldEachDurationOnceWithoutAGap) {
  LatencyHistogram histogram;
  for (const int us : {1, 3, 3, 100, 900}) histogram.Record(absl::Microseconds(us));
  uint64_t count = 0;
  const auto rows = histogram.Rows();
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_GT(rows[i].to, rows[i].from);
    EXPECT_TRUE(i == 0 || rows[i].from == rows[i - 1].to);
    count += rows[i].count;
  }
  EXPECT_EQ(count, 5u);
  EXPECT_EQ(rows.front().count, 1u);
  EXPECT_EQ(rows.front().to, absl::Microseconds(2));
  EXPECT_EQ(rows.back().to, absl::Milliseconds(1));
}

}  // namespace
}  // namespace swoosh
