#ifndef SWOOSH_CLI_SIMULATOR_H_
#define SWOOSH_CLI_SIMULATOR_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/state.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/struct.pb.h"
#include "swoosh/v1/instance.pb.h"
#include "swoosh/v1/machine.pb.h"
#include "swoosh/v1/record.pb.h"
#include "swoosh/v1/transition.pb.h"

namespace swoosh {

// One instance of a machine, stepped through without a server by the same reducer. Not thread-safe.
class Simulator {
 public:
  // What comes before the machine's own fields in the errors' field violations.
  static constexpr char kMachineField[] = "transitions[0].register_machine.machine";

  // Registers the machine and creates an instance of it. `context` replaces keys of the machine's.
  // Times are microseconds since 1970. Errors: of Reduce.
  static absl::StatusOr<std::unique_ptr<Simulator>> Start(const v1::Machine& machine,
                                                          const google::protobuf::Struct& context,
                                                          int64_t time_us);

  // Sends the instance an event, as `actor` ("" = nobody). After an error nothing has changed.
  // Errors: of Reduce.
  absl::Status Send(absl::string_view event, const google::protobuf::Struct& data,
                    absl::string_view actor, int64_t time_us);

  // As it is now, with VIEW_FULL.
  const v1::Instance& instance() const { return instance_; }
  // What the creation or the last accepted event did.
  const v1::Change& change() const { return change_; }

 private:
  Simulator();
  absl::Status Apply(const google::protobuf::RepeatedPtrField<v1::Transition>& transitions,
                     absl::string_view actor, int64_t time_us);

  StateWriter writer_;
  v1::Instance instance_;
  v1::Change change_;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_SIMULATOR_H_
