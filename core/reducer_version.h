#ifndef SWOOSH_CORE_REDUCER_VERSION_H_
#define SWOOSH_CORE_REDUCER_VERSION_H_

#include <cstdint>

namespace swoosh {

// The version of the decisions that Reduce makes. A change that could make another state, or
// another refusal, of the same proposal takes the next number; what a kept log needs stays
// implemented.
//
//   1  single atomic states; no time
//   2  semantics version 2 (core/statechart/machine.h); parallel and history states, several
//      targets, timers, external guards, retention. What version 1 accepted means the same.
inline constexpr uint32_t kReducerVersion = 2;

}  // namespace swoosh

#endif  // SWOOSH_CORE_REDUCER_VERSION_H_
