#ifndef SWOOSH_SERVER_CLOCK_H_
#define SWOOSH_SERVER_CLOCK_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "core/hlc.h"

namespace swoosh {

// The physical clock behind the log's times. Its readings may go back: NextHlc (core/hlc.h) holds
// the log's time then. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since the Unix epoch.
  virtual int64_t NowUs() = 0;
};

// Where SystemClock reads; replaced in tests. Both are called under the clock's lock.
struct TimeSources {
  std::function<int64_t()> wall_us;       // since the Unix epoch; may jump
  std::function<int64_t()> monotonic_us;  // since some moment; never goes back, counts suspension
};
TimeSources OperatingSystemTime();

inline constexpr int64_t kForwardJumpUsMin = 60'000'000;       // a longer step forward is a jump,
inline constexpr int64_t kForwardJumpLastsUsMin = 10'000'000;  // believed after it lasted this long
inline constexpr int64_t kLastRecordAheadUsMax = 3'600'000'000;

// The machine's wall clock. A step forward of more than kForwardJumpUsMin against the monotonic
// clock counts only after it has lasted kForwardJumpLastsUsMin; until then time goes on by the
// monotonic clock, so that a clock which is wrong for a moment can't push the log's time ahead for
// good. Steps back are passed on. Both are logged, once a step.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(TimeSources sources = OperatingSystemTime());
  int64_t NowUs() override;

  uint64_t forward_jumps() const;  // seen, believed or not
  uint64_t backward_steps() const;

 private:
  int64_t DuringJump(int64_t wall_us, int64_t monotonic_us, int64_t expected_us)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const TimeSources sources_;
  mutable absl::Mutex mutex_;
  // The last pair of readings that was believed.
  int64_t base_wall_us_ ABSL_GUARDED_BY(mutex_);
  int64_t base_monotonic_us_ ABSL_GUARDED_BY(mutex_);
  // When the jump that is not believed yet was first seen, by the monotonic clock.
  std::optional<int64_t> jump_seen_us_ ABSL_GUARDED_BY(mutex_);
  uint64_t forward_jumps_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t backward_steps_ ABSL_GUARDED_BY(mutex_) = 0;
};

// --clock=manual: time stands still until AdvanceTo.
class ManualClock final : public Clock {
 public:
  // Starts at the later of the two: the time of the log's last record, or a given one.
  ManualClock(const Hlc& last_record, int64_t start_us);
  int64_t NowUs() override;

  // kInvalidArgument, INVALID_FIELD of `to`: before what the clock shows. Nothing is changed then.
  absl::Status AdvanceTo(int64_t to_us);

 private:
  absl::Mutex mutex_;
  int64_t now_us_ ABSL_GUARDED_BY(mutex_);
};

// Refuses to serve a log whose last record is more than kLastRecordAheadUsMax ahead of `now_us`,
// since every record to come would get its time. kFailedPrecondition says by how much, and names
// the flag that accepts it; OK with `accept_ahead`.
absl::Status CheckLastRecordTime(const Hlc& last_record, int64_t now_us, bool accept_ahead);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_CLOCK_H_
