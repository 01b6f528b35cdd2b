// Which states a microstep exits and enters, and what happens as it does.
#include <algorithm>
#include <utility>

#include "core/statechart/interpreter.h"

namespace swoosh {

StateList Interpreter::GetEffectiveTargetStates(const Edge& edge) const {
  StateList targets;
  for (const int target : edge.targets) {
    if (!state(target).is_history()) {
      targets.push_back(target);
    } else if (const HistoryValue* value = FindHistory(target)) {
      targets.insert(targets.end(), value->states.begin(), value->states.end());
    } else {
      targets.insert(targets.end(), state(target).initial.begin(), state(target).initial.end());
    }
  }
  return targets;
}

int Interpreter::GetTransitionDomain(const Edge& edge) const {
  if (edge.domain != kDomainByHistory) return edge.domain;
  return machine_.TransitionDomain(edge, GetEffectiveTargetStates(edge));
}

StateSet Interpreter::ComputeExitSet(const EdgeList& enabled) const {
  StateSet to_exit(machine_.states().size());
  for (const Edge* edge : enabled) {
    const int domain = GetTransitionDomain(*edge);
    if (domain < 0) continue;
    const int end = state(domain).end;
    for (int i = configuration_.FirstFrom(domain + 1); i >= 0 && i < end;
         i = configuration_.FirstFrom(i + 1)) {
      to_exit.Insert(i);
    }
  }
  return to_exit;
}

void Interpreter::ExitStates(const EdgeList& enabled) {
  const StateSet to_exit = ComputeExitSet(enabled);
  to_exit.ForEachInExitOrder([this](int index) { RecordHistory(index); });
  to_exit.ForEachInExitOrder([this](int index) {
    ExecuteContent(state(index).exit);
    CancelAfterTimers(index);
    configuration_.Erase(index);
    trace_.exited.push_back(index);
  });
}

// Of a state that is about to be left: what its history states, if it has any, will stand for.
void Interpreter::RecordHistory(int index) {
  for (const int history : state(index).histories) {
    HistoryValue value;
    value.history = history;
    for (int i = configuration_.FirstFrom(index + 1); i >= 0 && i < state(index).end;
         i = configuration_.FirstFrom(i + 1)) {
      const bool recorded = state(history).deep ? state(i).is_atomic() : state(i).parent == index;
      if (recorded) value.states.push_back(i);
    }
    const auto place = std::lower_bound(
        instance_.history.begin(), instance_.history.end(), history,
        [](const HistoryValue& each, int wanted) { return each.history < wanted; });
    if (place != instance_.history.end() && place->history == history) {
      *place = std::move(value);
    } else {
      instance_.history.insert(place, std::move(value));
    }
  }
}

const HistoryValue* Interpreter::FindHistory(int history) const {
  for (const HistoryValue& value : instance_.history) {
    if (value.history == history) return &value;
  }
  return nullptr;
}

StateSet Interpreter::ComputeEntrySet(const EdgeList& enabled) const {
  StateSet to_enter(machine_.states().size());
  for (const Edge* edge : enabled) {
    if (edge->targets.empty()) continue;
    for (const int target : edge->targets) AddDescendantStatesToEnter(target, &to_enter);
    const int domain = GetTransitionDomain(*edge);
    for (const int target : GetEffectiveTargetStates(*edge)) {
      AddAncestorStatesToEnter(target, domain, &to_enter);
    }
    // Every other domain is compound. The root, where it is PARALLEL, has lost all its regions.
    if (state(domain).type == v1::StateNode::PARALLEL) AddRegionsToEnter(domain, &to_enter);
  }
  return to_enter;
}

void Interpreter::AddDescendantStatesToEnter(int index, StateSet* to_enter) const {
  const StateNode& entered = state(index);
  if (entered.is_history()) {
    const HistoryValue* value = FindHistory(index);
    const StateList states = value != nullptr
                                 ? StateList(value->states.begin(), value->states.end())
                                 : StateList(entered.initial.begin(), entered.initial.end());
    for (const int each : states) AddDescendantStatesToEnter(each, to_enter);
    for (const int each : states) AddAncestorStatesToEnter(each, entered.parent, to_enter);
    return;
  }
  to_enter->Insert(index);
  for (const int each : entered.initial) AddDescendantStatesToEnter(each, to_enter);
  for (const int each : entered.initial) AddAncestorStatesToEnter(each, index, to_enter);
  if (entered.type == v1::StateNode::PARALLEL) AddRegionsToEnter(index, to_enter);
}

void Interpreter::AddAncestorStatesToEnter(int index, int ancestor, StateSet* to_enter) const {
  for (int i = state(index).parent; i != ancestor && i >= 0; i = state(i).parent) {
    to_enter->Insert(i);
    if (state(i).type == v1::StateNode::PARALLEL) AddRegionsToEnter(i, to_enter);
  }
}

// The regions that no target lies in are entered by default.
void Interpreter::AddRegionsToEnter(int parallel, StateSet* to_enter) const {
  for (int child = parallel + 1; child < state(parallel).end; child = state(child).end) {
    if (state(child).is_history()) continue;
    if (!to_enter->ContainsAnyOf(child + 1, state(child).end)) {
      AddDescendantStatesToEnter(child, to_enter);
    }
  }
}

void Interpreter::EnterStates(const EdgeList& enabled) {
  ComputeEntrySet(enabled).ForEach([this](int index) { EnterState(index); });
}

void Interpreter::EnterState(int index) {
  configuration_.Insert(index);
  ExecuteContent(state(index).entry);
  StartAfterTimers(index);
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
  const int grandparent = state(parent).parent;
  if (state(grandparent).type != v1::StateNode::PARALLEL || !IsInFinalState(grandparent)) return;
  if (grandparent == 0) {
    running_ = false;
  } else {
    internal_queue_.push_back({state(grandparent).done_event, Value()});
  }
}

bool Interpreter::IsInFinalState(int index) const {
  const v1::StateNode::Type type = state(index).type;
  if (type != v1::StateNode::COMPOUND && type != v1::StateNode::PARALLEL) return false;
  for (int child = index + 1; child < state(index).end; child = state(child).end) {
    if (state(child).is_history()) continue;
    if (type == v1::StateNode::PARALLEL) {
      if (!IsInFinalState(child)) return false;
    } else if (state(child).type == v1::StateNode::FINAL && configuration_.Contains(child)) {
      return true;
    }
  }
  return type == v1::StateNode::PARALLEL;
}

}  // namespace swoosh
