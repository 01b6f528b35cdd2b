#include "cli/simulator.h"

#include <utility>

#include "core/check.h"
#include "core/hlc.h"
#include "core/instance.h"
#include "core/machine.h"
#include "core/reducer.h"

namespace swoosh {
namespace {

constexpr char kHistoryId[] = "try";
constexpr char kNamespace[] = "default";
constexpr char kInstanceId[] = "try";

}  // namespace

Simulator::Simulator() : writer_(kHistoryId) {}

absl::StatusOr<std::unique_ptr<Simulator>> Simulator::Start(const v1::Machine& machine,
                                                            const google::protobuf::Struct& context,
                                                            int64_t time_us) {
  google::protobuf::RepeatedPtrField<v1::Transition> transitions;
  *transitions.Add()->mutable_register_machine()->mutable_machine() = machine;
  v1::CreateInstance* create = transitions.Add()->mutable_create_instance();
  create->set_instance_id(kInstanceId);
  create->set_machine(machine.name());
  *create->mutable_context() = context;
  std::unique_ptr<Simulator> simulator(new Simulator());
  if (absl::Status status = simulator->Apply(transitions, "", time_us); !status.ok()) {
    return status;
  }
  return simulator;
}

absl::Status Simulator::Send(absl::string_view event, const google::protobuf::Struct& data,
                             absl::string_view actor, int64_t time_us) {
  google::protobuf::RepeatedPtrField<v1::Transition> transitions;
  v1::SendEvent* send = transitions.Add()->mutable_send_event();
  send->set_instance_id(kInstanceId);
  send->set_event(std::string(event));
  *send->mutable_data() = data;
  return Apply(transitions, actor, time_us);
}

absl::Status Simulator::Apply(const google::protobuf::RepeatedPtrField<v1::Transition>& transitions,
                              absl::string_view actor, int64_t time_us) {
  const google::protobuf::RepeatedPtrField<v1::GuardOutcome> no_outcomes;
  Proposal proposal;
  proposal.ns = kNamespace;
  proposal.actor = actor;
  proposal.transitions = &transitions;
  proposal.guard_outcomes = &no_outcomes;
  const Hlc hlc = NextHlc(writer_.position().hlc, time_us);
  absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, hlc);
  if (!reduction.ok()) return reduction.status();
  writer_.Apply(reduction->effect, kReducerVersion, hlc);

  const TransitionOutcome& outcome = reduction->outcomes.back();
  SWOOSH_CHECK(outcome.instance.has_value());
  const Machine* machine = writer_.view().machines().Find(kNamespace, outcome.instance->machine,
                                                          outcome.instance->machine_version);
  SWOOSH_CHECK(machine != nullptr);
  instance_.Clear();
  ToProto(*outcome.instance, *machine, v1::VIEW_FULL, &instance_);
  // An event that only targetless edges without actions take changes the instance's version, so
  // there is a change all the same.
  change_ = reduction->changes.empty() ? v1::Change() : reduction->changes.Get(0);
  return absl::OkStatus();
}

}  // namespace swoosh
