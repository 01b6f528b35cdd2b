#include "cli/conversion/xstate_chart.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/limits.h"

namespace swoosh {
namespace {

// What XState calls a machine that has no id.
constexpr char kUnnamedMachine[] = "(machine)";

// "0", "12", but not "012": the keys that JavaScript sorts.
std::optional<uint32_t> ArrayIndex(absl::string_view key) {
  uint32_t index = 0;
  const bool digits = !key.empty() && key.find_first_not_of("0123456789") == key.npos;
  if (!digits || (key[0] == '0' && key.size() > 1)) return std::nullopt;
  if (!absl::SimpleAtoi(key, &index) || index == std::numeric_limits<uint32_t>::max()) {
    return std::nullopt;
  }
  return index;
}

// "a.b" as {"a", "b"}; a backslash takes the next character as it is.
std::vector<std::string> SplitPath(absl::string_view path) {
  std::vector<std::string> steps(1);
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '.') {
      steps.emplace_back();
    } else {
      if (path[i] == '\\' && i + 1 < path.size()) ++i;
      steps.back().push_back(path[i]);
    }
  }
  return steps;
}

}  // namespace

const Node::Member* FindMember(const Node& map, absl::string_view key) {
  for (const Node::Member& member : map.members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

std::vector<const Node::Member*> InKeyOrder(const Node& map) {
  std::vector<std::pair<uint32_t, const Node::Member*>> indexes;
  std::vector<const Node::Member*> others;
  for (const Node::Member& member : map.members) {
    if (const std::optional<uint32_t> index = ArrayIndex(member.key)) {
      indexes.push_back({*index, &member});
    } else {
      others.push_back(&member);
    }
  }
  std::sort(indexes.begin(), indexes.end());
  std::vector<const Node::Member*> ordered;
  for (const auto& [index, member] : indexes) ordered.push_back(member);
  ordered.insert(ordered.end(), others.begin(), others.end());
  return ordered;
}

std::vector<const Node*> ItemsOf(const Node& node) {
  if (node.kind != Node::Kind::kList) return {&node};
  std::vector<const Node*> items;
  for (const Node& item : node.items) items.push_back(&item);
  return items;
}

std::string Below(absl::string_view where, absl::string_view step) {
  return absl::StrCat(where, where.empty() ? "" : ".", step);
}

std::string CleanName(absl::string_view name) {
  std::string clean;
  for (const char c : name) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || absl::StrContains("._~-", c)) {
      clean.push_back(c);
    } else if ((byte & 0xc0) != 0x80) {  // the first byte of a character
      clean.push_back('_');
    }
  }
  return clean;
}

XStateChart XStateChart::Read(const Node& config, absl::string_view name, Refusals* refusals) {
  XStateChart chart;
  chart.AddState(config, config.position, "", -1, refusals);
  chart.NameStates(name, refusals);
  return chart;
}

void XStateChart::AddState(const Node& config, const Position& position, absl::string_view key,
                           int parent, Refusals* refusals) {
  const int index = static_cast<int>(states_.size());
  XStateState& state = states_.emplace_back();
  state.config = &config;
  state.position = position;
  state.key = std::string(key);
  state.parent = parent;
  if (parent >= 0) {
    state.where = Below(states_[parent].where, absl::StrCat("states.", key));
    states_[parent].children.push_back(index);
    by_key_.emplace(std::make_pair(parent, state.key), index);
  }
  ReadXStateId(index, refusals);
  ReadType(index, refusals);
  AddChildren(index, refusals);
  states_[index].end = static_cast<int>(states_.size());
}

void XStateChart::AddChildren(int state, Refusals* refusals) {
  const std::string where = states_[state].where;
  const Node::Member* children = FindMember(*states_[state].config, "states");
  if (children == nullptr) return;
  if (children->value.kind != Node::Kind::kMap) {
    refusals->Add(children->value.position, Below(where, "states"), "must be a map of states");
    return;
  }
  for (const Node::Member* child : InKeyOrder(children->value)) {
    const std::string child_where = Below(where, absl::StrCat("states.", child->key));
    if (child->value.kind != Node::Kind::kMap) {
      refusals->Add(child->value.position, child_where,
                    absl::StrCat("a state must be a map, not ", KindName(child->value.kind)));
    } else if (child->key.empty()) {
      refusals->Add(child->position, child_where, "a state needs a name");
    } else {
      AddState(child->value, child->position, child->key, state, refusals);
    }
  }
}

void XStateChart::ReadXStateId(int index, Refusals* refusals) {
  XStateState& state = states_[index];
  const Node::Member* id = FindMember(*state.config, "id");
  if (id != nullptr && id->value.kind == Node::Kind::kString && !id->value.text.empty()) {
    state.xstate_id = id->value.text;
  } else if (id != nullptr) {
    refusals->Add(id->value.position, Below(state.where, "id"), "must be text, and not empty");
    return;
  } else {
    state.xstate_id =
        index == 0 ? kUnnamedMachine : absl::StrCat(states_[0].xstate_id, ".", PathOf(index));
  }
  if (!by_xstate_id_.emplace(state.xstate_id, index).second) {
    refusals->Add(state.position, state.where,
                  absl::StrCat("the id '", state.xstate_id, "' is another state's too"));
  }
}

