// Which edges an event, or nothing at all, enables.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/statechart/interpreter.h"
#include "core/struct_value.h"
#include "swoosh/v1/guard.pb.h"

namespace swoosh {

Interpreter::EdgeList Interpreter::SelectTransitions() {
  return Select([this](const StateNode& state) -> const Edge* {
    for (const Edge& edge : state.on) {
      if (edge.events.Match(event_.name) && GuardHolds(edge)) return &edge;
    }
    return nullptr;
  });
}

Interpreter::EdgeList Interpreter::SelectEventlessTransitions() {
  if (!machine_.has_eventless()) return {};
  return Select([this](const StateNode& state) -> const Edge* {
    for (const Edge& edge : state.always) {
      if (GuardHolds(edge)) return &edge;
    }
    return nullptr;
  });
}

// For each atomic state, in document order, the first edge of it or of the nearest ancestor that
// has one. What an ancestor answers does not depend on who asks, so each state is asked once.
template <typename FindEdge>
Interpreter::EdgeList Interpreter::Select(FindEdge find_edge) {
  EdgeList enabled;
  if (!machine_.has_parallel()) {
    int atomic = 0;
    configuration_.ForEach([&](int index) { atomic = index; });
    for (int index = atomic; index >= 0 && enabled.empty(); index = state(index).parent) {
      if (const Edge* edge = find_edge(state(index))) enabled.push_back(edge);
    }
    return enabled;
  }
  StateSet asked(machine_.states().size());
  configuration_.ForEach([&](int atomic) {
    if (!state(atomic).is_atomic()) return;
    for (int index = atomic; index >= 0 && asked.Insert(index); index = state(index).parent) {
      if (const Edge* edge = find_edge(state(index))) {
        enabled.push_back(edge);
        return;
      }
    }
  });
  if (enabled.size() > 1) RemoveConflictingTransitions(&enabled);
  return enabled;
}

// Two edges conflict when both would exit a state. The source of each is active and lies below its
// domain (or is its domain, and has an active child), so they do when one domain lies in the other.
void Interpreter::RemoveConflictingTransitions(EdgeList* enabled) const {
  std::vector<const Edge*> filtered;
  for (const Edge* edge : *enabled) {
    const int domain = GetTransitionDomain(*edge);
    std::vector<const Edge*> kept;
    bool preempted = false;
    for (const Edge* other : filtered) {
      const int other_domain = GetTransitionDomain(*other);
      const bool conflict = domain >= 0 && other_domain >= 0 &&
                            (machine_.IsSelfOrDescendant(domain, other_domain) ||
                             machine_.IsSelfOrDescendant(other_domain, domain));
      if (conflict && !machine_.IsDescendant(edge->source, other->source)) {
        preempted = true;
        break;
      }
      if (!conflict) kept.push_back(other);
    }
    if (preempted) continue;
    filtered = std::move(kept);
    filtered.push_back(edge);
  }
  enabled->assign(filtered.begin(), filtered.end());
}

// A guard that can't be evaluated does not hold, and raises error.execution (SCXML 5.9.1).
bool Interpreter::GuardHolds(const Edge& edge) {
  if (edge.guard.has_value()) {
    const absl::StatusOr<bool> holds = edge.guard->EvaluateBool(Scope());
    if (!holds.ok()) {
      RaiseError(absl::StrCat("the guard of edge ", edge.id), holds.status().message());
      return false;
    }
    if (!*holds) return false;
  }
  return edge.external_guard.empty() || ExternalGuardHolds(edge);
}

bool Interpreter::ExternalGuardHolds(const Edge& edge) {
  if (origin_ != Origin::kClient || !unanswered_.ok()) return false;
  const v1::GuardOutcome* outcome = FindOutcome(edge);
  if (outcome == nullptr) {
    unanswered_ = Unanswered(edge);
    return false;
  }
  return outcome->allowed();
}

const v1::GuardOutcome* Interpreter::FindOutcome(const Edge& edge) const {
  if (place_.guard_outcomes == nullptr) return nullptr;
  const auto found = std::find_if(place_.guard_outcomes->begin(), place_.guard_outcomes->end(),
                                  [&](const v1::GuardOutcome& outcome) {
                                    return outcome.transition() == place_.transition &&
                                           outcome.edge() == edge.id &&
                                           outcome.guard() == edge.external_guard;
                                  });
  return found == place_.guard_outcomes->end() ? nullptr : &*found;
}

absl::Status Interpreter::Unanswered(const Edge& edge) const {
  absl::Status status =
      MakeError(absl::StatusCode::kUnavailable, v1::GUARD_UNANSWERED,
                absl::StrCat("instance ", instance_.id, ", event ", event_.name, ", edge ", edge.id,
                             ": external guard ", edge.external_guard, " was not answered"));
  v1::GuardOutcome question;
  question.set_transition(place_.transition);
  question.set_edge(edge.id);
  question.set_guard(edge.external_guard);
  question.set_observed_version(place_.committed_version);
  AddDetail(question, &status);

  v1::EvaluateRequest request;
  request.set_guard(edge.external_guard);
  request.set_namespace_(std::string(place_.ns));
  ToProto(instance_, machine_, v1::VIEW_CONTEXT, request.mutable_instance());
  request.set_event(event_.name);
  if (event_.data.is_map()) ToStruct(event_.data, request.mutable_data());
  request.set_actor(std::string(place_.actor));
  AddDetail(request, &status);
  return status;
}

}  // namespace swoosh
