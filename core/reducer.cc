#include "core/reducer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/deterministic.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "core/proposal_reducer.h"
#include "core/struct_value.h"
#include "google/protobuf/message_lite.h"

namespace swoosh {
namespace {

absl::Status NotFound(v1::ErrorReason reason, absl::string_view what, absl::string_view name) {
  return MakeError(absl::StatusCode::kNotFound, reason,
                   absl::StrCat("there is no ", what, " ", name));
}

std::string Serialise(const google::protobuf::MessageLite& message) {
  std::string bytes;
  AppendDeterministic(message, 0, &bytes);
  return bytes;
}

}  // namespace

absl::StatusOr<Reduction> ProposalReducer::Run() {
  const auto& transitions = *proposal_.transitions;
  if (transitions.empty()) return InvalidField("transitions", "must not be empty");
  if (static_cast<size_t>(transitions.size()) > kTransitionsPerProposalMax) {
    return InvalidField("transitions",
                        absl::StrCat("has ", transitions.size(), " elements; at most ",
                                     kTransitionsPerProposalMax, " are allowed"),
                        v1::TOO_LARGE);
  }
  reduction_.outcomes.resize(transitions.size());
  keys_ = proposal_.keys;
  if (keys_.empty()) keys_ = own_keys_ = InstanceKeys(proposal_.ns, transitions);
  const bool several = transitions.size() > 1;
  for (; transition_ < transitions.size(); ++transition_) {
    if (several && transition_ % static_cast<int>(kKeysAhead) == 0) LookAhead();
    absl::Status status = Apply(transitions[transition_]);
    if (!status.ok()) {
      PrefixField(absl::StrCat("transitions[", transition_, "]."), &status);
      v1::Denial denial;
      if (GetDetail(status, &denial)) {
        denial.set_transition(transition_);
        AddDetail(denial, &status);
      }
      return status;
    }
  }
  WriteChanges();
  for (const auto& draft : drafts_) {
    WriteEntry(draft.get());
    GiveOutcome(draft.get());
  }
  return std::move(reduction_);
}

absl::Status ProposalReducer::Apply(const v1::Transition& transition) {
  switch (transition.kind_case()) {
    case v1::Transition::kRegisterMachine:
      return RegisterMachine(transition);
    case v1::Transition::kCreateInstance:
      return CreateInstance(transition);
    case v1::Transition::kSendEvent:
      return SendEvent(transition);
    case v1::Transition::kDeleteInstance:
      return DeleteInstance(transition);
    case v1::Transition::kAdvanceTime:
      return AdvanceTime(transition.advance_time());
    case v1::Transition::KIND_NOT_SET:
      break;
  }
  return InvalidField("kind", "must be a transition that this version knows");
}

absl::Status ProposalReducer::RegisterMachine(const v1::Transition& transition) {
  if (transition.has_expected_version()) {
    return InvalidField("expected_version",
                        "is for instances; machines are versioned by the server");
  }
  const v1::Machine& definition = transition.register_machine().machine();
  const Machine* latest = FindMachine(definition.name(), 0);
  const uint32_t version = latest == nullptr ? 1 : latest->version() + 1;
  absl::StatusOr<std::shared_ptr<const Machine>> machine =
      Machine::Compile(proposal_.ns, definition, version, "register_machine.machine",
                       proposal_.reducer_version == 1 ? 1 : kSemanticsVersion);
  if (!machine.ok()) return machine.status();
  TransitionOutcome& outcome = reduction_.outcomes[transition_];
  const bool same = latest != nullptr && latest->definition() == (*machine)->definition() &&
                    latest->semantics_version() == (*machine)->semantics_version();
  if (same) {
    outcome.machine = latest->shared_from_this();
    return absl::OkStatus();
  }
  outcome.machine = *machine;
  reduction_.effect.writes.push_back({MachineKey(proposal_.ns, definition.name(), version),
                                      EncodeMachine(**machine), std::string()});
  reduction_.effect.machines.push_back(*std::move(machine));
  return absl::OkStatus();
}

const Machine* ProposalReducer::FindMachine(absl::string_view name, uint32_t version) const {
  // What this proposal registered comes before what the state has.
  for (auto it = reduction_.effect.machines.rbegin(); it != reduction_.effect.machines.rend();
       ++it) {
    if ((*it)->name() == name && (version == 0 || (*it)->version() == version)) return it->get();
  }
  return state_.machines().Find(proposal_.ns, name, version);
}

void ProposalReducer::LookAhead() const {
  absl::InlinedVector<const StateKey*, kKeysAhead> coming;
  for (const StateKey& key : keys_.subspan(static_cast<size_t>(transition_), kKeysAhead)) {
    coming.push_back(&key);
  }
  state_.Prefetch(coming);
}

// AdvanceTime names no instance, and finds many.
StateKey ProposalReducer::MakeKey(absl::string_view id) const {
  const StateKey& key = keys_[static_cast<size_t>(transition_)];
  return key.bytes.empty() ? StateKey(InstanceKey(proposal_.ns, id)) : key;
}

Draft* ProposalReducer::KnownDraft(absl::string_view id) const {
  // Most proposals have no second one.
  if (drafts_.empty()) return nullptr;
  if (drafts_[0]->id == id) return drafts_[0].get();
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

absl::StatusOr<Draft*> ProposalReducer::FindDraft(absl::string_view id, absl::string_view field) {
  absl::Status status = CheckName(id, kInstanceIdBytesMax, field);
  if (!status.ok()) return status;
  if (Draft* known = KnownDraft(id); known != nullptr) {
    if (known->outcome_of >= 0) {
      reduction_.outcomes[static_cast<size_t>(known->outcome_of)].instance = known->now;
      known->outcome_of = -1;
    }
    return known;
  }
  auto draft = std::make_unique<Draft>();
  draft->key = MakeKey(id);
  StateEntry entry;
  if (state_.Find(draft->key, &entry)) {
    Instance& now = draft->now.emplace();
    SWOOSH_CHECK(DecodeInstance(entry, &now).ok());
    draft->machine = FindMachine(now.machine, now.machine_version);
    SWOOSH_CHECK(draft->machine != nullptr);
    draft->before = FoundInstance{draft->machine,    now.status,  now.version,
                                  now.atomic_states, now.context, now.timers};
  }
  Draft* result = draft.get();
  result->id = absl::string_view(result->key.bytes).substr(result->key.bytes.size() - id.size());
  drafts_.push_back(std::move(draft));
  if (drafts_.size() > 1) by_id_.emplace(result->id, result);
  return result;
}

absl::Status ProposalReducer::CheckVersion(const v1::Transition& transition, const std::string& id,
                                           const Draft& draft) const {
  if (!transition.has_expected_version()) return absl::OkStatus();
  const uint64_t version = draft.before.has_value() ? draft.before->version : 0;
  if (version == transition.expected_version()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAborted, v1::VERSION_MISMATCH,
                   absl::StrCat("transitions[", transition_, "].expected_version: is ",
                                transition.expected_version(), ", but instance ", id,
                                version == 0 ? " does not exist" : " has version ",
                                version == 0 ? "" : absl::StrCat(version)));
}

absl::StatusOr<Value> ProposalReducer::InitialContext(const v1::CreateInstance& create,
                                                      const Machine& machine) {
  constexpr char kField[] = "create_instance.context";
  absl::StatusOr<Value> given = FromStruct(create.context(), kField);
  if (!given.ok()) return given;
  Value::Map merged = given->as_map();
  for (const Value::Member& member : machine.context().as_map()) {
    if (given->Find(member.first) == nullptr) merged.push_back(member);
  }
  Value context = Value::OfMap(std::move(merged));
  if (context.encoded_bytes() > kContextBytesMax) {
    return InvalidField(kField,
                        absl::StrCat("makes a context of ", context.encoded_bytes(),
                                     " bytes encoded; at most ", kContextBytesMax, " are allowed"),
                        v1::TOO_LARGE);
  }
  return context;
}

absl::Status ProposalReducer::CreateInstance(const v1::Transition& transition) {
  const v1::CreateInstance& create = transition.create_instance();
  absl::StatusOr<Draft*> found = FindDraft(create.instance_id(), "create_instance.instance_id");
  if (!found.ok()) return found.status();
  Draft& draft = **found;
  absl::Status status =
      CheckName(create.machine(), kMachineNameBytesMax, "create_instance.machine");
  if (!status.ok()) return status;
  status = CheckVersion(transition, create.instance_id(), draft);
  if (!status.ok()) return status;
  if (draft.now.has_value()) {
    if (!create.allow_existing()) {
      return MakeError(absl::StatusCode::kAlreadyExists, v1::INSTANCE_EXISTS,
                       absl::StrCat("instance ", create.instance_id(), " exists already"));
    }
    draft.outcome_of = transition_;
    return absl::OkStatus();
  }
  const Machine* machine = FindMachine(create.machine(), create.machine_version());
  if (machine == nullptr) {
    return NotFound(v1::MACHINE_NOT_FOUND, "machine",
                    create.machine_version() == 0
                        ? create.machine()
                        : absl::StrCat(create.machine(), " version ", create.machine_version()));
  }
  absl::StatusOr<Value> context = InitialContext(create, *machine);
  if (!context.ok()) return context.status();

  Instance& instance = draft.now.emplace();
  instance.id = create.instance_id();
  instance.machine = machine->name();
  instance.machine_version = machine->version();
  instance.context = *std::move(context);
  instance.created_index = index_;
  instance.create_time_us = hlc_.time_us;
  StepTrace trace;
  const StepPlace place = Place(draft);
  status = Interpreter(*machine, place, &instance, &trace).Start();
  if (!status.ok()) return status;
  draft.machine = machine;
  draft.created = true;
  status = FinishStep(std::move(trace), &draft);
  draft.outcome_of = transition_;
  return status;
}

absl::StatusOr<Value> ProposalReducer::EventData(const v1::SendEvent& send) {
  constexpr char kField[] = "send_event.data";
  if (!send.has_data()) return Value();
  absl::StatusOr<Value> data = FromStruct(send.data(), kField);
  if (data.ok() && data->encoded_bytes() > kEventDataBytesMax) {
    return InvalidField(kField,
                        absl::StrCat("has ", data->encoded_bytes(), " bytes encoded; at most ",
                                     kEventDataBytesMax, " are allowed"),
                        v1::TOO_LARGE);
  }
  return data;
}

absl::Status ProposalReducer::SendEvent(const v1::Transition& transition) {
  constexpr char kEventField[] = "send_event.event";
  const v1::SendEvent& send = transition.send_event();
  absl::StatusOr<Draft*> found = FindDraft(send.instance_id(), "send_event.instance_id");
  if (!found.ok()) return found.status();
  Draft& draft = **found;
  absl::Status status = CheckEventName(send.event(), kEventField);
  if (!status.ok()) return status;
  if (IsReservedEvent(send.event())) {
    return InvalidField(kEventField, "only the machine itself raises this event");
  }
  const absl::StatusOr<Value> data = EventData(send);
  if (!data.ok()) return data.status();
  status = CheckVersion(transition, send.instance_id(), draft);
  if (!status.ok()) return status;
  if (!draft.now.has_value()) {
    return NotFound(v1::INSTANCE_NOT_FOUND, "instance", send.instance_id());
  }
  if (draft.now->status != v1::Instance::RUNNING) {
    status = MakeError(
        absl::StatusCode::kFailedPrecondition, v1::INSTANCE_NOT_RUNNING,
        absl::StrCat("instance ", send.instance_id(), " is ",
                     v1::Instance::Status_Name(draft.now->status), " and takes no events"));
    AddDetail(v1::Denial(), &status);
    return status;
  }
  if (status = CheckGuardOutcomes(draft); !status.ok()) return status;
  StepTrace trace;
  const StepPlace place = Place(draft);
  status = Interpreter(*draft.machine, place, &*draft.now, &trace).Process(send.event(), *data);
  if (!status.ok()) return status;
  status = FinishStep(std::move(trace), &draft);
  draft.outcome_of = transition_;
  return status;
}

absl::Status ProposalReducer::DeleteInstance(const v1::Transition& transition) {
  const v1::DeleteInstance& deletion = transition.delete_instance();
  absl::StatusOr<Draft*> found = FindDraft(deletion.instance_id(), "delete_instance.instance_id");
  if (!found.ok()) return found.status();
  Draft& draft = **found;
  absl::Status status = CheckVersion(transition, deletion.instance_id(), draft);
  if (!status.ok()) return status;
  if (!draft.now.has_value()) {
    if (deletion.allow_missing()) return absl::OkStatus();
    return NotFound(v1::INSTANCE_NOT_FOUND, "instance", deletion.instance_id());
  }
  Delete(&draft);
  return absl::OkStatus();
}

void ProposalReducer::Delete(Draft* draft) {
  StateList left;
  ActiveStates(*draft->machine, draft->now->atomic_states).ForEachInExitOrder([&left](int state) {
    left.push_back(state);
  });
  MarkExited(left, draft);
  draft->now.reset();
  draft->created = false;
  draft->changed = true;
}

StepPlace ProposalReducer::Place(const Draft& draft) {
  StepPlace place;
  place.ns = proposal_.ns;
  place.actor = proposal_.actor;
  place.reducer_version = proposal_.reducer_version;
  place.time_us = hlc_.time_us;
  place.index = index_;
  place.timer_count = &timer_count_;
  place.guard_outcomes = proposal_.guard_outcomes;
  place.transition = static_cast<uint32_t>(transition_);
  place.committed_version = draft.before.has_value() ? draft.before->version : 0;
  return place;
}

// An outcome holds for the version of the instance that the provider was shown.
absl::Status ProposalReducer::CheckGuardOutcomes(const Draft& draft) const {
  if (proposal_.guard_outcomes == nullptr) return absl::OkStatus();
  const uint64_t version = draft.before.has_value() ? draft.before->version : 0;
  for (const v1::GuardOutcome& outcome : *proposal_.guard_outcomes) {
    if (outcome.transition() != static_cast<uint32_t>(transition_)) continue;
    if (outcome.observed_version() == version) continue;
    return MakeError(absl::StatusCode::kAborted, v1::GUARD_INSTANCE_MOVED,
                     absl::StrCat("external guard ", outcome.guard(), " was answered for version ",
                                  outcome.observed_version(), " of an instance that has version ",
                                  version, " now"));
  }
  return absl::OkStatus();
}

// What a proposal entered itself does not count as exited by it: `exited` is about what was active
// before the record.
void ProposalReducer::MarkExited(const StateList& exited, Draft* draft) {
  if (!draft->before.has_value() || draft->created) return;
  const StateSet active = ActiveStates(*draft->machine, draft->before->atomic_states);
  for (const int state : exited) {
    const std::string* id = &draft->machine->states()[state].id;
    if (active.Contains(state) &&
        std::find(draft->exited.begin(), draft->exited.end(), id) == draft->exited.end()) {
      draft->exited.push_back(id);
    }
  }
}

absl::Status ProposalReducer::FinishStep(StepTrace trace, Draft* draft) {
  Instance& now = *draft->now;
  if (now.context.encoded_bytes() > kContextBytesMax) {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                     absl::StrCat("the context of instance ", now.id, " would have ",
                                  now.context.encoded_bytes(), " bytes encoded; at most ",
                                  kContextBytesMax, " are allowed"));
  }
  now.version = index_;
  now.update_time_us = hlc_.time_us;
  MarkExited(trace.exited, draft);
  for (const Edge* edge : trace.edges) draft->edges.push_back(&edge->id);
  std::move(trace.emitted.begin(), trace.emitted.end(), std::back_inserter(draft->emitted));
  draft->changed = true;
  return absl::OkStatus();
}

// Takes the draft's instance.
void ProposalReducer::GiveOutcome(Draft* draft) {
  if (draft->outcome_of < 0) return;
  reduction_.outcomes[static_cast<size_t>(draft->outcome_of)].instance = std::move(draft->now);
}

// From the last to the first, as the writer has it.
void ProposalReducer::WriteChanges() {
  WireWriter writer;
  for (auto draft = drafts_.rbegin(); draft != drafts_.rend(); ++draft) {
    if (!(*draft)->has_change()) continue;
    const size_t before = writer.size();
    WriteChange(**draft, &writer);
    writer.WriteMessageField(v1::Record::kChangesFieldNumber, before);
  }
  reduction_.changes = std::string(writer.bytes());
}

// The fields of a v1.Change, from the last to the first; those with proto3's default are left out.
void ProposalReducer::WriteChange(const Draft& draft, WireWriter* writer) {
  const std::optional<FoundInstance>& before = draft.before;
  const std::optional<Instance>& now = draft.now;
  const Machine& machine = now.has_value() ? *draft.machine : *before->machine;
  if (draft.faulted && now.has_value() && now->fault.has_value()) {
    writer->WriteBytesField(v1::Change::kFaultFieldNumber, Serialise(ToProto(*now->fault)));
  }
  if (before.has_value()) {
    writer->WriteVarintField(v1::Change::kPreviousVersionFieldNumber, before->version);
  }
  for (auto each = draft.emitted.rbegin(); each != draft.emitted.rend(); ++each) {
    writer->WriteBytesField(v1::Change::kEmittedFieldNumber, Serialise(*each));
  }
  const bool context_changed =
      now.has_value() && (!before.has_value() || draft.created || before->context != now->context);
  if (context_changed) {
    const size_t size_before = writer->size();
    WriteStruct(now->context, writer);
    writer->WriteMessageField(v1::Change::kContextFieldNumber, size_before);
  }
  for (auto edge = draft.edges.rbegin(); edge != draft.edges.rend(); ++edge) {
    writer->WriteBytesField(v1::Change::kEdgesFieldNumber, **edge);
  }
  for (auto state = draft.exited.rbegin(); state != draft.exited.rend(); ++state) {
    writer->WriteBytesField(v1::Change::kExitedFieldNumber, **state);
  }
  if (now.has_value()) {
    ActiveStates(machine, now->atomic_states).ForEachInExitOrder([&](int state) {
      writer->WriteBytesField(v1::Change::kConfigurationFieldNumber, machine.states()[state].id);
    });
  }
  const v1::Instance::Status status = now.has_value() ? now->status : before->status;
  writer->WriteVarintField(v1::Change::kStatusFieldNumber, static_cast<uint64_t>(status));
  if (!now.has_value()) writer->WriteVarintField(v1::Change::kDeletedFieldNumber, 1);
  if (draft.created) writer->WriteVarintField(v1::Change::kCreatedFieldNumber, 1);
  writer->WriteVarintField(v1::Change::kMachineVersionFieldNumber, machine.version());
  writer->WriteBytesField(v1::Change::kMachineFieldNumber, machine.name());
  writer->WriteBytesField(v1::Change::kInstanceIdFieldNumber, draft.id);
}

// Takes what it can of the draft, but not the instance.
void ProposalReducer::WriteEntry(Draft* draft) {
  if (!draft->has_change()) return;
  const std::optional<FoundInstance>& before = draft->before;
  const std::optional<Instance>& now = draft->now;
  reduction_.effect.instances_added += (now.has_value() ? 1 : 0) - (before.has_value() ? 1 : 0);
  WriteTimers(*draft);
  EntryWrite& write = reduction_.effect.writes.emplace_back();
  write.key = std::move(draft->key);
  if (!now.has_value()) return;
  write.value = EncodeInstance(*now);
  write.extra = EncodeInstanceExtra(*now);
}

// Both lists are in order.
void ProposalReducer::WriteTimers(const Draft& draft) {
  static const std::vector<Timer>& none = *new std::vector<Timer>();
  const std::vector<Timer>& before = draft.before.has_value() ? draft.before->timers : none;
  const std::vector<Timer>& now = draft.now.has_value() ? draft.now->timers : none;
  if (before.empty() && now.empty()) return;
  Effect& effect = reduction_.effect;
  effect.ns = std::string(proposal_.ns);
  auto old = before.begin();
  auto fresh = now.begin();
  while (old != before.end() || fresh != now.end()) {
    if (fresh == now.end() || (old != before.end() && old->key < fresh->key)) {
      effect.timers_cleared.push_back((old++)->key);
    } else if (old == before.end() || fresh->key < old->key) {
      effect.timers_set.emplace_back((fresh++)->key, std::string(draft.id));
    } else {
      ++old;
      ++fresh;
    }
  }
}

InstanceKeyList InstanceKeys(
    absl::string_view ns, const google::protobuf::RepeatedPtrField<v1::Transition>& transitions) {
  InstanceKeyList keys;
  keys.reserve(transitions.size());
  for (const v1::Transition& transition : transitions) {
    switch (transition.kind_case()) {
      case v1::Transition::kCreateInstance:
        keys.emplace_back(InstanceKey(ns, transition.create_instance().instance_id()));
        break;
      case v1::Transition::kSendEvent:
        keys.emplace_back(InstanceKey(ns, transition.send_event().instance_id()));
        break;
      case v1::Transition::kDeleteInstance:
        keys.emplace_back(InstanceKey(ns, transition.delete_instance().instance_id()));
        break;
      case v1::Transition::kRegisterMachine:
      case v1::Transition::kAdvanceTime:
      case v1::Transition::KIND_NOT_SET:
        keys.emplace_back();
        break;
    }
  }
  return keys;
}

absl::StatusOr<Reduction> Reduce(const StateView& state, const Proposal& proposal, Hlc hlc) {
  return ProposalReducer(state, proposal, hlc).Run();
}

}  // namespace swoosh
