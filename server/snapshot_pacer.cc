#include "server/snapshot_pacer.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "core/check.h"
#include "server/monotonic_time.h"

namespace swoosh {
namespace {

// Of the processor's time, what this thread has had.
absl::Duration ThreadWorked() {
  timespec time;
  SWOOSH_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return absl::DurationFromTimespec(time);
}

}  // namespace

double SnapshotProcessorShare(double done, absl::Duration worked, absl::Duration left) {
  if (left <= absl::ZeroDuration()) return 1;
  if (done <= 0) return kSnapshotProcessorShareMin;
  const double needed = absl::FDivDuration(worked * ((1 - done) / done), left);
  return std::clamp(needed, kSnapshotProcessorShareMin, 1.0);
}

SnapshotPacer::SnapshotPacer(Options options)
    : options_(std::move(options)),
      began_(MonotonicNow()),
      worked_before_(ThreadWorked()),
      slice_began_(began_),
      slice_worked_before_(worked_before_) {}

void SnapshotPacer::Pause(const SnapshotProgress& progress) {
  const absl::Duration worked = ThreadWorked();
  if (worked - slice_worked_before_ < kSnapshotSlice) return;
  absl::SleepFor(PauseOf(progress, worked - slice_worked_before_, MonotonicNow()));
  slice_began_ = MonotonicNow();
  slice_worked_before_ = worked;
}

absl::Duration SnapshotPacer::PauseOf(const SnapshotProgress& progress, absl::Duration slice_worked,
                                      absl::Time now) const {
  const absl::Duration elapsed = now - began_;
  absl::Duration pause;
  if (options_.bytes_per_second_max > 0) {
    pause = absl::Seconds(static_cast<double>(progress.written_bytes) /
                          static_cast<double>(options_.bytes_per_second_max)) -
            elapsed;
  }
  if (!options_.is_alone()) {
    const double done =
        static_cast<double>(progress.steps_done) / static_cast<double>(progress.steps);
    const absl::Duration worked = slice_worked_before_ + slice_worked - worked_before_;
    const double share = SnapshotProcessorShare(done, worked, options_.duration_max - elapsed);
    // What it had to wait for the processor or the disk counts as a pause.
    pause = std::max(pause, slice_worked / share - (now - slice_began_));
  }
  return std::max(pause, absl::ZeroDuration());
}

}  // namespace swoosh
