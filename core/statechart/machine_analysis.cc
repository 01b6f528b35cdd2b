#include "core/statechart/machine_analysis.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/statechart/machine_reachability.h"

namespace swoosh {
namespace {

using Actions = google::protobuf::RepeatedPtrField<v1::Action>;
using Edges = google::protobuf::RepeatedPtrField<v1::Edge>;
using Kind = MachineFinding::Kind;
using Severity = MachineFinding::Severity;

class MachineAnalysis {
 public:
  explicit MachineAnalysis(const Machine& machine)
      : machine_(machine), definition_(machine.ToProto(/*with_root=*/true)), reach_(machine) {}

  std::vector<MachineFinding> Run() &&;

 private:
  // What a part of the definition belongs to.
  struct Place {
    const StateNode* state;
    const Edge* edge;  // nullptr: none
  };

  void Report(Severity severity, Kind kind, const Place& place, std::string field,
              std::string message);
  // Collects what the machine itself may send and take.
  void CollectActions(const Actions& actions);
  void CollectState(const v1::StateNode& node, int* next);

  // Each checks a part with all that is in it. `next` counts the states in document order.
  void CheckState(const v1::StateNode& node, const std::string& field, int* next);
  void CheckEdges(const Edges& sources, const std::vector<Edge>& edges, const StateNode& state,
                  const std::string& field);
  void CheckEdge(const v1::Edge& source, const Edge& edge, const Place& place,
                 const std::string& field);
  void CheckActions(const Actions& actions, const Place& place, const std::string& field);
  void CheckAction(const v1::Action& action, const Place& place, const std::string& field);
  void CheckChoose(const v1::Choose& choose, const Place& place, const std::string& field);
  void CheckEvent(const std::string& event, const Place& place, const std::string& field);
  // The constant that the expression is, if it is one; "" is none.
  std::optional<bool> CheckExpression(const std::string& text, const Place& place,
                                      const std::string& field);
  bool IsTaken(const std::string& event);

