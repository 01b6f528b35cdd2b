#ifndef SWOOSH_CORE_STATECHART_INTERPRETER_H_
#define SWOOSH_CORE_STATECHART_INTERPRETER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/expression.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"
#include "core/statechart/state_set.h"
#include "core/value.h"
#include "google/protobuf/repeated_field.h"
#include "swoosh/v1/error.pb.h"
#include "swoosh/v1/record.pb.h"

// The interpretation of a statechart: the algorithm of W3C SCXML, Appendix D, with its names.
//
// Where it goes beyond the standard:
//   - The root is the <scxml> element, and may have edges and actions. A PARALLEL root is done when
//     all its regions are.
//   - `after` edges. The timer of one names it, so no other edge can take its place.
//   - An error.execution that no edge handles fails the step, because a workflow that goes on after
//     a failed assignment is worse than one that says so.
//   - An edge with an external guard is for clients' events only.
namespace swoosh {

// Where in the log a step takes place, and what is known there beside the instance.
struct StepPlace {
  absl::string_view ns;
  absl::string_view actor;  // the authenticated sender of a client's event
  uint32_t reducer_version = 0;
  int64_t time_us = 0;  // of the record
  uint64_t index = 0;   // of the record
  // How many timers the record has set already. Counted on.
  uint32_t* timer_count = nullptr;
  // What external guards answered, and for which of the proposal's transitions it is asked.
  const google::protobuf::RepeatedPtrField<v1::GuardOutcome>* guard_outcomes = nullptr;
  uint32_t transition = 0;
  uint64_t committed_version = 0;  // of the instance, before the proposal; 0 = none
};

// What a step did, in order.
struct StepTrace {
  StateList exited;
  absl::InlinedVector<const Edge*, 4> edges;
  std::vector<v1::Emitted> emitted;
  size_t output_bytes = 0;  // as kStepOutputBytesMax counts them
};

// Runs one macrostep on one instance. One use each; pure.
class Interpreter {
 public:
  // `instance`, whose machine is `machine`, is edited; after an error it holds no meaning. All
  // arguments must outlive the interpreter.
  Interpreter(const Machine& machine, const StepPlace& place, Instance* instance, StepTrace* trace);

  // Enters the initial configuration.
  //   kFailedPrecondition (STEP_FAILED): an expression failed and no edge handles error.execution.
  //   kResourceExhausted (LIMIT_REACHED): a bound of limits.h.
  absl::Status Start();

  // Processes a client's event. Errors as Start(), and
  //   kFailedPrecondition (EVENT_NOT_ENABLED, GUARD_FALSE) with a Denial when it enables no edge.
  //   kUnavailable (GUARD_UNANSWERED): the outcome of an external guard is needed and not there.
  //     Its details are a GuardOutcome with the question's transition, edge, guard and version, and
  //     the EvaluateRequest for the provider.
  absl::Status Process(absl::string_view event, const Value& data);

  // Processes a timer that is due, of the kind kAfter or kSend, and was taken out of the instance.
  // One that enables nothing does nothing. Errors as Start().
  absl::Status Fire(const Timer& timer);

 private:
  enum class Origin : uint8_t { kClient, kMachine };
  struct Event {
    std::string name;
    Value data;
  };
  using EdgeList = absl::InlinedVector<const Edge*, 4>;

  // The standard's procedures.
  EdgeList SelectTransitions();
  EdgeList SelectEventlessTransitions();
  template <typename FindEdge>
  EdgeList Select(FindEdge find_edge);
  void RemoveConflictingTransitions(EdgeList* enabled) const;
  absl::Status Microstep(const EdgeList& enabled);
  void ExitStates(const EdgeList& enabled);
  StateSet ComputeExitSet(const EdgeList& enabled) const;
  void EnterStates(const EdgeList& enabled);
  StateSet ComputeEntrySet(const EdgeList& enabled) const;
  void AddDescendantStatesToEnter(int state, StateSet* to_enter) const;
  void AddAncestorStatesToEnter(int state, int ancestor, StateSet* to_enter) const;
  void AddRegionsToEnter(int parallel, StateSet* to_enter) const;
  int GetTransitionDomain(const Edge& edge) const;
  StateList GetEffectiveTargetStates(const Edge& edge) const;
  bool IsInFinalState(int state) const;
  void ExecuteContent(const std::vector<Action>& actions);
  void ExitInterpreter();

  absl::Status RunToStability();
  void EnterState(int state);
  void EnterFinal(int state);
  void RecordHistory(int state);
  const HistoryValue* FindHistory(int history) const;
  bool GuardHolds(const Edge& edge);
  bool ExternalGuardHolds(const Edge& edge);
  const v1::GuardOutcome* FindOutcome(const Edge& edge) const;
  absl::Status Unanswered(const Edge& edge) const;

  // False when an expression failed: the rest of the block is not executed.
  bool ExecuteBlock(const std::vector<Action>& actions);
  bool Execute(const Action& action);
  void Emit(const std::string& name, const Value& data);
  bool ExecuteAssign(const Action& action, const Value& value);
  bool ExecuteSend(const Action& action, Value data);
  bool ExecuteChoose(const Action& action);
  std::optional<int64_t> EvaluateDelay(const Delay& delay);
  void SetTimer(Timer timer, int64_t delay_us);
  void StartAfterTimers(int state);
  void CancelAfterTimers(int state);
  std::optional<Value> Evaluate(const Expression& expression);

  void RaiseError(absl::string_view what, absl::string_view message);
  absl::Status FailStep(const Event& error) const;
  absl::Status Deny() const;
  v1::Denial ExplainDenial() const;
  bool EmitsTooMuch() const;
  absl::Status CheckBounds() const;

  StateList AtomicStates() const;
  ExpressionScope Scope() const;
  const StateNode& state(int index) const { return machine_.states()[index]; }

  const Machine& machine_;
  const StepPlace& place_;
  Instance& instance_;
  StepTrace& trace_;

  StateSet configuration_;  // with the ancestors
  Event event_;             // SCXML's _event: the one processed last
  Origin origin_ = Origin::kMachine;
  std::vector<Event> internal_queue_;
  size_t internal_queue_begin_ = 0;
  absl::Status unanswered_;  // by an external guard
  bool running_ = true;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATECHART_INTERPRETER_H_
