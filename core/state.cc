#include "core/state.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/canonical.h"
#include "core/check.h"
#include "core/limits.h"
#include "core/reducer_version.h"
#include "core/value.h"

namespace swoosh {
namespace {

// The key of the entry with the reducer's version and constants.
constexpr char kConstantsKey[] = "c";

Value Count(double number) { return Value::Number(number); }

// The constants of a reducer version, under the names that state.md lists.
std::string EncodeConstants(uint32_t reducer_version) {
  SWOOSH_CHECK(reducer_version >= 1 && reducer_version <= kReducerVersion);
  Value::Map constants = {
      {"reducer_version", Count(reducer_version)},
      {"transitions_per_proposal_max", Count(kTransitionsPerProposalMax)},
      {"context_bytes_max", Count(kContextBytesMax)},
      {"event_data_bytes_max", Count(kEventDataBytesMax)},
      {"definition_bytes_max", Count(kDefinitionBytesMax)},
      {"definition_states_max", Count(kDefinitionStatesMax)},
      {"definition_depth_max", Count(kDefinitionDepthMax)},
      {"expression_bytes_max", Count(kExpressionBytesMax)},
      {"expression_depth_max", Count(kExpressionDepthMax)},
      {"expression_cost_max", Count(kExpressionCostMax)},
      {"microsteps_max", Count(reducer_version == 1 ? 100 : kMicrostepsMax)},
      {"emitted_per_step_max", Count(kEmittedPerStepMax)},
  };
  if (reducer_version >= 2) {
    constants.emplace_back("step_output_bytes_max", Count(kStepOutputBytesMax));
    constants.emplace_back("timers_per_instance_max", Count(kTimersPerInstanceMax));
    constants.emplace_back("timers_fired_per_record_max", Count(kTimersFiredPerRecordMax));
    constants.emplace_back("delay_seconds_max", Count(kDelaySecondsMax));
  }
  std::string encoded;
  AppendValue(Value::OfMap(std::move(constants)), &encoded);
  return encoded;
}

}  // namespace

const Machine* MachineTable::Find(absl::string_view ns, absl::string_view name,
                                  uint32_t version) const {
  const auto in_namespace = by_namespace_.find(ns);
  if (in_namespace == by_namespace_.end()) return nullptr;
  const auto found = in_namespace->second.find(name);
  if (found == in_namespace->second.end()) return nullptr;
  const Versions& versions = found->second;
  if (version == 0) return versions.back().get();
  return version <= versions.size() ? versions[version - 1].get() : nullptr;
}

void MachineTable::VisitLatest(absl::string_view ns, absl::string_view from,
                               absl::FunctionRef<bool(const Machine&)> visit) const {
  const auto in_namespace = by_namespace_.find(ns);
  if (in_namespace == by_namespace_.end()) return;
  const auto& names = in_namespace->second;
  for (auto it = names.lower_bound(from); it != names.end(); ++it) {
    if (!visit(*it->second.back())) return;
  }
}

bool MachineTable::Insert(std::shared_ptr<const Machine> machine) {
  Versions& versions = by_namespace_[std::string(machine->ns())][machine->name()];
  if (versions.empty()) ++name_count_;
  if (versions.size() < machine->version()) versions.resize(machine->version());
  auto& place = versions[machine->version() - 1];
  if (place != nullptr) return false;
  if (machine->has_external_guards()) guarded_namespaces_.emplace(machine->ns());
  place = std::move(machine);
  return true;
}

bool MachineTable::IsComplete() const {
  for (const auto& [ns, names] : by_namespace_) {
    for (const auto& [name, versions] : names) {
      if (std::find(versions.begin(), versions.end(), nullptr) != versions.end()) return false;
    }
  }
  return true;
}

const TimerIndex::Timers& TimerIndex::In(absl::string_view ns) const {
  static const Timers& none = *new Timers();
  const auto found = by_namespace_.find(ns);
  return found == by_namespace_.end() ? none : found->second;
}

std::optional<TimerIndex::Due> TimerIndex::First() const {
  std::optional<Due> first;
  for (const auto& [ns, timers] : by_namespace_) {
    const int64_t due_us = timers.begin()->first.due_us;
    if (!first.has_value() || due_us < first->due_us) first = Due{ns, due_us};
  }
  return first;
}

void TimerIndex::Insert(absl::string_view ns, const TimerKey& key, absl::string_view instance_id) {
  auto found = by_namespace_.find(ns);
  if (found == by_namespace_.end()) found = by_namespace_.emplace(std::string(ns), Timers()).first;
  SWOOSH_CHECK(found->second.emplace(key, std::string(instance_id)).second);
  ++size_;
}

void TimerIndex::Erase(absl::string_view ns, const TimerKey& key) {
  const auto found = by_namespace_.find(ns);
  SWOOSH_CHECK(found != by_namespace_.end() && found->second.erase(key) == 1);
  if (found->second.empty()) by_namespace_.erase(found);
  --size_;
}

std::optional<Instance> State::FindInstance(absl::string_view ns, absl::string_view id) const {
  StateEntry entry;
  if (!root_.Find(InstanceKey(ns, id), &entry)) return std::nullopt;
  absl::StatusOr<Instance> instance = DecodeInstance(entry);
  SWOOSH_CHECK(instance.ok());
  return *std::move(instance);
}

StateWriter::StateWriter(absl::string_view origin_id) {
  position_.record_hash = Sha256(origin_id);
  PutConstants(1);
}

void StateWriter::PutConstants(uint32_t reducer_version) {
  reducer_version_ = reducer_version;
  tree_->Put(kConstantsKey, EncodeConstants(reducer_version), "");
}

void StateWriter::RegisterMachine(std::shared_ptr<const Machine> machine) {
  if (machines_shared_) {
    machines_ = std::make_shared<MachineTable>(*machines_);
    machines_shared_ = false;
  }
  SWOOSH_CHECK(machines_->Insert(std::move(machine)));
}

absl::Status StateWriter::LoadEntry(const StateEntry& entry) {
  absl::string_view ns;
  absl::string_view name;
  uint32_t version = 0;
  if (ParseInstanceKey(entry.key, &ns, &name)) {
    ++counts_.instances;
    if (absl::Status status = LoadTimers(entry, ns); !status.ok()) return status;
  } else if (ParseMachineKey(entry.key, &ns, &name, &version)) {
    absl::StatusOr<std::shared_ptr<const Machine>> machine = DecodeMachine(entry.key, entry.value);
    if (!machine.ok()) return machine.status();
    if (!machines_->Insert(*std::move(machine))) {
      return absl::DataLossError(absl::StrCat("machine ", name, " version ", version, " is twice"));
    }
  } else if (entry.key == kConstantsKey) {
    absl::StatusOr<Value> constants = DecodeValue(entry.value);
    if (!constants.ok()) return constants.status();
    const Value* found = constants->Find("reducer_version");
    if (found == nullptr || !found->is_number()) {
      return absl::DataLossError("the constants name no reducer version");
    }
    if (found->as_number() > kReducerVersion) {
      return absl::FailedPreconditionError(absl::StrCat("the state was made by reducer version ",
                                                        found->as_number(), "; this binary has ",
                                                        kReducerVersion));
    }
    reducer_version_ = static_cast<uint32_t>(found->as_number());
  } else {
    return absl::DataLossError(
        absl::StrCat("an entry of no known kind: ", absl::CHexEscape(entry.key.substr(0, 64))));
  }
  tree_->Put(entry.key, entry.value, entry.extra);
  return absl::OkStatus();
}

absl::Status StateWriter::LoadTimers(const StateEntry& entry, absl::string_view ns) {
  if (!MayHaveTimers(entry.value)) return absl::OkStatus();
  const absl::StatusOr<Instance> instance = DecodeInstance(entry);
  if (!instance.ok()) return instance.status();
  for (const Timer& timer : instance->timers) {
    const auto& others = timers_.In(ns);
    if (others.find(timer.key) != others.end()) {
      return absl::DataLossError(
          absl::StrCat("instance ", instance->id, " has a timer with another one's key"));
    }
    timers_.Insert(ns, timer.key, instance->id);
  }
  return absl::OkStatus();
}

absl::Status StateWriter::FinishLoading(const LogPosition& position) {
  if (reducer_version_ == 0) return absl::DataLossError("the reducer's constants are missing");
  if (!machines_->IsComplete()) return absl::DataLossError("a version of a machine is missing");
  counts_.machines = machines_->name_count();
  counts_.timers = timers_.size();
  position_ = position;
  return absl::OkStatus();
}

void StateWriter::Apply(const Effect& effect, uint32_t reducer_version, Hlc hlc) {
  if (reducer_version > reducer_version_) PutConstants(reducer_version);
  for (const EntryWrite& write : effect.writes) {
    if (write.value.empty()) {
      tree_->Erase(write.key);
    } else {
      tree_->Put(write.key, write.value, write.extra);
    }
  }
  for (const auto& machine : effect.machines) RegisterMachine(machine);
  for (const TimerKey& key : effect.timers_cleared) timers_.Erase(effect.ns, key);
  for (const auto& [key, id] : effect.timers_set) timers_.Insert(effect.ns, key, id);
  counts_.instances += effect.instances_added;
  counts_.timers = timers_.size();
  counts_.machines = machines_->name_count();
  ++position_.index;
  position_.hlc = hlc;
}

const Digest& StateWriter::Seal() {
  sealed_ = tree_->Seal();
  return sealed_.hash();
}

State StateWriter::Sealed() {
  State state;
  state.root_ = sealed_;
  state.machines_ = machines_;
  machines_shared_ = true;
  state.counts_ = counts_;
  state.position_ = position_;
  return state;
}

}  // namespace swoosh