  const Machine& machine_;
  const v1::Machine definition_;
  const MachineReachability reach_;
  std::vector<const Edge*> takers_;
  absl::flat_hash_map<std::string, bool> is_taken_;
  absl::flat_hash_set<std::string> send_ids_;
  std::vector<MachineFinding> findings_;
};

std::string Element(const std::string& field, absl::string_view list, int i) {
  return absl::StrCat(field, ".", list, "[", i, "]");
}

void MachineAnalysis::Report(Severity severity, Kind kind, const Place& place, std::string field,
                             std::string message) {
  findings_.push_back({severity, kind, place.state->id, place.edge == nullptr ? "" : place.edge->id,
                       std::move(field), std::move(message)});
}

void MachineAnalysis::CollectActions(const Actions& actions) {
  for (const v1::Action& action : actions) {
    if (action.has_send()) send_ids_.insert(action.send().id());
    for (const auto& branch : action.choose().branches()) CollectActions(branch.actions());
  }
}

void MachineAnalysis::CollectState(const v1::StateNode& node, int* next) {
  const int index = (*next)++;
  const StateNode& state = machine_.states()[index];
  if (reach_.Reached(index)) {
    for (const Edge& edge : state.on) {
      if (reach_.MayBeTaken(edge, nullptr)) takers_.push_back(&edge);
    }
    CollectActions(node.entry());
    CollectActions(node.exit());
    for (const auto* edges : {&node.on(), &node.always(), &node.after()}) {
      for (const v1::Edge& edge : *edges) CollectActions(edge.actions());
    }
  }
  for (const v1::StateNode& child : node.states()) CollectState(child, next);
}

std::vector<MachineFinding> MachineAnalysis::Run() && {
  int next = 0;
  CollectState(definition_.root(), &next);
  next = 0;
  CheckState(definition_.root(), "root", &next);
  return std::move(findings_);
}

void MachineAnalysis::CheckState(const v1::StateNode& node, const std::string& field, int* next) {
  const int index = *next;
  const StateNode& state = machine_.states()[index];
  const Place place = {&state, nullptr};
  if (!reach_.Reached(index)) {
    Report(Severity::kWarning, Kind::kStateUnreachable, place, field,
           absl::StrCat("state ", state.id, " can never be entered"));
    *next = state.end;  // Nor can what is in it.
    return;
  }
  ++*next;
  if (state.type == v1::StateNode::ATOMIC && !reach_.MayBeLeft(index)) {
    Report(Severity::kNote, Kind::kStateWithoutExit, place, field,
           absl::StrCat("state ", state.id, " is not final, and no edge leaves it"));
  }
  CheckActions(node.entry(), place, field + ".entry");
  CheckActions(node.exit(), place, field + ".exit");
  CheckEdges(node.on(), state.on, state, field + ".on");
  CheckEdges(node.always(), state.always, state, field + ".always");
  CheckEdges(node.after(), state.after, state, field + ".after");
  CheckExpression(node.output(), place, field + ".output");
  for (int i = 0; i < node.states_size(); ++i) {
    CheckState(node.states(i), Element(field, "states", i), next);
  }
}

void MachineAnalysis::CheckEdges(const Edges& sources, const std::vector<Edge>& edges,
                                 const StateNode& state, const std::string& field) {
  for (int i = 0; i < sources.size(); ++i) {
    CheckEdge(sources[i], edges[i], {&state, &edges[i]}, absl::StrCat(field, "[", i, "]"));
  }
}

void MachineAnalysis::CheckEdge(const v1::Edge& source, const Edge& edge, const Place& place,
                                const std::string& field) {
  const std::optional<bool> guard = CheckExpression(source.guard(), place, field + ".guard");
  if (guard == false) {
    Report(Severity::kWarning, Kind::kGuardAlwaysFalse, place, field + ".guard",
           absl::StrCat("edge ", edge.id, " is never taken: its guard is always false"));
    return;
  }
  if (guard == true) {
    Report(Severity::kNote, Kind::kGuardAlwaysTrue, place, field + ".guard",
           absl::StrCat("the guard of edge ", edge.id, " is always true"));
  }
  std::string why;
  if (!reach_.MayBeTaken(edge, &why)) {
    Report(Severity::kWarning, Kind::kEdgeNeverTaken, place, field,
           absl::StrCat("edge ", edge.id, " is never taken: ", why));
    return;
  }
  CheckExpression(source.delay_expression(), place, field + ".delay_expression");
  CheckActions(source.actions(), place, field + ".actions");
}

void MachineAnalysis::CheckActions(const Actions& actions, const Place& place,
                                   const std::string& field) {
  for (int i = 0; i < actions.size(); ++i) {
    CheckAction(actions[i], place, absl::StrCat(field, "[", i, "]"));
  }
}

void MachineAnalysis::CheckAction(const v1::Action& action, const Place& place,
                                  const std::string& field) {
  switch (action.kind_case()) {
    case v1::Action::kAssign:
      CheckExpression(action.assign().value(), place, field + ".assign.value");
      return;
    case v1::Action::kRaise:
      CheckEvent(action.raise().event(), place, field + ".raise.event");
      CheckExpression(action.raise().data(), place, field + ".raise.data");
      return;
    case v1::Action::kSend:
      CheckEvent(action.send().event(), place, field + ".send.event");
      CheckExpression(action.send().data(), place, field + ".send.data");
      CheckExpression(action.send().delay_expression(), place, field + ".send.delay_expression");
      return;
    case v1::Action::kCancel:
      if (send_ids_.contains(action.cancel().id())) return;
      Report(Severity::kWarning, Kind::kCancelOfNothing, place, field + ".cancel.id",
             absl::StrCat("nothing that is sent has the id ", action.cancel().id()));
      return;
    case v1::Action::kEmit:
      CheckExpression(action.emit().data(), place, field + ".emit.data");
      return;
    case v1::Action::kChoose:
      CheckChoose(action.choose(), place, field + ".choose");
      return;
    case v1::Action::KIND_NOT_SET:
      return;
  }
}

void MachineAnalysis::CheckChoose(const v1::Choose& choose, const Place& place,
                                  const std::string& field) {
  bool decided = false;
  for (int i = 0; i < choose.branches_size(); ++i) {
    const v1::Choose::Branch& branch = choose.branches(i);
    const std::string branch_field = Element(field, "branches", i);
    const std::optional<bool> guard =
        CheckExpression(branch.guard(), place, branch_field + ".guard");
    if (decided || guard == false) {
      Report(Severity::kWarning, Kind::kBranchNeverDone, place, branch_field,
             decided ? "this branch is never done: one before it always is"
                     : "this branch is never done: its guard is always false");
      continue;
    }
    decided = guard == true;
    CheckActions(branch.actions(), place, branch_field + ".actions");
  }
}

void MachineAnalysis::CheckEvent(const std::string& event, const Place& place,
                                 const std::string& field) {
  if (IsTaken(event)) return;
  Report(Severity::kWarning, Kind::kEventTakenByNone, place, field,
         absl::StrCat("no edge takes the event ", event));
}

bool MachineAnalysis::IsTaken(const std::string& event) {
  const auto [known, is_new] = is_taken_.emplace(event, false);
  if (!is_new) return known->second;
  for (const Edge* edge : takers_) {
    if (edge->events.Match(event)) known->second = true;
  }
  return known->second;
}

std::optional<bool> MachineAnalysis::CheckExpression(const std::string& text, const Place& place,
                                                     const std::string& field) {
  if (text.empty()) return std::nullopt;
  // The states that In() names are asked for one by one.
  const absl::StatusOr<Expression> expression = Expression::Parse(text, [&](absl::string_view id) {
    const int state = machine_.FindState(id);
    if (state >= 0 && !reach_.Reached(state)) {
      Report(Severity::kWarning, Kind::kInNeverTrue, place, field,
             absl::StrCat("In('", id, "') is never true: the state can never be entered"));
    }
    return state;
  });
  const Value* constant = expression.ok() ? expression->constant() : nullptr;
  if (constant == nullptr || !constant->is_bool()) return std::nullopt;
  return constant->as_bool();
}

}  // namespace

absl::string_view FindingKindName(Kind kind) {
  switch (kind) {
    case Kind::kStateUnreachable:
      return "state_unreachable";
    case Kind::kStateWithoutExit:
      return "state_without_exit";
    case Kind::kEdgeNeverTaken:
      return "edge_never_taken";
    case Kind::kGuardAlwaysFalse:
      return "guard_always_false";
    case Kind::kGuardAlwaysTrue:
      return "guard_always_true";
    case Kind::kBranchNeverDone:
      return "branch_never_done";
    case Kind::kEventTakenByNone:
      return "event_taken_by_none";
    case Kind::kInNeverTrue:
      return "in_never_true";
    case Kind::kCancelOfNothing:
      return "cancel_of_nothing";
  }
  return "";
}

std::vector<MachineFinding> AnalyzeMachine(const Machine& machine) {
  return MachineAnalysis(machine).Run();
}

}  // namespace swoosh
