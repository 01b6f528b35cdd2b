#include "server/answer.h"

#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/record.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"
#include "server/instance_history.h"

namespace swoosh {
namespace {

v1::View ViewOrDefault(v1::View view) {
  return view == v1::VIEW_UNSPECIFIED ? v1::VIEW_BASIC : view;
}

const Machine* FindMachine(const State& state, absl::string_view ns, const Instance& instance,
                           const std::vector<TransitionOutcome>& outcomes) {
  const Machine* machine = state.machines().Find(ns, instance.machine, instance.machine_version);
  if (machine != nullptr) return machine;
  for (const TransitionOutcome& outcome : outcomes) {
    if (outcome.machine != nullptr && outcome.machine->name() == instance.machine &&
        outcome.machine->version() == instance.machine_version) {
      return outcome.machine.get();
    }
  }
  return nullptr;
}

// The newest version whose definition is the one that was registered.
const Machine* FindRegistered(const State& now, absl::string_view ns,
                              const v1::Machine& definition) {
  absl::StatusOr<std::shared_ptr<const Machine>> compiled =
      Machine::Compile(ns, definition, 1, "machine");
  if (!compiled.ok()) return nullptr;
  const Machine* machine = now.machines().Find(ns, definition.name(), 0);
  while (machine != nullptr && machine->definition() != (*compiled)->definition()) {
    if (machine->version() == 1) return nullptr;
    machine = now.machines().Find(ns, definition.name(), machine->version() - 1);
  }
  return machine;
}

// The instance after `record`; as far as the record tells when it is another by now.
void FillInstanceAgain(const State& now, const CommittedRecord& record, absl::string_view id,
                       v1::View view, v1::TransitionResult* result) {
  const std::string& ns = record.record.namespace_();
  const std::optional<Instance> current = now.FindInstance(ns, id);
  if (current.has_value() && current->version <= record.index()) {
    const Machine* machine = now.machines().Find(ns, current->machine, current->machine_version);
    if (machine != nullptr) ToProto(*current, *machine, view, result->mutable_instance());
    return;
  }
  const v1::Change* change = FindChange(record, ns, id);
  if (change == nullptr || change->deleted()) return;
  const Machine* machine = now.machines().Find(ns, change->machine(), change->machine_version());
  absl::StatusOr<Instance> instance = InstanceFromChange(record, *change, machine);
  if (!instance.ok()) return;
  if (instance->created_index == 0 && current.has_value() &&
      current->created_index <= record.index()) {
    instance->created_index = current->created_index;
    instance->create_time_us = current->create_time_us;
  }
  v1::Instance* message = result->mutable_instance();
  ToProto(*instance, *machine, view, message);
  if (!change->has_context()) message->clear_context();
  if (instance->created_index == 0) message->clear_create_time();
}

}  // namespace

void FillResults(const State& state, absl::string_view ns,
                 const std::vector<TransitionOutcome>& outcomes, v1::View view,
                 google::protobuf::RepeatedPtrField<v1::TransitionResult>* results) {
  view = ViewOrDefault(view);
  results->Reserve(static_cast<int>(outcomes.size()));
  for (const TransitionOutcome& outcome : outcomes) {
    v1::TransitionResult* result = results->Add();
    if (outcome.machine != nullptr) {
      *result->mutable_machine() = outcome.machine->ToProto(/*with_root=*/false);
    } else if (outcome.instance.has_value()) {
      const Machine* machine = FindMachine(state, ns, *outcome.instance, outcomes);
      if (machine != nullptr) {
        ToProto(*outcome.instance, *machine, view, result->mutable_instance());
      }
    }
  }
}

v1::SubmitResponse AnswerAgain(const State& now, const CommittedRecord& record, v1::View view) {
  view = ViewOrDefault(view);
  v1::SubmitResponse response;
  response.set_request_id(record.record.request_id());
  response.set_index(record.index());
  *response.mutable_hlc() = record.record.hlc();
  response.set_record_hash(std::string(AsBytes(record.hash)));
  response.set_duplicate(true);
  for (const v1::Transition& transition : record.record.transitions()) {
    v1::TransitionResult* result = response.add_results();
    switch (transition.kind_case()) {
      case v1::Transition::kRegisterMachine: {
        const Machine* machine = FindRegistered(now, record.record.namespace_(),
                                                transition.register_machine().machine());
        if (machine != nullptr) *result->mutable_machine() = machine->ToProto(false);
        break;
      }
      case v1::Transition::kCreateInstance:
        FillInstanceAgain(now, record, transition.create_instance().instance_id(), view, result);
        break;
      case v1::Transition::kSendEvent:
        FillInstanceAgain(now, record, transition.send_event().instance_id(), view, result);
        break;
      case v1::Transition::kDeleteInstance:
      case v1::Transition::kAdvanceTime:
      case v1::Transition::KIND_NOT_SET:
        break;
    }
  }
  return response;
}

}  // namespace swoosh
