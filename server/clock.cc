#include "server/clock.h"

#include <time.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/errors.h"
#include "server/log_line.h"

namespace swoosh {
namespace {

constexpr double kMicrosPerSecond = 1'000'000;

int64_t ReadClockUs(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

TimeSources OperatingSystemTime() {
  // CLOCK_BOOTTIME goes on while the machine is suspended: waking up is no jump.
  return {[] { return ReadClockUs(CLOCK_REALTIME); }, [] { return ReadClockUs(CLOCK_BOOTTIME); }};
}

SystemClock::SystemClock(TimeSources sources) : sources_(std::move(sources)) {
  absl::MutexLock lock(&mutex_);
  base_wall_us_ = sources_.wall_us();
  base_monotonic_us_ = sources_.monotonic_us();
}

int64_t SystemClock::NowUs() {
  absl::MutexLock lock(&mutex_);
  const int64_t wall_us = sources_.wall_us();
  const int64_t monotonic_us = sources_.monotonic_us();
  const int64_t expected_us = base_wall_us_ + (monotonic_us - base_monotonic_us_);
  if (wall_us - expected_us > kForwardJumpUsMin) {
    return DuringJump(wall_us, monotonic_us, expected_us);
  }
  if (jump_seen_us_.has_value()) {
    jump_seen_us_.reset();
    LogLine(LogLevel::kInfo, "clock_jump_undone");
  }
  if (wall_us < base_wall_us_) {
    ++backward_steps_;
    LogLine(LogLevel::kWarn, "clock_stepped_back")
        .With("seconds", static_cast<double>(base_wall_us_ - wall_us) / kMicrosPerSecond);
  }
  base_wall_us_ = wall_us;
  base_monotonic_us_ = monotonic_us;
  return wall_us;
}

int64_t SystemClock::DuringJump(int64_t wall_us, int64_t monotonic_us, int64_t expected_us) {
  if (!jump_seen_us_.has_value()) {
    jump_seen_us_ = monotonic_us;
    ++forward_jumps_;
    LogLine(LogLevel::kWarn, "clock_jumped_forward")
        .With("seconds", static_cast<double>(wall_us - expected_us) / kMicrosPerSecond);
  }
  if (monotonic_us - *jump_seen_us_ < kForwardJumpLastsUsMin) return expected_us;
  jump_seen_us_.reset();
  base_wall_us_ = wall_us;
  base_monotonic_us_ = monotonic_us;
  LogLine(LogLevel::kWarn, "clock_jump_believed");
  return wall_us;
}

uint64_t SystemClock::forward_jumps() const {
  absl::MutexLock lock(&mutex_);
  return forward_jumps_;
}

uint64_t SystemClock::backward_steps() const {
  absl::MutexLock lock(&mutex_);
  return backward_steps_;
}

ManualClock::ManualClock(const Hlc& last_record, int64_t start_us)
    : now_us_(std::max(last_record.time_us, start_us)) {}

int64_t ManualClock::NowUs() {
  absl::MutexLock lock(&mutex_);
  return now_us_;
}

absl::Status ManualClock::AdvanceTo(int64_t to_us) {
  absl::MutexLock lock(&mutex_);
  if (to_us < now_us_) {
    return InvalidField("to",
                        absl::StrCat("is ", now_us_ - to_us,
                                     " us before what the clock shows; it only goes forward"));
  }
  now_us_ = to_us;
  return absl::OkStatus();
}

absl::Status CheckLastRecordTime(const Hlc& last_record, int64_t now_us, bool accept_ahead) {
  const int64_t ahead_us = last_record.time_us - now_us;
  if (ahead_us <= kLastRecordAheadUsMax || accept_ahead) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "the log's last record is %.0f s ahead of the clock, which is more than %.0f s; correct the "
      "clock, or start with --accept_clock_ahead: every new record then has the last one's time "
      "until the clock has caught up",
      static_cast<double>(ahead_us) / kMicrosPerSecond,
      static_cast<double>(kLastRecordAheadUsMax) / kMicrosPerSecond));
}

}  // namespace swoosh
