#include "core/statechart/instance.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/canonical.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "core/record.h"
#include "core/statechart/machine.h"
#include "core/struct_value.h"
#include "google/rpc/error_details.pb.h"

namespace swoosh {
namespace {

constexpr char kInstanceKeyKind = 'i';
// The plain format, and the one of an instance with timers, history values or a fault. An instance
// has the first that can hold it, so that its encoding is a function of its content.
constexpr uint8_t kPlainFormat = 1;
constexpr uint8_t kExtendedFormat = 2;
constexpr int kStatusMax = v1::Instance::FAULTED;

bool IsPlain(const Instance& instance) {
  return instance.timers.empty() && instance.history.empty() && !instance.fault.has_value();
}

char* WriteStates(const StateList& states, char* at) {
  at = WriteVarint(states.size(), at);
  for (const int state : states) at = WriteVarint(static_cast<uint64_t>(state), at);
  return at;
}

void AppendStates(const StateList& states, std::string* out) {
  AppendVarint(states.size(), out);
  for (const int state : states) AppendVarint(state, out);
}

void AppendTimer(const Timer& timer, std::string* out) {
  AppendVarint(static_cast<uint64_t>(timer.key.due_us), out);
  AppendVarint(timer.key.created_index, out);
  AppendVarint(timer.key.ordinal, out);
  out->push_back(static_cast<char>(timer.kind));
  switch (timer.kind) {
    case Timer::Kind::kAfter:
      AppendVarint(timer.state, out);
      AppendVarint(timer.position, out);
      break;
    case Timer::Kind::kSend:
      AppendBytes(timer.send_id, out);
      AppendBytes(timer.event, out);
      AppendValue(timer.data, out);
      break;
    case Timer::Kind::kRetention:
      break;
  }
}

void AppendExtension(const Instance& instance, std::string* out) {
  AppendVarint(instance.timers.size(), out);
  for (const Timer& timer : instance.timers) AppendTimer(timer, out);
  AppendVarint(instance.history.size(), out);
  for (const HistoryValue& value : instance.history) {
    AppendVarint(value.history, out);
    AppendStates(value.states, out);
  }
  AppendVarint(instance.fault.has_value() ? 1 : 0, out);
  if (!instance.fault.has_value()) return;
  AppendVarint(instance.fault->code, out);
  AppendVarint(instance.fault->reason, out);
  AppendBytes(instance.fault->message, out);
}

// Reads at most kDefinitionStatesMax state indexes.
bool ReadStates(CanonicalReader* reader, StateList* states) {
  const uint64_t count = reader->ReadVarint();
  if (count > kDefinitionStatesMax) return false;
  for (uint64_t i = 0; i < count && reader->ok(); ++i) {
    states->push_back(static_cast<int>(reader->ReadVarint()));
  }
  return reader->ok();
}

bool ReadTimer(CanonicalReader* reader, Timer* timer) {
  timer->key.due_us = static_cast<int64_t>(reader->ReadVarint());
  timer->key.created_index = reader->ReadVarint();
  timer->key.ordinal = static_cast<uint32_t>(reader->ReadVarint());
  timer->kind = static_cast<Timer::Kind>(reader->ReadByte());
  switch (timer->kind) {
    case Timer::Kind::kAfter:
      timer->state = static_cast<int>(reader->ReadVarint());
      timer->position = static_cast<int>(reader->ReadVarint());
      return reader->ok();
    case Timer::Kind::kSend:
      timer->send_id = std::string(reader->ReadBytes());
      timer->event = std::string(reader->ReadBytes());
      timer->data = reader->ReadValue();
      return reader->ok();
    case Timer::Kind::kRetention:
      return reader->ok();
  }
  return false;
}

bool ReadExtension(CanonicalReader* reader, Instance* instance) {
  const uint64_t timer_count = reader->ReadVarint();
  if (timer_count > kTimersPerInstanceMax) return false;
  for (uint64_t i = 0; i < timer_count; ++i) {
    if (!ReadTimer(reader, &instance->timers.emplace_back())) return false;
  }
  const uint64_t history_count = reader->ReadVarint();
  if (history_count > kDefinitionStatesMax) return false;
  for (uint64_t i = 0; i < history_count; ++i) {
    HistoryValue& value = instance->history.emplace_back();
    value.history = static_cast<int>(reader->ReadVarint());
    if (!ReadStates(reader, &value.states)) return false;
  }
  if (reader->ReadVarint() != 0) {
    Fault& fault = instance->fault.emplace();
    fault.code = static_cast<int>(reader->ReadVarint());
    fault.reason = static_cast<int>(reader->ReadVarint());
    fault.message = std::string(reader->ReadBytes());
  }
  return reader->ok();
}

// The due timers as the API shows them.
void ShowTimer(const Timer& timer, const Machine& machine, v1::Timer* message) {
  *message->mutable_due() = TimestampFromMicros(timer.key.due_us);
  switch (timer.kind) {
    case Timer::Kind::kAfter:
      message->set_id(AfterEdge(machine, timer).id);
      message->set_event(machine.states()[timer.state].after_event);
      break;
    case Timer::Kind::kSend:
      message->set_id(timer.send_id);
      message->set_event(timer.event);
      break;
    case Timer::Kind::kRetention:
      message->set_id("retention");
      break;
  }
}

}  // namespace

google::rpc::Status ToProto(const Fault& fault) {
  google::rpc::ErrorInfo info;
  info.set_domain(kErrorDomain);
  info.set_reason(v1::ErrorReason_Name(static_cast<v1::ErrorReason>(fault.reason)));
  google::rpc::Status status;
  status.set_code(fault.code);
  status.set_message(fault.message);
  status.add_details()->PackFrom(info);
  return status;
}

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
  // The varints are: a size, five numbers and a count; and one a state.
  constexpr size_t kVarints = 7;
  const size_t bytes_max = 1 + (kVarints + instance.atomic_states.size()) * kVarintBytesMax +
                           instance.machine.size() + instance.context.encoded_bytes() +
                           (instance.output.has_value() ? instance.output->encoded_bytes() : 0);
  std::string out(bytes_max, '\0');
  char* at = out.data();
  *at++ = static_cast<char>(IsPlain(instance) ? kPlainFormat : kExtendedFormat);
  at = WriteBytes(instance.machine, at);
  at = WriteVarint(instance.machine_version, at);
  at = WriteVarint(instance.status, at);
  at = WriteVarint(instance.version, at);
  at = WriteVarint(instance.created_index, at);
  at = WriteStates(instance.atomic_states, at);
  at = WriteValue(instance.context, at);
  at = WriteVarint(instance.output.has_value() ? 1 : 0, at);
  if (instance.output.has_value()) at = WriteValue(*instance.output, at);
  out.resize(static_cast<size_t>(at - out.data()));
  if (!IsPlain(instance)) AppendExtension(instance, &out);
  return out;
}

