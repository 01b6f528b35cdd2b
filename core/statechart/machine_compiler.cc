#include "core/statechart/machine_compiler.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "core/statechart/definition_encoding.h"
#include "core/struct_value.h"

namespace swoosh {
namespace {

constexpr int kActionDepthMax = 16;
constexpr int64_t kMicrosPerSecond = 1'000'000;

absl::Status BadDefinition(absl::string_view field, absl::string_view why) {
  return InvalidField(field, why, v1::INVALID_DEFINITION);
}

absl::Status ReadDuration(const google::protobuf::Duration& duration, const std::string& field,
                          int64_t* us) {
  constexpr int64_t kNanosPerMicro = 1'000;
  constexpr int32_t kNanosMax = 999'999'999;
  if (duration.seconds() < 0 || duration.nanos() < 0 || duration.nanos() > kNanosMax) {
    return BadDefinition(field, "must be zero or more");
  }
  if (duration.seconds() > kDelaySecondsMax) {
    return BadDefinition(field, absl::StrCat("is at most ", kDelaySecondsMax, " s"));
  }
  if (duration.nanos() % kNanosPerMicro != 0) {
    return BadDefinition(field, "is a whole number of microseconds");
  }
  *us = duration.seconds() * kMicrosPerSecond + duration.nanos() / kNanosPerMicro;
  return absl::OkStatus();
}

std::string Element(const std::string& field, absl::string_view list, int i) {
  return absl::StrCat(field, ".", list, "[", i, "]");
}

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

absl::StatusOr<std::shared_ptr<const Machine>> MachineCompiler::Compile(
    absl::string_view ns, const v1::Machine& definition, uint32_t version, absl::string_view field,
    uint32_t semantics_version) {
  MachineCompiler compiler;
  compiler.machine_->semantics_version_ = semantics_version;
  compiler.machine_->ns_ = std::string(ns);
  compiler.machine_->version_ = version;
  if (absl::Status status = compiler.CompileHeader(definition, field); !status.ok()) return status;
  const std::string root_field = absl::StrCat(field, ".root");
  if (absl::Status status = compiler.AddState(definition.root(), -1, root_field); !status.ok()) {
    return status;
  }
  for (size_t i = 0; i < compiler.nodes_.size(); ++i) {
    if (absl::Status status = compiler.CompileState(static_cast<int>(i)); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = compiler.CheckExternalGuards(); !status.ok()) return status;
  compiler.machine_->has_external_guards_ = !compiler.external_guards_.empty();
  if (absl::Status status = compiler.CheckEventlessCycles(); !status.ok()) return status;
  return std::shared_ptr<const Machine>(std::move(compiler.machine_));
}

absl::Status MachineCompiler::CompileHeader(const v1::Machine& definition,
                                            absl::string_view field) {
  const std::string name_field = absl::StrCat(field, ".name");
  if (absl::Status status = CheckName(definition.name(), kMachineNameBytesMax, name_field);
      !status.ok()) {
    return status;
  }
  machine_->name_ = definition.name();
  if (definition.has_retention()) {
    int64_t retention_us = 0;
    absl::Status status =
        ReadDuration(definition.retention(), absl::StrCat(field, ".retention"), &retention_us);
    if (!status.ok()) return status;
    machine_->retention_us_ = retention_us;
  }
  if (!definition.has_root()) return BadDefinition(absl::StrCat(field, ".root"), "must be there");

  const std::string context_field = absl::StrCat(field, ".context");
  absl::StatusOr<Value> context = FromStruct(definition.context(), context_field);
  if (!context.ok()) return context.status();
  if (context->encoded_bytes() > kContextBytesMax) {
    return InvalidField(context_field,
                        absl::StrCat("has ", context->encoded_bytes(), " bytes encoded; at most ",
                                     kContextBytesMax, " are allowed"),
                        v1::TOO_LARGE);
  }
  machine_->context_ = *std::move(context);

  absl::StatusOr<std::string> encoded = EncodeDefinition(definition, field);
  if (!encoded.ok()) return encoded.status();
  if (encoded->size() > kDefinitionBytesMax) {
    return InvalidField(field,
                        absl::StrCat("has ", encoded->size(), " bytes encoded; at most ",
                                     kDefinitionBytesMax, " are allowed"),
                        v1::TOO_LARGE);
  }
  machine_->definition_ = *std::move(encoded);
  machine_->definition_hash_ = Sha256(machine_->definition_);
  return absl::OkStatus();
}

absl::Status MachineCompiler::CheckShape(const v1::StateNode& node, v1::StateNode::Type type,
                                         int parent, const std::string& field) {
  const std::string& name = v1::StateNode::Type_Name(type);
  const bool final_or_history = type == v1::StateNode::FINAL || type == v1::StateNode::HISTORY;
  const bool has_states = type == v1::StateNode::COMPOUND || type == v1::StateNode::PARALLEL;
  const bool has_initial = type == v1::StateNode::COMPOUND || type == v1::StateNode::HISTORY;
  if (has_states != (node.states_size() > 0)) {
    return BadDefinition(field + ".states",
                         absl::StrCat(name, has_states ? " needs some" : " has none"));
  }
  if (!has_initial && node.initial_size() > 0) {
    return BadDefinition(field + ".initial", absl::StrCat(name, " has none"));
  }
  if (type == v1::StateNode::COMPOUND && node.initial_size() == 0) {
    return BadDefinition(field + ".initial", "a compound state names the state it begins in");
  }
  if (parent < 0 && final_or_history) {
    return BadDefinition(field + ".type", absl::StrCat("the root can't be ", name));
  }
  if (parent >= 0 && type == v1::StateNode::FINAL &&
      machine_->states_[parent].type == v1::StateNode::PARALLEL) {
    return BadDefinition(field + ".type", "a PARALLEL state has no FINAL child");
  }
  if (final_or_history) {
    const std::string why = name + " has no edges";
    if (node.on_size() > 0) return BadDefinition(field + ".on", why);
    if (node.always_size() > 0) return BadDefinition(field + ".always", why);
    if (node.after_size() > 0) return BadDefinition(field + ".after", why);
  }
  if (type == v1::StateNode::HISTORY) {
    if (node.entry_size() > 0) return BadDefinition(field + ".entry", "HISTORY has no actions");
    if (node.exit_size() > 0) return BadDefinition(field + ".exit", "HISTORY has no actions");
  } else if (node.history() != v1::StateNode::HISTORY_UNSPECIFIED) {
    return BadDefinition(field + ".history", "only a HISTORY state is shallow or deep");
  }
  if (node.history() < v1::StateNode::HISTORY_UNSPECIFIED || node.history() > v1::StateNode::DEEP) {
    return BadDefinition(field + ".history", "is not one of the known kinds");
  }
  if (!node.output().empty() && type != v1::StateNode::FINAL) {
    return BadDefinition(field + ".output", "only a FINAL state has an output");
  }
  return absl::OkStatus();
}

absl::Status MachineCompiler::AddState(const v1::StateNode& node, int parent,
                                       const std::string& field) {
  std::vector<StateNode>& states = machine_->states_;
  if (absl::Status status = CheckName(node.id(), kStateIdBytesMax, field + ".id"); !status.ok()) {
    return status;
  }
  v1::StateNode::Type type = node.type();
  if (type == v1::StateNode::TYPE_UNSPECIFIED) {
    const bool compound = node.states_size() > 0 || node.initial_size() > 0;
    type = compound ? v1::StateNode::COMPOUND : v1::StateNode::ATOMIC;
  }
  if (type < v1::StateNode::ATOMIC || type > v1::StateNode::HISTORY) {
    return BadDefinition(field + ".type", "is not one of the known types");
  }
  if (absl::Status status = CheckShape(node, type, parent, field); !status.ok()) return status;
  if (states.size() >= kDefinitionStatesMax) {
    return InvalidField(field,
                        absl::StrCat("a machine has at most ", kDefinitionStatesMax, " states"),
                        v1::TOO_LARGE);
  }
  const int depth = parent < 0 ? 0 : states[parent].depth + 1;
  if (depth > kDefinitionDepthMax) {
    return InvalidField(field, absl::StrCat("states nest at most ", kDefinitionDepthMax, " deep"),
                        v1::TOO_LARGE);
  }

  const int index = static_cast<int>(states.size());
  if (!machine_->by_id_.emplace(node.id(), index).second) {
    return BadDefinition(field + ".id",
                         absl::StrCat("'", node.id(), "' is already another state's"));
  }
  StateNode& state = states.emplace_back();
  state.id = node.id();
  state.type = type;
  state.deep = node.history() == v1::StateNode::DEEP;
  state.parent = parent;
  state.depth = depth;
  state.done_event = absl::StrCat("done.state.", node.id());
  state.after_event = absl::StrCat("after.", node.id());
  if (type == v1::StateNode::HISTORY) states[parent].histories.push_back(index);
  if (type == v1::StateNode::PARALLEL) machine_->has_parallel_ = true;
  nodes_.push_back(&node);
  fields_.push_back(field);
  for (int i = 0; i < node.states_size(); ++i) {
    if (absl::Status status = AddState(node.states(i), index, Element(field, "states", i));
        !status.ok()) {
      return status;
    }
  }
  machine_->states_[index].end = static_cast<int>(machine_->states_.size());
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileState(int index) {
  const v1::StateNode& node = *nodes_[index];
  const std::string& field = fields_[index];
  StateNode& state = machine_->states_[index];
  if (absl::Status status = CompileInitial(index); !status.ok()) return status;
  for (const auto kind : {Edge::Kind::kOn, Edge::Kind::kAlways, Edge::Kind::kAfter}) {
    if (absl::Status status = CompileEdges(index, kind); !status.ok()) return status;
  }
  if (absl::Status status = CompileActions(node.entry(), field + ".entry", 0, &state.entry);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = CompileActions(node.exit(), field + ".exit", 0, &state.exit);
      !status.ok()) {
    return status;
  }
  if (!node.output().empty()) {
    absl::StatusOr<Expression> output = Parse(node.output(), field + ".output");
    if (!output.ok()) return output.status();
    state.output = *std::move(output);
  }
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileInitial(int index) {
  StateNode& state = machine_->states_[index];
  const bool history = state.is_history();
  if (state.type != v1::StateNode::COMPOUND && !history) return absl::OkStatus();
  const std::string field = fields_[index] + ".initial";
  if (nodes_[index]->initial().empty()) return DefaultOfHistory(index, field);
  absl::Status status = CompileTargets(nodes_[index]->initial(), field, &state.initial);
  if (!status.ok()) return status;
  const int within = history ? state.parent : index;
  for (size_t i = 0; i < state.initial.size(); ++i) {
    const StateNode& target = machine_->states_[state.initial[i]];
    const std::string target_field = absl::StrCat(field, "[", i, "]");
    if (!machine_->IsDescendant(state.initial[i], within)) {
      return BadDefinition(target_field, absl::StrCat("'", target.id, "' does not lie in '",
                                                      machine_->states_[within].id, "'"));
    }
    if (history && target.is_history()) {
      return BadDefinition(target_field, "what a history state begins with is no history state");
    }
  }
  return absl::OkStatus();
}

// Without one of its own a history state begins as its parent does.
absl::Status MachineCompiler::DefaultOfHistory(int index, const std::string& field) {
  StateNode& state = machine_->states_[index];
  const StateNode& parent = machine_->states_[state.parent];
  if (parent.type == v1::StateNode::PARALLEL) {
    for (int child = state.parent + 1; child < parent.end; child = machine_->states_[child].end) {
      if (!machine_->states_[child].is_history()) state.initial.push_back(child);
    }
    return absl::OkStatus();
  }
  for (const std::string& id : nodes_[state.parent]->initial()) {
    const int target = machine_->FindState(id);
    if (target >= 0 && machine_->states_[target].is_history()) {
      return BadDefinition(field, "must name a state, because its parent begins with a history");
    }
    if (target >= 0) state.initial.push_back(target);
  }
  return absl::OkStatus();
}

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

absl::Status MachineCompiler::CompileDelay(const google::protobuf::Duration* constant,
                                           const std::string& expression, const std::string& field,
                                           Delay* delay) {
  if (constant != nullptr) return ReadDuration(*constant, field + ".delay", &delay->constant_us);
  absl::StatusOr<Expression> parsed = Parse(expression, field + ".delay_expression");
  if (!parsed.ok()) return parsed.status();
  if (parsed->constant() != nullptr && !parsed->constant()->is_number()) {
    return InvalidField(field + ".delay_expression", "a delay is a number of seconds",
                        v1::INVALID_EXPRESSION);
  }
  delay->expression_s = *std::move(parsed);
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

absl::Status MachineCompiler::CompileActions(
    const google::protobuf::RepeatedPtrField<v1::Action>& source, const std::string& field,
    int depth, std::vector<Action>* actions) {
  if (depth > kActionDepthMax) {
    return InvalidField(field, absl::StrCat("`choose` nests at most ", kActionDepthMax, " deep"),
                        v1::TOO_LARGE);
  }
  actions->resize(source.size());
  for (int i = 0; i < source.size(); ++i) {
    absl::Status status =
        CompileAction(source[i], absl::StrCat(field, "[", i, "]"), depth, &(*actions)[i]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileAction(const v1::Action& source, const std::string& field,
                                            int depth, Action* action) {
  std::string data;
  std::string data_field;
  switch (source.kind_case()) {
    case v1::Action::kAssign: {
      action->kind = Action::Kind::kAssign;
      const auto find = [this](absl::string_view id) { return machine_->FindState(id); };
      absl::StatusOr<Location> location = Location::Parse(source.assign().location(), find);
      if (!location.ok()) {
        return InvalidField(field + ".assign.location", location.status().message(),
                            v1::INVALID_EXPRESSION);
      }
      action->location = *std::move(location);
      data = source.assign().value();
      data_field = field + ".assign.value";
      if (data.empty()) return BadDefinition(data_field, "must not be empty");
      break;
    }
    case v1::Action::kRaise: {
      action->kind = Action::Kind::kRaise;
      action->name = source.raise().event();
      absl::Status status = CheckEventName(action->name, field + ".raise.event");
      if (!status.ok()) return status;
      raised_.push_back(action->name);
      data = source.raise().data();
      data_field = field + ".raise.data";
      break;
    }
    case v1::Action::kSend: {
      absl::Status status = CompileSend(source.send(), field + ".send", action);
      if (!status.ok()) return status;
      data = source.send().data();
      data_field = field + ".send.data";
      break;
    }
    case v1::Action::kEmit: {
      action->kind = Action::Kind::kEmit;
      action->name = source.emit().name();
      absl::Status status = CheckEventName(action->name, field + ".emit.name");
      if (!status.ok()) return status;
      data = source.emit().data();
      data_field = field + ".emit.data";
      break;
    }
    case v1::Action::kChoose:
      return CompileChoose(source.choose(), field + ".choose", depth, action);
    case v1::Action::kCancel:
      action->kind = Action::Kind::kCancel;
      action->send_id = source.cancel().id();
      return CheckEventName(action->send_id, field + ".cancel.id");
    case v1::Action::KIND_NOT_SET:
      return BadDefinition(field, "an action is one of assign, raise, send, cancel, emit, choose");
  }
  if (!data.empty()) {
    absl::StatusOr<Expression> value = Parse(data, data_field);
    if (!value.ok()) return value.status();
    action->value = *std::move(value);
  }
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileSend(const v1::Send& source, const std::string& field,
                                          Action* action) {
  action->kind = Action::Kind::kSend;
  action->name = source.event();
  action->send_id = source.id();
  raised_.push_back(action->name);
  absl::Status status = CheckEventName(action->name, field + ".event");
  if (!status.ok()) return status;
  if (!action->send_id.empty()) {
    status = CheckEventName(action->send_id, field + ".id");
    if (!status.ok()) return status;
  }
  if (source.delay_expression().empty()) {
    return CompileDelay(&source.delay(), std::string(), field, &action->delay);
  }
  if (source.has_delay()) {
    return BadDefinition(field + ".delay_expression", "can't stand beside `delay`");
  }
  return CompileDelay(nullptr, source.delay_expression(), field, &action->delay);
}

absl::Status MachineCompiler::CompileChoose(const v1::Choose& source, const std::string& field,
                                            int depth, Action* action) {
  action->kind = Action::Kind::kChoose;
  if (source.branches().empty()) return BadDefinition(field + ".branches", "needs at least one");
  for (int i = 0; i < source.branches_size(); ++i) {
    const std::string branch_field = Element(field, "branches", i);
    Action::Branch& branch = action->branches.emplace_back();
    const std::string& guard_text = source.branches(i).guard();
    if (guard_text.empty() && i + 1 != source.branches_size()) {
      return BadDefinition(branch_field + ".guard", "only the last branch goes without a guard");
    }
    if (!guard_text.empty()) {
      absl::StatusOr<Expression> guard = Parse(guard_text, branch_field + ".guard");
      if (!guard.ok()) return guard.status();
      branch.guard = *std::move(guard);
    }
    absl::Status status = CompileActions(source.branches(i).actions(), branch_field + ".actions",
                                         depth + 1, &branch.actions);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Expression> MachineCompiler::Parse(const std::string& text,
                                                  const std::string& field) const {
  const auto find = [this](absl::string_view id) { return machine_->FindState(id); };
  absl::StatusOr<Expression> expression = Expression::Parse(text, find);
  if (!expression.ok()) {
    return InvalidField(field, expression.status().message(), v1::INVALID_EXPRESSION);
  }
  return expression;
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
