#include "cli/simulator.h"

#include <algorithm>

#include "core/check.h"
#include "core/errors.h"
#include "core/hlc.h"
#include "core/record.h"
#include "core/reducer.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"
#include "swoosh/v1/error.pb.h"

namespace swoosh {
namespace {

constexpr char kHistoryId[] = "try";
constexpr char kNamespace[] = "default";
constexpr char kInstanceId[] = "try";
// Names who answered, where a server has its provider's address.
constexpr char kGuardProvider[] = "swooshctl try";

}  // namespace

Simulator::Simulator(int64_t time_us, AskGuard ask_guard)
    : writer_(kHistoryId), ask_guard_(std::move(ask_guard)), time_us_(time_us) {}

absl::StatusOr<std::unique_ptr<Simulator>> Simulator::Start(const v1::Machine& machine,
                                                            const google::protobuf::Struct& context,
                                                            int64_t time_us, AskGuard ask_guard) {
  Transitions transitions;
  *transitions.Add()->mutable_register_machine()->mutable_machine() = machine;
  v1::CreateInstance* create = transitions.Add()->mutable_create_instance();
  create->set_instance_id(kInstanceId);
  create->set_machine(machine.name());
  *create->mutable_context() = context;
  std::unique_ptr<Simulator> simulator(new Simulator(time_us, std::move(ask_guard)));
  if (absl::Status status = simulator->Apply(transitions, ""); !status.ok()) return status;
  return simulator;
}

absl::Status Simulator::Send(absl::string_view event, const google::protobuf::Struct& data,
                             absl::string_view actor) {
  Transitions transitions;
  v1::SendEvent* send = transitions.Add()->mutable_send_event();
  send->set_instance_id(kInstanceId);
  send->set_event(std::string(event));
  *send->mutable_data() = data;
  return Apply(transitions, actor);
}

std::optional<v1::Timer> Simulator::FireNext(int64_t time_us) {
  const std::optional<TimerIndex::Due> due = writer_.first_due();
  if (!due.has_value() || due->due_us > time_us) return std::nullopt;
  SWOOSH_CHECK(!instance_.timers().empty());
  v1::Timer timer = instance_.timers(0);
  time_us_ = std::max(time_us_, due->due_us);
  Transitions transitions;
  v1::AdvanceTime* advance = transitions.Add()->mutable_advance_time();
  *advance->mutable_to() = TimestampFromMicros(time_us_);
  advance->set_fire_max(1);
  // A timer's step that fails makes the instance FAULTED, and that is no error.
  SWOOSH_CHECK(Apply(transitions, "").ok());
  return timer;
}

void Simulator::MoveTimeTo(int64_t time_us) {
  SWOOSH_CHECK(time_us >= time_us_);
  time_us_ = time_us;
}

// Asks for one external guard after the other, as the server does.
absl::Status Simulator::Apply(const Transitions& transitions, absl::string_view actor) {
  google::protobuf::RepeatedPtrField<v1::GuardOutcome> outcomes;
  Proposal proposal;
  proposal.ns = kNamespace;
  proposal.actor = actor;
  proposal.transitions = &transitions;
  proposal.guard_outcomes = &outcomes;
  const Hlc hlc = NextHlc(writer_.position().hlc, time_us_);
  absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, hlc);
  while (!reduction.ok()) {
    v1::GuardOutcome outcome;
    v1::EvaluateRequest question;
    const bool asks = ReasonOf(reduction.status()) == v1::GUARD_UNANSWERED &&
                      GetDetail(reduction.status(), &outcome) &&
                      GetDetail(reduction.status(), &question);
    const std::optional<bool> allowed = asks ? ask_guard_(question, outcome.edge()) : std::nullopt;
    if (!allowed.has_value()) return reduction.status();
    outcome.set_allowed(*allowed);
    outcome.set_provider(kGuardProvider);
    *outcomes.Add() = std::move(outcome);
    reduction = Reduce(writer_.view(), proposal, hlc);
  }
  writer_.Apply(reduction->effect, kReducerVersion, hlc);
  // Each step changes the instance's version, if nothing else, and so there is a change.
  v1::Record record;
  SWOOSH_CHECK(AddChanges(reduction->changes, &record) && record.changes_size() == 1);
  change_ = std::move(*record.mutable_changes(0));
  if (!change_.deleted()) ShowInstance();
  return absl::OkStatus();
}

void Simulator::ShowInstance() {
  StateEntry entry;
  SWOOSH_CHECK(writer_.view().Find(InstanceKey(kNamespace, kInstanceId), &entry));
  const absl::StatusOr<Instance> instance = DecodeInstance(entry);
  SWOOSH_CHECK(instance.ok());
  const Machine* machine =
      writer_.view().machines().Find(kNamespace, instance->machine, instance->machine_version);
  SWOOSH_CHECK(machine != nullptr);
  instance_.Clear();
  ToProto(*instance, *machine, v1::VIEW_FULL, &instance_);
}

}  // namespace swoosh