std::string EncodeInstanceExtra(const Instance& instance) {
  std::string out(2 * sizeof(uint64_t), '\0');
  WriteUint64(static_cast<uint64_t>(instance.update_time_us),
              WriteUint64(static_cast<uint64_t>(instance.create_time_us), out.data()));
  return out;
}

absl::Status DecodeInstance(const StateEntry& entry, Instance* instance) {
  absl::string_view ns;
  absl::string_view id;
  if (!ParseInstanceKey(entry.key, &ns, &id)) {
    return absl::DataLossError("the entry's key is no instance's");
  }
  instance->id.assign(id.data(), id.size());
  CanonicalReader reader(entry.value);
  const uint8_t format = reader.ReadByte();
  const absl::string_view machine = reader.ReadBytes();
  instance->machine.assign(machine.data(), machine.size());
  instance->machine_version = static_cast<uint32_t>(reader.ReadVarint());
  const uint64_t status = reader.ReadVarint();
  instance->status = static_cast<v1::Instance::Status>(std::min<uint64_t>(status, kStatusMax));
  instance->version = reader.ReadVarint();
  instance->created_index = reader.ReadVarint();
  const bool known = format == kPlainFormat || format == kExtendedFormat;
  if (!known || status > kStatusMax || !ReadStates(&reader, &instance->atomic_states)) {
    return absl::DataLossError(absl::StrCat("instance ", id, " is not encoded as one"));
  }
  instance->context = reader.ReadValue();
  if (reader.ReadVarint() != 0) instance->output = reader.ReadValue();
  if (format == kExtendedFormat && (!ReadExtension(&reader, instance) || IsPlain(*instance))) {
    return absl::DataLossError(absl::StrCat("instance ", id, " is not encoded as one"));
  }
  if (absl::Status finished = reader.Finish(); !finished.ok()) {
    return absl::DataLossError(absl::StrCat("instance ", id, ": ", finished.message()));
  }
  CanonicalReader extra(entry.extra);
  instance->create_time_us = static_cast<int64_t>(extra.ReadUint64());
  instance->update_time_us = static_cast<int64_t>(extra.ReadUint64());
  if (!extra.Finish().ok()) {
    return absl::DataLossError(absl::StrCat("the times of instance ", id, " are damaged"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Instance> DecodeInstance(const StateEntry& entry) {
  absl::StatusOr<Instance> instance((Instance()));
  absl::Status status = DecodeInstance(entry, &*instance);
  if (!status.ok()) return status;
  return instance;
}

StateSet ActiveStates(const Machine& machine, const StateList& atomic_states) {
  StateSet active(machine.states().size());
  for (const int atomic : atomic_states) {
    for (int i = atomic; i >= 0 && active.Insert(i); i = machine.states()[i].parent) {
    }
  }
  return active;
}

const Edge& AfterEdge(const Machine& machine, const Timer& timer) {
  return machine.states()[timer.state].after[timer.position];
}

bool MayHaveTimers(absl::string_view value) {
  return !value.empty() && value[0] == kExtendedFormat;
}

std::vector<std::string> EnabledEvents(const Machine& machine, const Instance& instance) {
  std::vector<std::string> events;
  if (instance.status != v1::Instance::RUNNING) return events;
  ActiveStates(machine, instance.atomic_states).ForEachInExitOrder([&](int state) {
    for (const Edge& edge : machine.states()[state].on) {
      if (IsReservedEvent(edge.event_text)) continue;
      if (std::find(events.begin(), events.end(), edge.event_text) == events.end()) {
        events.push_back(edge.event_text);
      }
    }
  });
  return events;
}

void ToProto(const Instance& instance, const Machine& machine, v1::View view,
             v1::Instance* message) {
  message->set_id(instance.id);
  message->set_machine(instance.machine);
  message->set_machine_version(instance.machine_version);
  ActiveStates(machine, instance.atomic_states).ForEach([&](int state) {
    message->add_configuration(machine.states()[state].id);
  });
  message->set_version(instance.version);
  message->set_created_index(instance.created_index);
  message->set_status(instance.status);
  if (instance.fault.has_value()) *message->mutable_fault() = ToProto(*instance.fault);
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
    for (const Timer& timer : instance.timers) ShowTimer(timer, machine, message->add_timers());
  }
}

}  // namespace swoosh
