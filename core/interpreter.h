#ifndef SWOOSH_CORE_INTERPRETER_H_
#define SWOOSH_CORE_INTERPRETER_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/expression.h"
#include "core/instance.h"
#include "core/machine.h"
#include "core/value.h"
#include "swoosh/v1/error.pb.h"

// The interpretation of a statechart: the algorithm of W3C SCXML, Appendix D, with its names, for
// machines without parallel and history states. So exactly one atomic state is active.
//
// Where it goes beyond the standard: the root is the <scxml> element, and may have edges and
// actions; and an error.execution that no edge handles fails the step, because a workflow that goes
// on after a failed assignment is worse than one that says so.
namespace swoosh {

// What a step did, in order.
struct StepTrace {
  std::vector<int> exited;
  std::vector<const Edge*> edges;
  struct Emitted {
    std::string name;
    Value data;
  };
  std::vector<Emitted> emitted;
};

// Runs one macrostep on one instance. One use each; pure.
class Interpreter {
 public:
  // `instance`, whose machine is `machine`, is edited; after an error it holds no meaning.
  // `actor` is the authenticated sender of the external event, `time_s` the record's time.
  Interpreter(const Machine& machine, absl::string_view actor, double time_s, Instance* instance,
              StepTrace* trace);

  // Enters the initial configuration.
  //   kFailedPrecondition (STEP_FAILED): an expression failed and no edge handles error.execution.
  //   kResourceExhausted (LIMIT_REACHED): a bound of limits.h.
  absl::Status Start();

  // Processes an external event. Errors as Start(), and
  //   kFailedPrecondition (EVENT_NOT_ENABLED, GUARD_FALSE) with a Denial when it enables no edge.
  absl::Status Process(absl::string_view event, const Value& data);

 private:
  struct Event {
    std::string name;
    Value data;
  };
  using StateList = absl::InlinedVector<int, 8>;

  // The standard's procedures.
  const Edge* SelectTransition(const Event& event);
  const Edge* SelectEventlessTransition();
  absl::Status Microstep(const Edge& edge);
  void ExitStates(const Edge& edge);
  void EnterStates(int domain, int target);
  void ExecuteContent(const std::vector<Action>& actions);
  absl::Status RunToStability();
  void ExitInterpreter();

  bool GuardHolds(const Edge& edge);
  // False when an expression failed: the rest of the block is not executed.
  bool ExecuteBlock(const std::vector<Action>& actions);
  bool Execute(const Action& action);
  bool ExecuteChoose(const Action& action);
  void EnterState(int state);
  void EnterFinal(int state);
  std::optional<Value> Evaluate(const Expression& expression);
  void RaiseError(absl::string_view what, absl::string_view message);
  absl::Status FailStep(const Event& error) const;
  absl::Status Deny(const Event& event) const;
  absl::Status CheckBounds() const;

  void SetActive(int state, bool active);
  ExpressionScope Scope() const;
  const StateNode& state(int index) const { return machine_.states()[index]; }

  const Machine& machine_;
  const absl::string_view actor_;
  const double time_s_;
  Instance& instance_;
  StepTrace& trace_;

  int atomic_state_ = -1;
  std::vector<uint64_t> active_;  // a bit a state
  Event event_;                   // SCXML's _event: the one processed last
  bool event_is_external_ = false;
  std::deque<Event> internal_queue_;
  bool running_ = true;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_INTERPRETER_H_
