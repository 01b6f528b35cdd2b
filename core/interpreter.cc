#include "core/interpreter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/limits.h"

namespace swoosh {
namespace {

constexpr char kErrorEvent[] = "error.execution";
constexpr int kBitsPerWord = 64;

}  // namespace

Interpreter::Interpreter(const Machine& machine, absl::string_view actor, double time_s,
                         Instance* instance, StepTrace* trace)
    : machine_(machine),
      actor_(actor),
      time_s_(time_s),
      instance_(*instance),
      trace_(*trace),
      active_((machine.states().size() + kBitsPerWord - 1) / kBitsPerWord) {
  if (instance_.atomic_states.empty()) return;
  SWOOSH_CHECK(instance_.atomic_states.size() == 1);
  atomic_state_ = instance_.atomic_states.front();
  for (int index = atomic_state_; index >= 0; index = state(index).parent) SetActive(index, true);
}

absl::Status Interpreter::Start() {
  EnterState(0);
  if (state(0).initial >= 0) EnterStates(0, state(0).initial);
  return RunToStability();
}

absl::Status Interpreter::Process(absl::string_view event, const Value& data) {
  event_ = {std::string(event), data};
  event_is_external_ = true;
  const Edge* edge = SelectTransition(event_);
  if (edge == nullptr) return Deny(event_);
  if (absl::Status status = Microstep(*edge); !status.ok()) return status;
  return RunToStability();
}

// mainEventLoop's inner loop: eventless transitions first, then internal events, one by one.
absl::Status Interpreter::RunToStability() {
  int microsteps = 1;
  while (running_) {
    const Edge* edge = SelectEventlessTransition();
    if (edge == nullptr) {
      if (internal_queue_.empty()) break;
      event_ = std::move(internal_queue_.front());
      internal_queue_.pop_front();
      event_is_external_ = false;
      edge = SelectTransition(event_);
      if (edge == nullptr) {
        if (event_.name == kErrorEvent) return FailStep(event_);
        continue;
      }
    }
    if (++microsteps > kMicrostepsMax) {
      return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                       absl::StrCat("instance ", instance_.id, " takes more than ", kMicrostepsMax,
                                    " microsteps; the last edge was ", edge->id));
    }
    if (absl::Status status = Microstep(*edge); !status.ok()) return status;
  }
  if (!running_) ExitInterpreter();
  while (!internal_queue_.empty()) {
    if (internal_queue_.front().name == kErrorEvent) return FailStep(internal_queue_.front());
    internal_queue_.pop_front();
  }
  instance_.atomic_states.assign(1, atomic_state_);
  return CheckBounds();
}

const Edge* Interpreter::SelectTransition(const Event& event) {
  for (int index = atomic_state_; index >= 0; index = state(index).parent) {
    for (const Edge& edge : state(index).on) {
      if (edge.events.Match(event.name) && GuardHolds(edge)) return &edge;
    }
  }
  return nullptr;
}

const Edge* Interpreter::SelectEventlessTransition() {
  for (int index = atomic_state_; index >= 0; index = state(index).parent) {
    for (const Edge& edge : state(index).always) {
      if (GuardHolds(edge)) return &edge;
    }
  }
  return nullptr;
}

// A guard that can't be evaluated does not hold, and raises error.execution (SCXML 5.9.1).
bool Interpreter::GuardHolds(const Edge& edge) {
  if (!edge.guard.has_value()) return true;
  const absl::StatusOr<bool> holds = edge.guard->EvaluateBool(Scope());
  if (holds.ok()) return *holds;
  RaiseError(absl::StrCat("the guard of edge ", edge.id), holds.status().message());
  return false;
}

absl::Status Interpreter::Microstep(const Edge& edge) {
  trace_.edges.push_back(&edge);
  if (edge.target >= 0) ExitStates(edge);
  ExecuteContent(edge.actions);
  if (edge.target >= 0) EnterStates(edge.domain, edge.target);
  return CheckBounds();
}

void Interpreter::ExitStates(const Edge& edge) {
  while (atomic_state_ != edge.domain) {
    ExecuteContent(state(atomic_state_).exit);
    SetActive(atomic_state_, false);
    trace_.exited.push_back(atomic_state_);
    atomic_state_ = state(atomic_state_).parent;
  }
}

// Enters what lies between `domain` and `target`, `target`, and its default descendants.
void Interpreter::EnterStates(int domain, int target) {
  while (true) {
    StateList path;
    for (int index = target; index != domain; index = state(index).parent) path.push_back(index);
    for (auto index = path.rbegin(); index != path.rend(); ++index) EnterState(*index);
    if (state(target).initial < 0) break;
    domain = target;
    target = state(target).initial;
  }
}

void Interpreter::EnterState(int index) {
  SetActive(index, true);
  atomic_state_ = index;
  ExecuteContent(state(index).entry);
  if (state(index).type == v1::StateNode::FINAL) EnterFinal(index);
}

void Interpreter::EnterFinal(int index) {
  const int parent = state(index).parent;
  if (parent == 0) {
    running_ = false;
    return;
  }
  Value data;
  if (state(index).output.has_value()) {
    data = Evaluate(*state(index).output).value_or(Value());
  }
  internal_queue_.push_back({state(parent).done_event, std::move(data)});
}

