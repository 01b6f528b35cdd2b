#ifndef SWOOSH_CORE_REDUCER_H_
#define SWOOSH_CORE_REDUCER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/hlc.h"
#include "core/reducer_version.h"
#include "core/state.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"
#include "google/protobuf/repeated_field.h"
#include "swoosh/v1/record.pb.h"
#include "swoosh/v1/transition.pb.h"

namespace swoosh {

// What a client proposed, as it will stand in the record.
struct Proposal {
  absl::string_view ns;     // never "": the service replaces "" by "default"
  absl::string_view actor;  // authenticated; "" = nobody
  const google::protobuf::RepeatedPtrField<v1::Transition>* transitions = nullptr;
  const google::protobuf::RepeatedPtrField<v1::GuardOutcome>* guard_outcomes = nullptr;
  // InstanceKeys of the transitions, where the caller has them; else Reduce makes them.
  absl::Span<const StateKey> keys;
  // Whose decisions are made: of a new proposal this binary's, on replay the record's.
  uint32_t reducer_version = kReducerVersion;
};

// How many keys to look ahead with StateView::Prefetch at a time.
inline constexpr size_t kKeysAhead = 16;

// One for each transition: the entry of the instance that it names; an empty one where it names
// none.
using InstanceKeyList = absl::InlinedVector<StateKey, 1>;
InstanceKeyList InstanceKeys(absl::string_view ns,
                             const google::protobuf::RepeatedPtrField<v1::Transition>& transitions);

// What one transition of an accepted proposal made: exactly one of the two is set, nothing for a
// deletion.
struct TransitionOutcome {
  std::shared_ptr<const Machine> machine;
  std::optional<Instance> instance;
};

struct Reduction {
  Effect effect;
  std::vector<TransitionOutcome> outcomes;  // one a transition
  std::vector<int64_t> fired_due_us;        // the deadlines of the timers that fired
  // What the record is to say: the bytes of its `changes` with their tags, one an instance in order
  // of touch, as protobuf serialises them with map entries in key order.
  std::string changes;
};

// What `proposal` makes of `state`, or why it is refused. A pure function of its arguments: the
// same on every machine, compiler and day. The state stays as it is; StateWriter::Apply changes it.
//
// Errors, each with an ErrorInfo and where it applies a BadRequest or Denial:
//   kInvalidArgument     malformed; the message names the field
//   kNotFound, kAlreadyExists
//   kFailedPrecondition  the event is not enabled or a guard is false (Denial); a step failed
//   kAborted             expected_version is stale
//   kResourceExhausted   a bound of limits.h
absl::StatusOr<Reduction> Reduce(const StateView& state, const Proposal& proposal, Hlc hlc);

}  // namespace swoosh

#endif  // SWOOSH_CORE_REDUCER_H_
