#ifndef SWOOSH_TESTS_BENCH_LOAD_PLAN_H_
#define SWOOSH_TESTS_BENCH_LOAD_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/latency_histogram.h"

namespace swoosh {

// When the messages of a load are due. At a rate they are due at even times whatever becomes of
// them, so that a server that stalls is not spared what it kept from being sent; else as soon as
// there is room for one. Not thread-safe.
class LoadPlan {
 public:
  // `rate`: messages a second; 0: as fast as can be. What is due within `warm_up` of `start` is
  // sent and not measured; what is due in the `duration` after it is.
  LoadPlan(absl::Time start, absl::Duration warm_up, absl::Duration duration, double rate);

  // Whether a message is due at `now`. If so it is taken, and *due is when it was.
  bool Take(absl::Time now, absl::Time* due);
  // At a rate, when the next one is due; InfiniteFuture when none is any more.
  absl::Time next() const { return next_ < end_ ? next_ : absl::InfiniteFuture(); }
  // Nothing more is due; what was due before may still wait to be taken.
  bool Ended(absl::Time now) const {
    return stopped_ || (now >= end_ && (!at_a_rate() || next_ >= end_));
  }
  // For ever, from now on.
  void Stop();
  bool at_a_rate() const { return interval_ > absl::ZeroDuration(); }

  absl::Time measured_from() const { return measured_from_; }
  absl::Time end() const { return end_; }

 private:
  const absl::Time measured_from_;
  absl::Time end_;
  const absl::Duration interval_;
  absl::Time next_;
  bool stopped_ = false;
};

// What came of a load. Not thread-safe.
struct LoadTally {
  uint64_t answered = 0;           // well
  uint64_t answered_measured = 0;  // of these, answered within the time that is measured
  uint64_t errors = 0;
  std::string first_error;
  uint64_t number_max = 0;  // of those that the answers carry, see ReplyCheck
  uint64_t reply_bytes = 0;
  LatencyHistogram latency;  // from when it was due, of those due within the time that is measured

  void Answered(const LoadPlan& plan, absl::Time due, absl::Time now);
  void Failed(absl::string_view why);
  // One line of JSON.
  std::string ToJson(const LoadPlan& plan) const;
};

// Prints the line, or the error on stderr; returns what the program exits with.
int PrintOutcome(const absl::StatusOr<std::string>& json);

// What a good answer looks like.
struct ReplyCheck {
  std::vector<uint32_t> number_path;  // of a number that never falls, such as an index; or none
  uint32_t error_field = 0;           // that an answer must not have; 0: none
};

}  // namespace swoosh

#endif  // SWOOSH_TESTS_BENCH_LOAD_PLAN_H_
