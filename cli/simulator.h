#ifndef SWOOSH_CLI_SIMULATOR_H_
#define SWOOSH_CLI_SIMULATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/state.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/struct.pb.h"
#include "swoosh/v1/guard.pb.h"
#include "swoosh/v1/instance.pb.h"
#include "swoosh/v1/machine.pb.h"
#include "swoosh/v1/record.pb.h"
#include "swoosh/v1/transition.pb.h"

namespace swoosh {

// One instance of a machine, stepped through without a server by the same reducer, in a time of its
// own, which stands still until it is moved on. Not thread-safe.
class Simulator {
 public:
  // What comes before the machine's own fields in the errors' field violations.
  static constexpr char kMachineField[] = "transitions[0].register_machine.machine";

  // Answers an external guard of the named edge; nullopt: not answered.
  using AskGuard = std::function<std::optional<bool>(const v1::EvaluateRequest& question,
                                                     const std::string& edge)>;

  // Registers the machine and creates an instance of it. `context` replaces keys of the machine's.
  // Times are microseconds since 1970. `ask_guard` must not be null. Errors: of Reduce.
  static absl::StatusOr<std::unique_ptr<Simulator>> Start(const v1::Machine& machine,
                                                          const google::protobuf::Struct& context,
                                                          int64_t time_us, AskGuard ask_guard);

  // Sends the instance an event, as `actor` ("" = nobody). After an error nothing has changed.
  // Errors: of Reduce.
  absl::Status Send(absl::string_view event, const google::protobuf::Struct& data,
                    absl::string_view actor);

  // Fires the timer that comes first if it is due by `time_us`: time moves to its deadline, unless
  // it is past that. nullopt, and no effect, when there is none; `time_us` may lie in the past.
  std::optional<v1::Timer> FireNext(int64_t time_us);
  // Moves time on. Requires that no timer is due before, and that `time_us` is not past.
  void MoveTimeTo(int64_t time_us);

  // Begins where Start was told; later events come at this time.
  int64_t time_us() const { return time_us_; }
  // As it is now, with VIEW_FULL. Once it is deleted, as it was before.
  const v1::Instance& instance() const { return instance_; }
  // What the creation, the last accepted event or the last timer did.
  const v1::Change& change() const { return change_; }

 private:
  using Transitions = google::protobuf::RepeatedPtrField<v1::Transition>;

  Simulator(int64_t time_us, AskGuard ask_guard);
  absl::Status Apply(const Transitions& transitions, absl::string_view actor);
  void ShowInstance();

  StateWriter writer_;
  AskGuard ask_guard_;
  int64_t time_us_;
  v1::Instance instance_;
  v1::Change change_;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_SIMULATOR_H_
