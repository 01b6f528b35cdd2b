#include "core/statechart/machine_compiler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/names.h"
#include "core/statechart/definition_encoding.h"
#include "core/struct_value.h"

namespace swoosh {

absl::Status BadDefinition(absl::string_view field, absl::string_view why) {
  return InvalidField(field, why, v1::INVALID_DEFINITION);
}

std::string Element(const std::string& field, absl::string_view list, int i) {
  return absl::StrCat(field, ".", list, "[", i, "]");
}

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
  if (node.always_size() > 0) machine_->has_eventless_ = true;
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

}  // namespace swoosh
