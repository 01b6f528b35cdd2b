// The macrostep: from an event to the next stable configuration.
#include "core/statechart/interpreter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/errors.h"
#include "core/limits.h"

namespace swoosh {
namespace {

constexpr char kErrorEvent[] = "error.execution";
constexpr double kMicrosPerSecond = 1'000'000;

}  // namespace

Interpreter::Interpreter(const Machine& machine, const StepPlace& place, Instance* instance,
                         StepTrace* trace)
    : machine_(machine),
      place_(place),
      instance_(*instance),
      trace_(*trace),
      configuration_(ActiveStates(machine, instance->atomic_states)) {}

absl::Status Interpreter::Start() {
  StateSet to_enter(machine_.states().size());
  AddDescendantStatesToEnter(0, &to_enter);
  to_enter.ForEach([this](int state) { EnterState(state); });
  return RunToStability();
}

absl::Status Interpreter::Process(absl::string_view event, const Value& data) {
  event_ = {std::string(event), data};
  origin_ = Origin::kClient;
  const EdgeList enabled = SelectTransitions();
  if (!unanswered_.ok()) return unanswered_;
  if (enabled.empty()) return Deny();
  if (absl::Status status = Microstep(enabled); !status.ok()) return status;
  return RunToStability();
}

absl::Status Interpreter::Fire(const Timer& timer) {
  EdgeList enabled;
  if (timer.kind == Timer::Kind::kAfter) {
    event_ = {state(timer.state).after_event, Value()};
    const Edge& edge = AfterEdge(machine_, timer);
    if (GuardHolds(edge)) enabled.push_back(&edge);
  } else {
    event_ = {timer.event, timer.data};
    enabled = SelectTransitions();
  }
  if (!enabled.empty()) {
    if (absl::Status status = Microstep(enabled); !status.ok()) return status;
  }
  return RunToStability();
}

// mainEventLoop's inner loop: eventless transitions first, then internal events, one by one.
absl::Status Interpreter::RunToStability() {
  int microsteps = 1;
  while (running_) {
    EdgeList enabled = SelectEventlessTransitions();
    if (enabled.empty()) {
      if (internal_queue_begin_ == internal_queue_.size()) break;
      event_ = std::move(internal_queue_[internal_queue_begin_++]);
      origin_ = Origin::kMachine;
      enabled = SelectTransitions();
      if (enabled.empty()) {
        if (event_.name == kErrorEvent) return FailStep(event_);
        continue;
      }
    }
    if (++microsteps > kMicrostepsMax) {
      return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                       absl::StrCat("instance ", instance_.id, " takes more than ", kMicrostepsMax,
                                    " microsteps; the last edge was ", enabled.front()->id));
    }
    if (absl::Status status = Microstep(enabled); !status.ok()) return status;
  }
  instance_.atomic_states = AtomicStates();
  if (!running_) ExitInterpreter();
  // What is left was raised as the machine ended. It is dropped, but an error that nobody would
  // have taken still fails the step.
  origin_ = Origin::kMachine;
  for (; internal_queue_begin_ < internal_queue_.size(); ++internal_queue_begin_) {
    event_ = std::move(internal_queue_[internal_queue_begin_]);
    if (event_.name == kErrorEvent && SelectTransitions().empty()) return FailStep(event_);
  }
  return CheckBounds();
}

absl::Status Interpreter::Microstep(const EdgeList& enabled) {
  for (const Edge* edge : enabled) {
    trace_.edges.push_back(edge);
    trace_.output_bytes += edge->id.size() + kRecordFieldBytesMax;
  }
  ExitStates(enabled);
  for (const Edge* edge : enabled) ExecuteContent(edge->actions);
  EnterStates(enabled);
  return CheckBounds();
}

// The exit actions of what is active run; the configuration stays, so that one can see how the
// instance ended.
void Interpreter::ExitInterpreter() {
  configuration_.ForEachInExitOrder([this](int index) {
    ExecuteContent(state(index).exit);
    if (state(index).parent == 0 && state(index).output.has_value()) {
      instance_.output = Evaluate(*state(index).output);
    }
  });
  instance_.status = v1::Instance::DONE;
  instance_.timers.clear();
  if (machine_.retention_us().has_value()) {
    Timer timer;
    timer.kind = Timer::Kind::kRetention;
    SetTimer(std::move(timer), *machine_.retention_us());
  }
}

