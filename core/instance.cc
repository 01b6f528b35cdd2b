#include "core/instance.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/canonical.h"
#include "core/check.h"
#include "core/machine.h"
#include "core/names.h"
#include "core/record.h"
#include "core/struct_value.h"

namespace swoosh {
namespace {

constexpr char kInstanceKeyKind = 'i';
constexpr uint8_t kInstanceFormatVersion = 1;
constexpr int kStatusMax = v1::Instance::FAULTED;
constexpr uint64_t kAtomicStatesMax = 10'000;

}  // namespace

std::string InstanceKey(absl::string_view ns, absl::string_view id) {
  return absl::StrCat(absl::string_view(&kInstanceKeyKind, 1), ns, absl::string_view("\0", 1), id);
}

bool ParseInstanceKey(absl::string_view key, absl::string_view* ns, absl::string_view* id) {
  if (key.empty() || key[0] != kInstanceKeyKind) return false;
  const size_t separator = key.find('\0');
  if (separator == absl::string_view::npos) return false;
  *ns = key.substr(1, separator - 1);
  *id = key.substr(separator + 1);
  return true;
}

std::string EncodeInstance(const Instance& instance) {
  std::string out;
  out.push_back(kInstanceFormatVersion);
  AppendBytes(instance.machine, &out);
  AppendVarint(instance.machine_version, &out);
  AppendVarint(instance.status, &out);
  AppendVarint(instance.version, &out);
  AppendVarint(instance.created_index, &out);
  AppendVarint(instance.atomic_states.size(), &out);
  for (const int state : instance.atomic_states) AppendVarint(state, &out);
  AppendValue(instance.context, &out);
  AppendVarint(instance.output.has_value() ? 1 : 0, &out);
  if (instance.output.has_value()) AppendValue(*instance.output, &out);
  return out;
}

std::string EncodeInstanceExtra(const Instance& instance) {
  std::string out;
  AppendUint64(static_cast<uint64_t>(instance.create_time_us), &out);
  AppendUint64(static_cast<uint64_t>(instance.update_time_us), &out);
  return out;
}

absl::StatusOr<Instance> DecodeInstance(const StateEntry& entry) {
  absl::string_view ns;
  absl::string_view id;
  if (!ParseInstanceKey(entry.key, &ns, &id)) {
    return absl::DataLossError("the entry's key is no instance's");
  }
  Instance instance;
  instance.id = std::string(id);
  CanonicalReader reader(entry.value);
  const uint8_t format = reader.ReadByte();
  instance.machine = std::string(reader.ReadBytes());
  instance.machine_version = static_cast<uint32_t>(reader.ReadVarint());
  const uint64_t status = reader.ReadVarint();
  instance.status = static_cast<v1::Instance::Status>(std::min<uint64_t>(status, kStatusMax));
  instance.version = reader.ReadVarint();
  instance.created_index = reader.ReadVarint();
  const uint64_t state_count = reader.ReadVarint();
  if (format != kInstanceFormatVersion || status > kStatusMax || state_count > kAtomicStatesMax) {
    return absl::DataLossError(absl::StrCat("instance ", id, " is not encoded as one"));
  }
  for (uint64_t i = 0; i < state_count && reader.ok(); ++i) {
    instance.atomic_states.push_back(static_cast<int>(reader.ReadVarint()));
  }
  instance.context = reader.ReadValue();
  if (reader.ReadVarint() != 0) instance.output = reader.ReadValue();
  if (absl::Status finished = reader.Finish(); !finished.ok()) {
    return absl::DataLossError(absl::StrCat("instance ", id, ": ", finished.message()));
  }
  CanonicalReader extra(entry.extra);
  instance.create_time_us = static_cast<int64_t>(extra.ReadUint64());
  instance.update_time_us = static_cast<int64_t>(extra.ReadUint64());
  if (!extra.Finish().ok()) {
    return absl::DataLossError(absl::StrCat("the times of instance ", id, " are damaged"));
  }
  return instance;
}

std::vector<int> ActiveStates(const Machine& machine, const std::vector<int>& atomic_states) {
  std::vector<int> active;
  for (const int atomic : atomic_states) {
    for (int state = atomic; state >= 0; state = machine.states()[state].parent) {
      active.push_back(state);
    }
  }
  std::sort(active.begin(), active.end());
  active.erase(std::unique(active.begin(), active.end()), active.end());
  return active;
}

std::vector<std::string> EnabledEvents(const Machine& machine, const Instance& instance) {
  std::vector<std::string> events;
  if (instance.status != v1::Instance::RUNNING) return events;
  const std::vector<int> active = ActiveStates(machine, instance.atomic_states);
  for (auto state = active.rbegin(); state != active.rend(); ++state) {
    for (const Edge& edge : machine.states()[*state].on) {
      if (IsReservedEvent(edge.event_text)) continue;
      if (std::find(events.begin(), events.end(), edge.event_text) == events.end()) {
        events.push_back(edge.event_text);
      }
    }
  }
  return events;
}

void ToProto(const Instance& instance, const Machine& machine, v1::View view,
             v1::Instance* message) {
  message->set_id(instance.id);
  message->set_machine(instance.machine);
  message->set_machine_version(instance.machine_version);
  for (const int state : ActiveStates(machine, instance.atomic_states)) {
    message->add_configuration(machine.states()[state].id);
  }
  message->set_version(instance.version);
  message->set_created_index(instance.created_index);
  message->set_status(instance.status);
  *message->mutable_create_time() = TimestampFromMicros(instance.create_time_us);
  *message->mutable_update_time() = TimestampFromMicros(instance.update_time_us);
  if (view != v1::VIEW_BASIC) {
    ToStruct(instance.context, message->mutable_context());
    if (instance.output.has_value()) ToProtoValue(*instance.output, message->mutable_output());
  }
  if (view == v1::VIEW_FULL) {
    for (std::string& event : EnabledEvents(machine, instance)) {
      message->add_enabled_events(std::move(event));
    }
  }
}

}  // namespace swoosh
