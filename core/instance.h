#ifndef SWOOSH_CORE_INSTANCE_H_
#define SWOOSH_CORE_INSTANCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/state_tree.h"
#include "core/value.h"
#include "swoosh/v1/instance.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

class Machine;

// An instance as the state holds it. core/state.md gives its canonical encoding.
struct Instance {
  std::string id;
  std::string machine;
  uint32_t machine_version = 0;
  v1::Instance::Status status = v1::Instance::RUNNING;
  std::vector<int> atomic_states;  // active states without active children, by index, rising
  Value context;                   // a map
  std::optional<Value> output;     // of the final state that ended it
  uint64_t version = 0;            // index of the record that changed it last
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

// The active states with their ancestors, by index, rising (document order).
std::vector<int> ActiveStates(const Machine& machine, const std::vector<int>& atomic_states);

// The event descriptors of the edges that leave the active states, innermost first; guards are not
// asked. Empty when the instance does not run.
std::vector<std::string> EnabledEvents(const Machine& machine, const Instance& instance);

// What the API shows of it; `machine` is its definition. VIEW_BASIC leaves context and
// output out, VIEW_FULL adds the enabled events; any other view is VIEW_CONTEXT.
void ToProto(const Instance& instance, const Machine& machine, v1::View view,
             v1::Instance* message);

}  // namespace swoosh

#endif  // SWOOSH_CORE_INSTANCE_H_
