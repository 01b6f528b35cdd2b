#ifndef SWOOSH_CORE_HLC_H_
#define SWOOSH_CORE_HLC_H_

#include <cstdint>
#include <tuple>

namespace swoosh {

// A hybrid logical clock's reading: Kulkarni et al., "Logical Physical Clocks and Consistent
// Snapshots in Globally Distributed Databases" (2014). Totally ordered; in a log, strictly rising.
struct Hlc {
  int64_t time_us = 0;   // physical part: microseconds since the Unix epoch
  uint32_t counter = 0;  // orders readings of one microsecond

  friend bool operator==(const Hlc& a, const Hlc& b) {
    return a.time_us == b.time_us && a.counter == b.counter;
  }
  friend bool operator<(const Hlc& a, const Hlc& b) {
    return std::tie(a.time_us, a.counter) < std::tie(b.time_us, b.counter);
  }
};

// The reading after `last` when the physical clock shows `now_us`: `now_us` if that moves time on,
// else the same physical part and the next counter.
inline Hlc NextHlc(const Hlc& last, int64_t now_us) {
  if (now_us > last.time_us) return {now_us, 0};
  if (last.counter == UINT32_MAX) return {last.time_us + 1, 0};
  return {last.time_us, last.counter + 1};
}

}  // namespace swoosh

#endif  // SWOOSH_CORE_HLC_H_