// The exit actions of what is active run; the configuration stays, so that one can see how the
// instance ended.
void Interpreter::ExitInterpreter() {
  for (int index = atomic_state_; index >= 0; index = state(index).parent) {
    ExecuteContent(state(index).exit);
    if (index == atomic_state_ && state(index).output.has_value()) {
      instance_.output = Evaluate(*state(index).output);
    }
  }
  instance_.status = v1::Instance::DONE;
}

void Interpreter::ExecuteContent(const std::vector<Action>& actions) {
  if (!actions.empty()) ExecuteBlock(actions);
}

bool Interpreter::ExecuteBlock(const std::vector<Action>& actions) {
  return std::all_of(actions.begin(), actions.end(),
                     [this](const Action& action) { return Execute(action); });
}

bool Interpreter::Execute(const Action& action) {
  if (action.kind == Action::Kind::kChoose) return ExecuteChoose(action);
  std::optional<Value> value = Value();
  if (action.value.has_value()) value = Evaluate(*action.value);
  if (!value.has_value()) return false;
  switch (action.kind) {
    case Action::Kind::kAssign: {
      absl::StatusOr<Value> context = action.location->Assign(Scope(), *value);
      if (!context.ok()) {
        RaiseError("an assign", context.status().message());
        return false;
      }
      instance_.context = *std::move(context);
      break;
    }
    case Action::Kind::kRaise:
      internal_queue_.push_back({action.name, *std::move(value)});
      break;
    case Action::Kind::kEmit:
      trace_.emitted.push_back({action.name, *std::move(value)});
      break;
    case Action::Kind::kChoose:
      break;
  }
  return true;
}

bool Interpreter::ExecuteChoose(const Action& action) {
  for (const Action::Branch& branch : action.branches) {
    if (!branch.guard.has_value()) return ExecuteBlock(branch.actions);
    const absl::StatusOr<bool> holds = branch.guard->EvaluateBool(Scope());
    if (!holds.ok()) {
      RaiseError("a branch's guard", holds.status().message());
      return false;
    }
    if (*holds) return ExecuteBlock(branch.actions);
  }
  return true;
}

std::optional<Value> Interpreter::Evaluate(const Expression& expression) {
  absl::StatusOr<Value> value = expression.Evaluate(Scope());
  if (value.ok()) return *std::move(value);
  RaiseError(absl::StrCat("expression `", expression.text(), "`"), value.status().message());
  return std::nullopt;
}

void Interpreter::RaiseError(absl::string_view what, absl::string_view message) {
  internal_queue_.push_back(
      {kErrorEvent, Value::OfMap({{"message", Value::String(absl::StrCat(what, ": ", message))}})});
}

absl::Status Interpreter::FailStep(const Event& error) const {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, v1::STEP_FAILED,
      absl::StrCat("instance ", instance_.id, ": ", error.data.Find("message")->as_string(),
                   " (and no edge takes error.execution)"));
}

absl::Status Interpreter::Deny(const Event& event) const {
  v1::Denial denial;
  for (int index = atomic_state_; index >= 0; index = state(index).parent) {
    for (const Edge& edge : state(index).on) {
      if (!edge.events.Match(event.name)) continue;
      v1::EdgeDenial* denied = denial.add_edges();
      denied->set_edge(edge.id);
      denied->set_guard(edge.guard->text());
      denied->set_reason(edge.guard->Explain(Scope()));
    }
  }
  for (std::string& enabled : EnabledEvents(machine_, instance_)) {
    denial.add_enabled_events(std::move(enabled));
  }
  const bool guarded = denial.edges_size() > 0;
  std::string message =
      absl::StrCat("instance ", instance_.id, " in state ", state(atomic_state_).id, " ");
  if (guarded) {
    absl::StrAppend(&message, "denies event ", event.name, ": ", denial.edges(0).reason());
  } else {
    absl::StrAppend(&message, "takes no event ", event.name);
  }
  absl::Status status = MakeError(absl::StatusCode::kFailedPrecondition,
                                  guarded ? v1::GUARD_FALSE : v1::EVENT_NOT_ENABLED, message);
  AddDetail(denial, &status);
  return status;
}

absl::Status Interpreter::CheckBounds() const {
  if (trace_.emitted.size() > kEmittedPerStepMax) {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                     absl::StrCat("instance ", instance_.id, " emits more than ",
                                  kEmittedPerStepMax, " times in a step"));
  }
  return absl::OkStatus();
}

void Interpreter::SetActive(int index, bool active) {
  const uint64_t bit = uint64_t{1} << (index % kBitsPerWord);
  uint64_t& word = active_[index / kBitsPerWord];
  word = active ? word | bit : word & ~bit;
}

ExpressionScope Interpreter::Scope() const {
  ExpressionScope scope;
  scope.context = &instance_.context;
  scope.event_name = event_.name;
  scope.event_data = &event_.data;
  if (event_is_external_) scope.event_actor = actor_;
  scope.event_time_s = time_s_;
  scope.active_states = active_;
  return scope;
}

}  // namespace swoosh