void XStateChart::ReadType(int index, Refusals* refusals) {
  XStateState& state = states_[index];
  const Node::Member* children = FindMember(*state.config, "states");
  const bool has_children = children != nullptr && !children->value.members.empty();
  const Node::Member* type = FindMember(*state.config, "type");
  if (type == nullptr) {
    const bool history = FindMember(*state.config, "history") != nullptr;
    state.type = has_children ? v1::StateNode::COMPOUND
                 : history    ? v1::StateNode::HISTORY
                              : v1::StateNode::ATOMIC;
    return;
  }
  static constexpr std::pair<absl::string_view, v1::StateNode::Type> kTypes[] = {
      {"atomic", v1::StateNode::ATOMIC},     {"compound", v1::StateNode::COMPOUND},
      {"parallel", v1::StateNode::PARALLEL}, {"final", v1::StateNode::FINAL},
      {"history", v1::StateNode::HISTORY},
  };
  for (const auto& [name, value] : kTypes) {
    if (type->value.kind != Node::Kind::kString || type->value.text != name) continue;
    state.type = value;
    const bool needs_children =
        value == v1::StateNode::COMPOUND || value == v1::StateNode::PARALLEL;
    if (needs_children != has_children) {
      refusals->Add(type->position, Below(state.where, "type"),
                    absl::StrCat("a state of type ", name,
                                 needs_children ? " needs states" : " has no states"));
    }
    return;
  }
  refusals->Add(type->value.position, Below(state.where, "type"),
                "must be \"atomic\", \"compound\", \"parallel\", \"final\" or \"history\"");
}

std::string XStateChart::PathOf(int state) const {
  const XStateState& node = states_[state];
  return node.parent <= 0 ? node.key : absl::StrCat(PathOf(node.parent), ".", node.key);
}

void XStateChart::NameStates(absl::string_view name, Refusals* refusals) {
  states_[0].id = std::string(name);
  absl::flat_hash_map<std::string, int> uses;
  ++uses[states_[0].id];
  for (size_t i = 1; i < states_.size(); ++i) ++uses[CleanName(states_[i].key)];
  absl::flat_hash_set<std::string> taken = {states_[0].id};
  for (size_t i = 1; i < states_.size(); ++i) {
    const std::string id = CleanName(states_[i].key);
    if (uses[id] > 1) continue;
    states_[i].id = id;
    taken.insert(id);
  }
  for (size_t i = 1; i < states_.size(); ++i) {
    XStateState& state = states_[i];
    if (state.id.empty()) {
      const std::string path = CleanName(PathOf(static_cast<int>(i)));
      state.id = taken.contains(path) ? absl::StrCat(name, ".", path) : path;
      if (!taken.insert(state.id).second) {
        refusals->Add(state.position, state.where,
                      absl::StrCat("its name in the machine, '", state.id,
                                   "', is another state's too: rename it"));
      }
    }
    if (state.id.size() > kStateIdBytesMax) {
      refusals->Add(state.position, state.where,
                    absl::StrCat("its name in the machine has ", state.id.size(),
                                 " bytes; at most ", kStateIdBytesMax, " are allowed"));
    }
  }
}

int XStateChart::LeastCommonAncestor(const std::vector<int>& of) const {
  for (int ancestor = states_[of.front()].parent; ancestor >= 0;
       ancestor = states_[ancestor].parent) {
    const auto inside = [&](int state) { return IsInside(state, ancestor); };
    if (std::all_of(of.begin(), of.end(), inside)) return ancestor;
  }
  return -1;
}

int XStateChart::FindChild(int parent, absl::string_view key) const {
  const auto found = by_key_.find(std::make_pair(parent, std::string(key)));
  return found == by_key_.end() ? -1 : found->second;
}

int XStateChart::FindXStateId(absl::string_view xstate_id) const {
  const auto found = by_xstate_id_.find(xstate_id);
  return found == by_xstate_id_.end() ? -1 : found->second;
}

absl::StatusOr<int> XStateChart::Descend(int from, const std::vector<std::string>& path,
                                         size_t first) const {
  for (size_t i = first; i < path.size(); ++i) {
    const int child = FindChild(from, path[i]);
    if (child < 0) {
      const std::string& in = states_[from].key;
      return absl::InvalidArgumentError(absl::StrCat("there is no state '", path[i], "' in ",
                                                     from == 0 ? "the machine" : "'" + in + "'"));
    }
    from = child;
  }
  return from;
}

absl::StatusOr<int> XStateChart::ResolveId(absl::string_view target) const {
  const std::vector<std::string> path = SplitPath(target.substr(1));
  const int state = FindXStateId(path[0]);
  if (state < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no state with the id '", path[0], "'"));
  }
  return Descend(state, path, 1);
}

absl::StatusOr<int> XStateChart::ResolveTarget(int state, absl::string_view target) const {
  if (absl::StartsWith(target, "#")) return ResolveId(target);
  if (absl::StartsWith(target, ".")) return Descend(state, SplitPath(target.substr(1)), 0);
  const int parent = states_[state].parent;
  if (parent < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the root has no siblings; did you mean '.", target, "'?"));
  }
  return Descend(parent, SplitPath(target), 0);
}

absl::StatusOr<int> XStateChart::ResolveHistoryTarget(int history, absl::string_view target) const {
  if (absl::StartsWith(target, "#")) return ResolveId(target);
  return Descend(states_[history].parent, SplitPath(target), 0);
}

}  // namespace swoosh
