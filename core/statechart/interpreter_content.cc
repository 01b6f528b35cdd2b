// Executable content, and the timers that it sets.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/limits.h"
#include "core/statechart/interpreter.h"
#include "core/struct_value.h"

namespace swoosh {
namespace {

constexpr double kMicrosPerSecond = 1'000'000;

}  // namespace

void Interpreter::ExecuteContent(const std::vector<Action>& actions) {
  if (!actions.empty()) ExecuteBlock(actions);
}

bool Interpreter::ExecuteBlock(const std::vector<Action>& actions) {
  return std::all_of(actions.begin(), actions.end(),
                     [this](const Action& action) { return Execute(action); });
}

bool Interpreter::Execute(const Action& action) {
  std::optional<Value> value = Value();
  if (action.value.has_value()) value = Evaluate(*action.value);
  if (!value.has_value()) return false;
  switch (action.kind) {
    case Action::Kind::kAssign:
      return ExecuteAssign(action, *value);
    case Action::Kind::kRaise:
      internal_queue_.push_back({action.name, *std::move(value)});
      return true;
    case Action::Kind::kSend:
      return ExecuteSend(action, *std::move(value));
    case Action::Kind::kCancel: {
      std::vector<Timer>& timers = instance_.timers;
      const auto gone = std::remove_if(timers.begin(), timers.end(), [&](const Timer& timer) {
        return timer.kind == Timer::Kind::kSend && timer.send_id == action.send_id;
      });
      timers.erase(gone, timers.end());
      return true;
    }
    case Action::Kind::kEmit:
      Emit(action.name, *value);
      return true;
    case Action::Kind::kChoose:
      return ExecuteChoose(action);
  }
  return true;
}

// As it will stand in the record, where a value can take four times what it takes in the context.
void Interpreter::Emit(const std::string& name, const Value& data) {
  if (EmitsTooMuch()) return;  // CheckBounds fails the step
  v1::Emitted& emitted = trace_.emitted.emplace_back();
  emitted.set_name(name);
  ToProtoValue(data, emitted.mutable_data());
  trace_.output_bytes += emitted.ByteSizeLong() + kRecordFieldBytesMax;
}

bool Interpreter::ExecuteAssign(const Action& action, const Value& value) {
  absl::StatusOr<Value> context = action.location->Assign(Scope(), value);
  if (!context.ok()) {
    RaiseError("an assign", context.status().message());
    return false;
  }
  instance_.context = *std::move(context);
  return true;
}

bool Interpreter::ExecuteSend(const Action& action, Value data) {
  const std::optional<int64_t> delay_us = EvaluateDelay(action.delay);
  if (!delay_us.has_value()) return false;
  Timer timer;
  timer.kind = Timer::Kind::kSend;
  timer.send_id = action.send_id;
  timer.event = action.name;
  timer.data = std::move(data);
  SetTimer(std::move(timer), *delay_us);
  return true;
}

bool Interpreter::ExecuteChoose(const Action& action) {
  for (const Action::Branch& branch : action.branches) {
    if (!branch.guard.has_value()) return ExecuteBlock(branch.actions);
    const absl::StatusOr<bool> holds = branch.guard->EvaluateBool(Scope());
    if (!holds.ok()) {
      RaiseError("a branch's guard", holds.status().message());
      if (machine_.semantics_version() == 1) return false;
      continue;
    }
    if (*holds) return ExecuteBlock(branch.actions);
  }
  return true;
}

// Rounded down to whole microseconds.
std::optional<int64_t> Interpreter::EvaluateDelay(const Delay& delay) {
  if (!delay.expression_s.has_value()) return delay.constant_us;
  const std::optional<Value> seconds = Evaluate(*delay.expression_s);
  if (!seconds.has_value()) return std::nullopt;
  const bool in_range = seconds->is_number() && seconds->as_number() >= 0 &&
                        seconds->as_number() <= static_cast<double>(kDelaySecondsMax);
  if (!in_range) {
    RaiseError(absl::StrCat("delay `", delay.expression_s->text(), "`"),
               absl::StrCat("gives ", ToJsonText(*seconds, 64),
                            ", which is no number of seconds from 0 to ", kDelaySecondsMax));
    return std::nullopt;
  }
  return static_cast<int64_t>(seconds->as_number() * kMicrosPerSecond);
}

void Interpreter::SetTimer(Timer timer, int64_t delay_us) {
  timer.key = {place_.time_us + delay_us, place_.index, (*place_.timer_count)++};
  std::vector<Timer>& timers = instance_.timers;
  if (timers.size() > kTimersPerInstanceMax) return;  // CheckBounds fails the step
  const auto after = std::upper_bound(timers.begin(), timers.end(), timer,
                                      [](const Timer& a, const Timer& b) { return a.key < b.key; });
  timers.insert(after, std::move(timer));
}

void Interpreter::StartAfterTimers(int index) {
  const std::vector<Edge>& edges = state(index).after;
  for (size_t i = 0; i < edges.size(); ++i) {
    const std::optional<int64_t> delay_us = EvaluateDelay(edges[i].delay);
    if (!delay_us.has_value()) continue;
    Timer timer;
    timer.kind = Timer::Kind::kAfter;
    timer.state = index;
    timer.position = static_cast<int>(i);
    SetTimer(std::move(timer), *delay_us);
  }
}

void Interpreter::CancelAfterTimers(int index) {
  if (state(index).after.empty()) return;
  std::vector<Timer>& timers = instance_.timers;
  const auto gone = std::remove_if(timers.begin(), timers.end(), [index](const Timer& timer) {
    return timer.kind == Timer::Kind::kAfter && timer.state == index;
  });
  timers.erase(gone, timers.end());
}

std::optional<Value> Interpreter::Evaluate(const Expression& expression) {
  absl::StatusOr<Value> value = expression.Evaluate(Scope());
  if (value.ok()) return *std::move(value);
  RaiseError(absl::StrCat("expression `", expression.text(), "`"), value.status().message());
  return std::nullopt;
}

}  // namespace swoosh
