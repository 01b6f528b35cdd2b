// Edges: what they wait for, and where they lead.
#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "core/statechart/machine_compiler.h"

namespace swoosh {
namespace {

absl::Status CheckDescriptor(absl::string_view descriptor, const std::string& field) {
  if (descriptor.size() > kEventNameBytesMax) {
    return BadDefinition(field, "an event descriptor is too long");
  }
  const size_t star = descriptor.find('*');
  if (star != absl::string_view::npos &&
      !(descriptor == "*" || (star + 1 == descriptor.size() && absl::EndsWith(descriptor, ".*")))) {
    return BadDefinition(field, "'*' may only stand alone or at the end, after a dot");
  }
  return absl::OkStatus();
}

absl::Status CompileDescriptors(const std::string& text, const std::string& field,
                                EventDescriptors* events) {
  for (absl::string_view descriptor : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (absl::Status status = CheckDescriptor(descriptor, field); !status.ok()) return status;
    if (descriptor == "*") {
      events->any = true;
      continue;
    }
    // SCXML 3.12.1: "foo", "foo." and "foo.*" are the same descriptor.
    if (absl::EndsWith(descriptor, ".*")) descriptor.remove_suffix(2);
    if (absl::EndsWith(descriptor, ".")) descriptor.remove_suffix(1);
    if (absl::Status status = CheckEventName(descriptor, field); !status.ok()) return status;
    events->prefixes.emplace_back(descriptor);
  }
  if (!events->any && events->prefixes.empty()) {
    return BadDefinition(field, "an `on` edge needs an event");
  }
  return absl::OkStatus();
}

}  // namespace

// The ids as indexes, all of which can be active at once (SCXML 3.11: a legal configuration).
absl::Status MachineCompiler::CompileTargets(
    const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& field,
    absl::InlinedVector<int, 1>* targets) {
  for (int i = 0; i < ids.size(); ++i) {
    const std::string target_field = absl::StrCat(field, "[", i, "]");
    const int target = machine_->FindState(ids[i]);
    if (target < 0) {
      return BadDefinition(target_field, absl::StrCat("there is no state '", ids[i], "'"));
    }
    if (target == 0) {
      return BadDefinition(target_field, "the root is never left, so it can't be entered");
    }
    for (const int other : *targets) {
      if (!AreOrthogonal(target, other)) {
        return BadDefinition(target_field,
                             absl::StrCat("'", ids[i], "' and '", machine_->states_[other].id,
                                          "' can't be entered together: they do not lie in "
                                          "different regions of one PARALLEL state"));
      }
    }
    targets->push_back(target);
  }
  return absl::OkStatus();
}

// What a history state stands for may lie anywhere in its parent.
bool MachineCompiler::AreOrthogonal(int a, int b) const {
  if (machine_->states_[a].is_history()) a = machine_->states_[a].parent;
  if (machine_->states_[b].is_history()) b = machine_->states_[b].parent;
  if (machine_->IsSelfOrDescendant(a, b) || machine_->IsSelfOrDescendant(b, a)) return false;
  int ancestor = machine_->states_[a].parent;
  while (!machine_->IsDescendant(b, ancestor)) ancestor = machine_->states_[ancestor].parent;
  return machine_->states_[ancestor].type == v1::StateNode::PARALLEL;
}

absl::Status MachineCompiler::CompileEdges(int index, Edge::Kind kind) {
  const v1::StateNode& node = *nodes_[index];
  StateNode& state = machine_->states_[index];
  const bool always = kind == Edge::Kind::kAlways;
  const auto& sources = kind == Edge::Kind::kOn ? node.on() : always ? node.always() : node.after();
  auto& edges = kind == Edge::Kind::kOn ? state.on : always ? state.always : state.after;
  const absl::string_view list = kind == Edge::Kind::kOn ? "on" : always ? "always" : "after";
  for (int i = 0; i < sources.size(); ++i) {
    Edge& edge = edges.emplace_back();
    edge.kind = kind;
    edge.source = index;
    edge.id = sources[i].id().empty() ? absl::StrCat(state.id, "/", list, "/", i) : sources[i].id();
    absl::Status status = CompileEdge(sources[i], Element(fields_[index], list, i), &edge);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileEdge(const v1::Edge& source, const std::string& field,
                                          Edge* edge) {
  if (edge->id.size() > kEventNameBytesMax) return BadDefinition(field + ".id", "is too long");
  if (!edge_ids_.insert(edge->id).second) {
    return BadDefinition(field + ".id", absl::StrCat("'", edge->id, "' is already another edge's"));
  }
  if (absl::Status status = CompileTrigger(source, field, edge); !status.ok()) return status;
  if (absl::Status status = CompileTarget(source, field, edge); !status.ok()) return status;
  if (!source.guard().empty()) {
    absl::StatusOr<Expression> guard = Parse(source.guard(), field + ".guard");
    if (!guard.ok()) return guard.status();
    if (guard->constant() != nullptr && !guard->constant()->is_bool()) {
      return InvalidField(field + ".guard", "a guard is true or false", v1::INVALID_EXPRESSION);
    }
    edge->guard = *std::move(guard);
  }
  return CompileActions(source.actions(), field + ".actions", 0, &edge->actions);
}

// What makes the edge be considered: an event, nothing, or the passing of time.
absl::Status MachineCompiler::CompileTrigger(const v1::Edge& source, const std::string& field,
                                             Edge* edge) {
  const bool has_delay = source.when_case() != v1::Edge::WHEN_NOT_SET;
  if (edge->kind == Edge::Kind::kAfter) {
    if (!has_delay) return BadDefinition(field + ".delay", "an `after` edge needs one");
    absl::Status status = CompileDelay(source.has_delay() ? &source.delay() : nullptr,
                                       source.delay_expression(), field, &edge->delay);
    if (!status.ok()) return status;
  } else if (has_delay) {
    return BadDefinition(field + (source.has_delay() ? ".delay" : ".delay_expression"),
                         "only an `after` edge has a delay");
  }
  if (edge->kind == Edge::Kind::kOn) {
    edge->event_text = source.event();
    absl::Status status = CompileDescriptors(source.event(), field + ".event", &edge->events);
    if (!status.ok()) return status;
  } else if (!source.event().empty()) {
    return BadDefinition(field + ".event", "only an `on` edge has an event");
  }
  if (source.external_guard().empty()) return absl::OkStatus();
  if (edge->kind != Edge::Kind::kOn) {
    return BadDefinition(field + ".external_guard", "only an `on` edge has an external guard");
  }
  edge->external_guard = source.external_guard();
  external_guards_.emplace_back(field, edge->events);
  return CheckEventName(edge->external_guard, field + ".external_guard");
}

absl::Status MachineCompiler::CompileTarget(const v1::Edge& source, const std::string& field,
                                            Edge* edge) {
  edge->internal = source.internal();
  if (source.target().empty()) {
    if (source.internal()) return BadDefinition(field + ".internal", "needs a target");
    return absl::OkStatus();
  }
  absl::Status status = CompileTargets(source.target(), field + ".target", &edge->targets);
  if (!status.ok()) return status;
  const bool by_history =
      std::any_of(edge->targets.begin(), edge->targets.end(),
                  [this](int target) { return machine_->states_[target].is_history(); });
  edge->domain = by_history ? kDomainByHistory : machine_->TransitionDomain(*edge, edge->targets);
  return absl::OkStatus();
}

// A provider is asked before a proposal is reduced. So it can only decide about what clients send.
absl::Status MachineCompiler::CheckExternalGuards() const {
  for (const auto& [field, events] : external_guards_) {
    for (const std::string& prefix : events.prefixes) {
      if (IsReservedEvent(prefix)) {
        return BadDefinition(field + ".external_guard",
                             "decides about clients' events only, and this is none");
      }
    }
    for (const std::string& raised : raised_) {
      if (!events.any && events.Match(raised)) {
        return BadDefinition(field + ".external_guard",
                             absl::StrCat("decides about clients' events only, and the machine "
                                          "itself raises or sends '",
                                          raised, "'"));
      }
    }
  }
  return absl::OkStatus();
}

// The atomic state that `state` begins with, or -1 when that is not certain.
int MachineCompiler::DefaultAtomic(int state) const {
  while (!machine_->states_[state].is_atomic()) {
    if (machine_->states_[state].is_history()) return -1;
    state = machine_->states_[state].initial.front();
  }
  return state;
}

// The eventless edge that is taken for certain while `atomic_state` is active; nullptr when there
// is none, or it depends on a guard.
const Edge* MachineCompiler::CertainEventlessEdge(int atomic_state) const {
  for (int state = atomic_state; state >= 0; state = machine_->states_[state].parent) {
    for (const Edge& edge : machine_->states_[state].always) {
      if (!edge.guard.has_value()) return &edge;
      const Value* constant = edge.guard->constant();
      if (constant == nullptr) return nullptr;
      if (constant->as_bool()) return &edge;
    }
  }
  return nullptr;
}

// Where one atomic state is active at a time. Beside parallel states another region's edges may
// come between: there the bound on microsteps ends what would not end.
absl::Status MachineCompiler::CheckEventlessCycles() const {
  if (machine_->has_parallel()) return absl::OkStatus();
  const int count = static_cast<int>(machine_->states_.size());
  std::vector<bool> known_to_end(count, false);
  for (int start = 0; start < count; ++start) {
    if (!machine_->states_[start].is_atomic()) continue;
    std::vector<int> path;
    absl::flat_hash_set<int> on_path;
    int state = start;
    while (state >= 0 && !known_to_end[state] && on_path.insert(state).second) {
      path.push_back(state);
      const Edge* edge = CertainEventlessEdge(state);
      const bool ends_machine = machine_->states_[state].type == v1::StateNode::FINAL &&
                                machine_->states_[state].parent == 0;
      if (edge == nullptr || ends_machine) {
        known_to_end[state] = true;
      } else if (!edge->targets.empty()) {
        state = DefaultAtomic(edge->targets.front());
      }
    }
    if (state >= 0 && !known_to_end[state]) {
      return BadDefinition(fields_[state] + ".always",
                           absl::StrCat("once '", machine_->states_[state].id,
                                        "' is active, eventless edges without a guard lead back "
                                        "to it for ever"));
    }
    for (const int passed : path) known_to_end[passed] = true;
  }
  return absl::OkStatus();
}

}  // namespace swoosh
