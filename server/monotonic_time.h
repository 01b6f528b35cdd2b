#ifndef SWOOSH_SERVER_MONOTONIC_TIME_H_
#define SWOOSH_SERVER_MONOTONIC_TIME_H_

#include <chrono>

#include "absl/time/time.h"

namespace swoosh {

// Time since some moment that never goes back: for durations and timeouts, not for people.
inline absl::Time MonotonicNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace swoosh

#endif  // SWOOSH_SERVER_MONOTONIC_TIME_H_
