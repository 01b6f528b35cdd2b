#include "server/snapshot_pacer.h"

#include <time.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/monotonic_time.h"

namespace swoosh {
namespace {

absl::Duration ThreadWorked() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

// Uses up some of the processor's time.
void Work(absl::Duration time) {
  const absl::Duration end = ThreadWorked() + time;
  while (ThreadWorked() < end) {
  }
}

// How long a snapshot of `steps` slices takes.
absl::Duration Paced(uint64_t steps, SnapshotPacer::Options options) {
  const absl::Time began = MonotonicNow();
  SnapshotPacer pacer(options);
  for (uint64_t step = 1; step <= steps; ++step) {
    Work(kSnapshotSlice);
    pacer.Pause({.steps_done = step, .steps = steps, .written_bytes = 1'000 * step});
  }
  return MonotonicNow() - began;
}

TEST(SnapshotProcessorShare, IsWhatLetsItEndInTime) {
  // A second was a quarter, so three are left for ten.
  EXPECT_DOUBLE_EQ(SnapshotProcessorShare(0.25, absl::Seconds(1), absl::Seconds(10)), 0.3);
  EXPECT_DOUBLE_EQ(SnapshotProcessorShare(0.25, absl::Seconds(1), absl::Seconds(4)), 0.75);
}

TEST(SnapshotProcessorShare, IsNeverNothingNorMoreThanAProcessor) {
  EXPECT_EQ(SnapshotProcessorShare(0.25, absl::Seconds(1), absl::Hours(1)),
            kSnapshotProcessorShareMin);
  EXPECT_EQ(SnapshotProcessorShare(0, absl::ZeroDuration(), absl::Hours(1)),
            kSnapshotProcessorShareMin);
  EXPECT_EQ(SnapshotProcessorShare(1, absl::Seconds(1), absl::Seconds(1)),
            kSnapshotProcessorShareMin);
  EXPECT_EQ(SnapshotProcessorShare(0.25, absl::Seconds(1), absl::Seconds(2)), 1);
}

TEST(SnapshotProcessorShare, IsAWholeOneWhenTheTimeIsOver) {
  EXPECT_EQ(SnapshotProcessorShare(0.25, absl::Seconds(1), absl::ZeroDuration()), 1);
  EXPECT_EQ(SnapshotProcessorShare(0.25, absl::Seconds(1), -absl::Seconds(1)), 1);
}

TEST(SnapshotPacer, LeavesTheProcessorToOthersBetweenSlices) {
  SnapshotPacer::Options options;
  options.duration_max = absl::Hours(1);
  options.is_alone = [] { return false; };
  // However busy the machine is, it is never quicker.
  EXPECT_GE(Paced(10, options), 10 * kSnapshotSlice / kSnapshotProcessorShareMin);
}

TEST(SnapshotPacer, KeepsToItsBytesEvenAlone) {
  SnapshotPacer::Options options;
  options.duration_max = absl::Hours(1);
  options.bytes_per_second_max = 100'000;
  options.is_alone = [] { return true; };
  EXPECT_GE(Paced(10, options), absl::Milliseconds(100));
}

}  // namespace
}  // namespace swoosh