void Interpreter::RaiseError(absl::string_view what, absl::string_view message) {
  internal_queue_.push_back(
      {kErrorEvent, Value::OfMap({{"message", Value::String(absl::StrCat(what, ": ", message))}})});
}

absl::Status Interpreter::FailStep(const Event& error) const {
  const Value* message = error.data.Find("message");
  return MakeError(
      absl::StatusCode::kFailedPrecondition, v1::STEP_FAILED,
      absl::StrCat("instance ", instance_.id, ": ",
                   message != nullptr && message->is_string() ? message->as_string() : kErrorEvent,
                   " (and no edge takes error.execution)"));
}

absl::Status Interpreter::Deny() const {
  const v1::Denial denial = ExplainDenial();
  const bool guarded = denial.edges_size() > 0;
  const std::string states =
      absl::StrJoin(AtomicStates(), ", ",
                    [this](std::string* out, int index) { absl::StrAppend(out, state(index).id); });
  std::string message = absl::StrCat("instance ", instance_.id, " in state ", states, " ");
  if (guarded) {
    absl::StrAppend(&message, "denies event ", event_.name, ": ", denial.edges(0).reason());
  } else {
    absl::StrAppend(&message, "takes no event ", event_.name);
  }
  absl::Status status = MakeError(absl::StatusCode::kFailedPrecondition,
                                  guarded ? v1::GUARD_FALSE : v1::EVENT_NOT_ENABLED, message);
  AddDetail(denial, &status);
  return status;
}

// The edges that the event matches, innermost first, each once, with why their guard was false.
v1::Denial Interpreter::ExplainDenial() const {
  v1::Denial denial;
  StateSet searched(machine_.states().size());
  for (const int atomic : AtomicStates()) {
    for (int index = atomic; index >= 0 && searched.Insert(index); index = state(index).parent) {
      for (const Edge& edge : state(index).on) {
        if (!edge.events.Match(event_.name)) continue;
        v1::EdgeDenial* denied = denial.add_edges();
        denied->set_edge(edge.id);
        const absl::StatusOr<bool> holds =
            edge.guard.has_value() ? edge.guard->EvaluateBool(Scope()) : true;
        if (holds.ok() && *holds) {
          denied->set_guard(edge.external_guard);
          denied->set_reason(absl::StrCat("external guard ", edge.external_guard, " says no"));
        } else {
          denied->set_guard(edge.guard->text());
          denied->set_reason(edge.guard->Explain(Scope()));
        }
      }
    }
  }
  for (std::string& enabled : EnabledEvents(machine_, instance_)) {
    denial.add_enabled_events(std::move(enabled));
  }
  return denial;
}

bool Interpreter::EmitsTooMuch() const {
  return trace_.emitted.size() > kEmittedPerStepMax ||
         (trace_.output_bytes > kStepOutputBytesMax && place_.reducer_version >= 2);
}

absl::Status Interpreter::CheckBounds() const {
  const auto too_many = [this](absl::string_view does, size_t bound, absl::string_view unit) {
    return MakeError(
        absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
        absl::StrCat("instance ", instance_.id, " ", does, " more than ", bound, unit));
  };
  if (trace_.emitted.size() > kEmittedPerStepMax) {
    return too_many("emits", kEmittedPerStepMax, " times in a step");
  }
  if (EmitsTooMuch()) return too_many("emits", kStepOutputBytesMax, " bytes in a step");
  if (instance_.timers.size() > kTimersPerInstanceMax) {
    return too_many("has", kTimersPerInstanceMax, " timers");
  }
  return absl::OkStatus();
}

StateList Interpreter::AtomicStates() const {
  StateList atomic;
  configuration_.ForEach([&](int index) {
    if (state(index).is_atomic()) atomic.push_back(index);
  });
  return atomic;
}

ExpressionScope Interpreter::Scope() const {
  ExpressionScope scope;
  scope.context = &instance_.context;
  scope.event_name = event_.name;
  scope.event_data = &event_.data;
  if (origin_ == Origin::kClient) scope.event_actor = place_.actor;
  scope.event_time_s = static_cast<double>(place_.time_us) / kMicrosPerSecond;
  scope.active_states = configuration_.words();
  return scope;
}

}  // namespace swoosh
