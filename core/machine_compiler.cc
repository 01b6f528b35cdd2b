#include "core/machine_compiler.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/definition_encoding.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "core/struct_value.h"

namespace swoosh {
namespace {

constexpr int kActionDepthMax = 16;

absl::Status Unsupported(absl::string_view field, absl::string_view what) {
  return InvalidField(field, absl::StrCat(what, " is not supported by this version"),
                      v1::UNSUPPORTED_FEATURE);
}

absl::Status BadDefinition(absl::string_view field, absl::string_view why) {
  return InvalidField(field, why, v1::INVALID_DEFINITION);
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
    absl::string_view ns, const v1::Machine& definition, uint32_t version,
    absl::string_view field) {
  MachineCompiler compiler;
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
    return Unsupported(absl::StrCat(field, ".retention"), "retention");
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
  if (node.history() != v1::StateNode::HISTORY_UNSPECIFIED) {
    return Unsupported(field + ".history", "history");
  }
  if (!node.after().empty()) return Unsupported(field + ".after", "an `after` edge");
  switch (type) {
    case v1::StateNode::PARALLEL:
      return Unsupported(field + ".type", "PARALLEL");
    case v1::StateNode::HISTORY:
      return Unsupported(field + ".type", "HISTORY");
    case v1::StateNode::ATOMIC:
      if (node.states_size() > 0) return BadDefinition(field + ".states", "ATOMIC has none");
      if (node.initial_size() > 0) return BadDefinition(field + ".initial", "ATOMIC has none");
      break;
    case v1::StateNode::FINAL:
      if (parent < 0) return BadDefinition(field + ".type", "the root can't be FINAL");
      if (node.states_size() > 0) return BadDefinition(field + ".states", "FINAL has none");
      if (node.initial_size() > 0) return BadDefinition(field + ".initial", "FINAL has none");
      if (node.on_size() > 0) return BadDefinition(field + ".on", "FINAL has no edges");
      if (node.always_size() > 0) return BadDefinition(field + ".always", "FINAL has no edges");
      break;
    case v1::StateNode::COMPOUND:
      if (node.states_size() == 0) return BadDefinition(field + ".states", "COMPOUND needs some");
      if (node.initial_size() == 0) {
        return BadDefinition(field + ".initial", "a compound state names the state it begins in");
      }
      if (node.initial_size() > 1) {
        return Unsupported(field + ".initial", "more than one initial state");
      }
      break;
    default:
      return BadDefinition(field + ".type", "is not one of the known types");
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
  state.parent = parent;
  state.depth = depth;
  state.done_event = absl::StrCat("done.state.", node.id());
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
  if (absl::Status status = CompileEdges(index, false); !status.ok()) return status;
  if (absl::Status status = CompileEdges(index, true); !status.ok()) return status;
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
  if (state.type != v1::StateNode::COMPOUND) return absl::OkStatus();
  const std::string field = fields_[index] + ".initial[0]";
  const std::string& id = nodes_[index]->initial(0);
  const int initial = machine_->FindState(id);
  if (initial < 0) return BadDefinition(field, absl::StrCat("there is no state '", id, "'"));
  if (!machine_->IsDescendant(initial, index)) {
    return BadDefinition(field, absl::StrCat("'", id, "' does not lie in '", state.id, "'"));
  }
  state.initial = initial;
  return absl::OkStatus();
}

absl::Status MachineCompiler::CompileEdges(int index, bool eventless) {
  const auto& source = eventless ? nodes_[index]->always() : nodes_[index]->on();
  for (int i = 0; i < source.size(); ++i) {
    const std::string field = Element(fields_[index], eventless ? "always" : "on", i);
    absl::StatusOr<Edge> edge = CompileEdge(source[i], index, eventless, i, field);
    if (!edge.ok()) return edge.status();
    StateNode& state = machine_->states_[index];
    (eventless ? state.always : state.on).push_back(*std::move(edge));
  }
  return absl::OkStatus();
}

absl::StatusOr<Edge> MachineCompiler::CompileEdge(const v1::Edge& source, int index, bool eventless,
                                                  int ordinal, const std::string& field) {
  Edge edge;
  edge.source = index;
  edge.id = source.id().empty() ? absl::StrCat(machine_->states_[index].id,
                                               eventless ? "/always/" : "/on/", ordinal)
                                : source.id();
  if (edge.id.size() > kEventNameBytesMax) {
    return BadDefinition(field + ".id", "is too long");
  }
  if (!edge_ids_.insert(edge.id).second) {
    return BadDefinition(field + ".id", absl::StrCat("'", edge.id, "' is already another edge's"));
  }
  if (source.when_case() != v1::Edge::WHEN_NOT_SET) {
    return BadDefinition(field + (source.has_delay() ? ".delay" : ".delay_expression"),
                         "only an `after` edge has a delay");
  }
  if (!source.external_guard().empty()) {
    return Unsupported(field + ".external_guard", "an external guard");
  }
  if (eventless && !source.event().empty()) {
    return BadDefinition(field + ".event", "an `always` edge has no event");
  }
  if (!eventless) {
    edge.event_text = source.event();
    absl::Status status = CompileDescriptors(source.event(), field + ".event", &edge.events);
    if (!status.ok()) return status;
  }
  if (absl::Status status = CompileTarget(source, field, &edge); !status.ok()) return status;
  if (!source.guard().empty()) {
    absl::StatusOr<Expression> guard = Parse(source.guard(), field + ".guard");
    if (!guard.ok()) return guard.status();
    if (guard->constant() != nullptr && !guard->constant()->is_bool()) {
      return InvalidField(field + ".guard", "a guard is true or false", v1::INVALID_EXPRESSION);
    }
    edge.guard = *std::move(guard);
  }
  absl::Status status = CompileActions(source.actions(), field + ".actions", 0, &edge.actions);
  if (!status.ok()) return status;
  return edge;
}

absl::Status MachineCompiler::CompileTarget(const v1::Edge& source, const std::string& field,
                                            Edge* edge) {
  edge->internal = source.internal();
  if (source.target_size() > 1) return Unsupported(field + ".target", "more than one target");
  if (source.target_size() == 0) {
    if (source.internal()) return BadDefinition(field + ".internal", "needs a target");
    return absl::OkStatus();
  }
  const std::string& id = source.target(0);
  edge->target = machine_->FindState(id);
  if (edge->target < 0) {
    return BadDefinition(field + ".target[0]", absl::StrCat("there is no state '", id, "'"));
  }
  if (edge->target == 0) {
    return BadDefinition(field + ".target[0]", "the root is never left, so it can't be entered");
  }
  edge->domain = Domain(*edge);
  return absl::OkStatus();
}

// getTransitionDomain of the standard. The root stands for the <scxml> element: it is never left,
// and is the domain of its own edges.
int MachineCompiler::Domain(const Edge& edge) const {
  const std::vector<StateNode>& states = machine_->states_;
  const bool inside = machine_->IsDescendant(edge.target, edge.source);
  if (inside && (edge.internal || edge.source == 0)) return edge.source;
  int ancestor = edge.source == 0 ? 0 : states[edge.source].parent;
  while (!machine_->IsDescendant(edge.target, ancestor)) ancestor = states[ancestor].parent;
  return ancestor;
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
      data = source.raise().data();
      data_field = field + ".raise.data";
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
    case v1::Action::kSend:
      return Unsupported(field + ".send", "`send`");
    case v1::Action::kCancel:
      return Unsupported(field + ".cancel", "`cancel`");
    case v1::Action::KIND_NOT_SET:
      return BadDefinition(field, "an action is one of assign, raise, emit, choose");
  }
  if (!data.empty()) {
    absl::StatusOr<Expression> value = Parse(data, data_field);
    if (!value.ok()) return value.status();
    action->value = *std::move(value);
  }
  return absl::OkStatus();
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

int MachineCompiler::DefaultAtomic(int state) const {
  while (machine_->states_[state].initial >= 0) state = machine_->states_[state].initial;
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

absl::Status MachineCompiler::CheckEventlessCycles() const {
  const int count = static_cast<int>(machine_->states_.size());
  std::vector<bool> known_to_end(count, false);
  for (int start = 0; start < count; ++start) {
    if (machine_->states_[start].initial >= 0) continue;
    std::vector<int> path;
    absl::flat_hash_set<int> on_path;
    int state = start;
    while (!known_to_end[state] && on_path.insert(state).second) {
      path.push_back(state);
      const Edge* edge = CertainEventlessEdge(state);
      const bool ends_machine = machine_->states_[state].type == v1::StateNode::FINAL &&
                                machine_->states_[state].parent == 0;
      if (edge == nullptr || ends_machine) {
        known_to_end[state] = true;
        break;
      }
      if (edge->target >= 0) state = DefaultAtomic(edge->target);
    }
    if (!known_to_end[state]) {
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
