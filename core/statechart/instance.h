#ifndef SWOOSH_CORE_STATECHART_INSTANCE_H_
#define SWOOSH_CORE_STATECHART_INSTANCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/state_tree.h"
#include "core/statechart/state_set.h"
#include "core/value.h"
#include "google/rpc/status.pb.h"
#include "swoosh/v1/instance.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

class Machine;
struct Edge;

// When a timer is due, and which of those due at once comes first: in order of deadline, then of
// creation. Unique in the state.
struct TimerKey {
  int64_t due_us = 0;          // of a record's time, since the Unix epoch
  uint64_t created_index = 0;  // of the record that set it
  uint32_t ordinal = 0;        // among the timers that this record set, from 0

  friend bool operator<(const TimerKey& a, const TimerKey& b) {
    return std::tie(a.due_us, a.created_index, a.ordinal) <
           std::tie(b.due_us, b.created_index, b.ordinal);
  }
  friend bool operator==(const TimerKey& a, const TimerKey& b) { return !(a < b) && !(b < a); }
};

// What happens to an instance once a record's time has reached the deadline.
struct Timer {
  enum class Kind : uint8_t { kAfter = 1, kSend = 2, kRetention = 3 };
  TimerKey key;
  Kind kind = Kind::kAfter;
  int state = 0;        // after: the edge's source
  int position = 0;     // after: where the edge stands among those of its source
  std::string send_id;  // send; "" = can't be cancelled
  std::string event;    // send
  Value data;           // send
};

// The states that a history state stands for. SCXML's historyValue.
struct HistoryValue {
  int history = 0;
  StateList states;  // rising
};

// Why an instance is FAULTED.
struct Fault {
  int code = 0;    // google.rpc.Code
  int reason = 0;  // v1::ErrorReason
  std::string message;
};
google::rpc::Status ToProto(const Fault& fault);

// An instance as the state holds it. core/state.md gives its canonical encoding.
struct Instance {
  std::string id;
  std::string machine;
  uint32_t machine_version = 0;
  v1::Instance::Status status = v1::Instance::RUNNING;
  StateList atomic_states;            // active states without active children, by index, rising
  Value context;                      // a map
  std::optional<Value> output;        // of the final state that ended it
  std::vector<Timer> timers;          // by key
  std::vector<HistoryValue> history;  // by history state, those that have a value
  std::optional<Fault> fault;         // of a FAULTED instance
  uint64_t version = 0;               // index of the record that changed it last
  uint64_t created_index = 0;
  // Not hashed:
  int64_t create_time_us = 0;
  int64_t update_time_us = 0;
};

std::string InstanceKey(absl::string_view ns, absl::string_view id);
// False when `key` is no instance's. The views point into `key`.
bool ParseInstanceKey(absl::string_view key, absl::string_view* ns, absl::string_view* id);

std::string EncodeInstance(const Instance& instance);       // what is hashed
std::string EncodeInstanceExtra(const Instance& instance);  // what is not
// kDataLoss when `entry` is no instance.
absl::StatusOr<Instance> DecodeInstance(const StateEntry& entry);
// The same in place. `instance` is as constructed before, and holds no meaning after an error.
absl::Status DecodeInstance(const StateEntry& entry, Instance* instance);

// The active states with their ancestors.
StateSet ActiveStates(const Machine& machine, const StateList& atomic_states);

// The event descriptors of the edges that leave the active states, innermost first; guards are not
// asked. Empty when the instance does not run.
std::vector<std::string> EnabledEvents(const Machine& machine, const Instance& instance);

// The edge that an `after` timer belongs to.
const Edge& AfterEdge(const Machine& machine, const Timer& timer);

// False when the encoded instance `value` has no timer for certain; does not decode it.
bool MayHaveTimers(absl::string_view value);

// What the API shows of it; `machine` is its definition. VIEW_BASIC leaves context and
// output out, VIEW_FULL adds the enabled events and the timers; any other view is VIEW_CONTEXT.
void ToProto(const Instance& instance, const Machine& machine, v1::View view,
             v1::Instance* message);

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATECHART_INSTANCE_H_
