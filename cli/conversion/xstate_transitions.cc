#include "cli/conversion/xstate_transitions.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/conversion/xstate_actions.h"
#include "core/names.h"

namespace swoosh {
namespace {

constexpr char kDonePrefix[] = "xstate.done.state.";
constexpr char kAnyEvent[] = "*";

bool IsWildcard(absl::string_view descriptor) {
  return descriptor == kAnyEvent || absl::EndsWith(descriptor, ".*");
}

// "a.b.*" without its end.
absl::string_view WildcardPrefix(absl::string_view descriptor) {
  absl::ConsumeSuffix(&descriptor, ".*");
  return descriptor;
}

// Why a member of a transition is refused.
std::string ReasonAgainst(absl::string_view key) {
  if (key == "cond") return "is XState v4; v5 calls it guard";
  if (key == "internal") return "is XState v4; v5 has reenter, its opposite";
  if (key == "in") return "is XState v4, and has no counterpart here";
  return "is not understood; a transition has target, guard, actions and reenter";
}

}  // namespace

bool XStateDescriptorsOverlap(absl::string_view a, absl::string_view b) {
  if (a == kAnyEvent || b == kAnyEvent || a == b) return true;
  const bool wide_a = IsWildcard(a);
  const bool wide_b = IsWildcard(b);
  const absl::string_view prefix_a = WildcardPrefix(a);
  const absl::string_view prefix_b = WildcardPrefix(b);
  const auto begins = [](absl::string_view name, absl::string_view prefix) {
    return name == prefix || (absl::StartsWith(name, prefix) && name[prefix.size()] == '.');
  };
  return (wide_a && begins(prefix_b, prefix_a)) || (wide_b && begins(prefix_a, prefix_b));
}

void XStateTransitions::Convert(int state, v1::StateNode* node) {
  const XStateState& source = chart_.states()[state];
  taken_by_state_.resize(chart_.states().size());
  ConvertOn(state, node);
  if (const Node::Member* always = FindMember(*source.config, "always")) {
    Trigger trigger;
    trigger.list = List::kAlways;
    ConvertList(state, trigger, always->value, always->position, Below(source.where, "always"),
                node);
  }
  ConvertAfter(state, node);
}

std::string XStateTransitions::EventOf(int state, const Node::Member& member,
                                       absl::string_view where) {
  const std::string& key = member.key;
  if (key == kAnyEvent) return key;
  absl::string_view done = key;
  if (absl::ConsumePrefix(&done, kDonePrefix)) {
    const int of = chart_.FindXStateId(done);
    if (of < 0) {
      refusals_->Add(member.position, where,
                     absl::StrCat("there is no state with the id '", done, "'"));
      return "";
    }
    if (of == state && FindMember(*chart_.states()[state].config, "onDone") != nullptr) {
      refusals_->Add(member.position, where, "onDone of the same state replaces it");
      return "";
    }
    return absl::StrCat("done.state.", chart_.states()[of].id);
  }
  const absl::string_view name = WildcardPrefix(key);
  if (key.empty()) {
    refusals_->Add(member.position, where, "an event without a name; v5 has `always`");
    return "";
  }
  if (IsWildcard(key) && XStateDescriptorsOverlap(key, "done.state.*")) {
    refusals_->Add(member.position, where,
                   absl::StrCat("'", key, "' would take the interpreter's done.state events too"));
    return "";
  }
  return CheckXStateName(name, "event", member.position, where, refusals_) ? key : "";
}

// XState asks exact names first, then wildcards, the longest first.
void XStateTransitions::ConvertOn(int state, v1::StateNode* node) {
  const XStateState& source = chart_.states()[state];
  const std::string where = Below(source.where, "on");
  std::vector<const Node::Member*> members;
  const Node::Member* on = FindMember(*source.config, "on");
  if (on != nullptr && on->value.kind != Node::Kind::kMap) {
    refusals_->Add(on->value.position, where, "must be a map from events to transitions");
  } else if (on != nullptr) {
    members = InKeyOrder(on->value);
  }
  std::stable_sort(members.begin(), members.end(), [](const auto* a, const auto* b) {
    const auto rank = [](const Node::Member& member) {
      return IsWildcard(member.key) ? -static_cast<int64_t>(member.key.size())
                                    : std::numeric_limits<int64_t>::min();
    };
    return rank(*a) < rank(*b);
  });
  bool done_converted = false;
  for (const Node::Member* member : members) {
    if (IsWildcard(member->key) && !std::exchange(done_converted, true)) ConvertOnDone(state, node);
    const std::string member_where = Below(where, member->key);
    Trigger trigger;
    trigger.event = EventOf(state, *member, member_where);
    if (trigger.event.empty()) continue;
    ConvertList(state, trigger, member->value, member->position, member_where, node);
  }
  if (!done_converted) ConvertOnDone(state, node);
}

void XStateTransitions::ConvertOnDone(int state, v1::StateNode* node) {
  const XStateState& source = chart_.states()[state];
  const Node::Member* done = FindMember(*source.config, "onDone");
  if (done == nullptr) return;
  const std::string where = Below(source.where, "onDone");
  if (state == 0) {
    refusals_->Add(done->position, where, "the machine is over when its root is done");
    return;
  }
  if (source.type != v1::StateNode::COMPOUND && source.type != v1::StateNode::PARALLEL) {
    refusals_->Add(done->position, where, "only a compound or parallel state is ever done");
    return;
  }
  for (const int child : source.children) {
    const v1::StateNode::Type type = chart_.states()[child].type;
    if (source.type != v1::StateNode::PARALLEL) break;
    if (type == v1::StateNode::PARALLEL || type == v1::StateNode::FINAL) {
      refusals_->Add(done->position, where,
                     absl::StrCat("its region '", chart_.states()[child].key,
                                  "' is parallel or final: SCXML counts compound regions only"));
      return;
    }
  }
  Trigger trigger;
  trigger.event = absl::StrCat("done.state.", source.id);
  ConvertList(state, trigger, done->value, done->position, where, node);
}

void XStateTransitions::ConvertAfter(int state, v1::StateNode* node) {
  const XStateState& source = chart_.states()[state];
  const Node::Member* after = FindMember(*source.config, "after");
  if (after == nullptr) return;
  const std::string where = Below(source.where, "after");
  if (after->value.kind != Node::Kind::kMap) {
    refusals_->Add(after->value.position, where, "must be a map from delays to transitions");
    return;
  }
  states_with_after_.push_back(state);
  for (const Node::Member* member : InKeyOrder(after->value)) {
    const std::string member_where = Below(where, member->key);
    const auto delay = ParseMilliseconds(member->key);
    if (!delay.has_value()) {
      refusals_->Add(member->position, member_where,
                     "a delay is a number of milliseconds of at most 100 years; one that is named "
                     "is known to the program only");
      continue;
    }
    if (ItemsOf(member->value).size() > 1) {
      refusals_->Add(member->value.position, member_where,
                     "of several transitions without an imported guard only the first is ever "
                     "taken: leave one");
      continue;
    }
    Trigger trigger;
    trigger.list = List::kAfter;
    trigger.delay = *delay;
    ConvertList(state, trigger, member->value, member->position, member_where, node);
  }
}

void XStateTransitions::ConvertList(int state, const Trigger& trigger, const Node& node,
                                    const Position& position, absl::string_view where,
                                    v1::StateNode* to) {
  const std::vector<const Node*> items = ItemsOf(node);
  if (items.empty()) refusals_->Add(node.position, where, "holds no transition");
  for (size_t i = 0; i < items.size(); ++i) {
    const bool in_list = node.kind == Node::Kind::kList;
    ConvertOne(state, trigger, *items[i], in_list ? items[i]->position : position,
               in_list ? absl::StrCat(where, "[", i, "]") : std::string(where), to);
  }
}

void XStateTransitions::CheckMembers(const Node& node, absl::string_view where) {
  for (const Node::Member& member : node.members) {
    const std::string& key = member.key;
    if (key == "target" || key == "guard" || key == "actions" || key == "reenter") continue;
    if (key == "description" || key == "meta") {
      if (dropped_.contains(key)) continue;
      refusals_->Add(member.position, Below(where, key),
                     absl::StrCat("a machine has no place for it; --drop ", key, " leaves it out"));
    } else {
      refusals_->Add(member.position, Below(where, key), ReasonAgainst(key));
    }
  }
}

void XStateTransitions::ConvertOne(int state, const Trigger& trigger, const Node& node,
                                   const Position& position, const std::string& where,
                                   v1::StateNode* to) {
  Node short_form;
  const Node* source = &node;
  if (node.kind == Node::Kind::kString) {
    short_form.kind = Node::Kind::kMap;
    short_form.position = node.position;
    short_form.members.push_back({"target", node.position, node});
    source = &short_form;
  } else if (node.kind != Node::Kind::kMap) {
    refusals_->Add(node.position, where, "must be a target, or a map that describes a transition");
    return;
  }
  CheckMembers(*source, where);
  v1::Edge edge;
  edge.set_event(trigger.event);
  if (trigger.list == List::kAfter) *edge.mutable_delay() = trigger.delay;
  SetGuard(trigger, *source, where, &edge);
  bool reenter = false;
  if (const Node::Member* member = FindMember(*source, "reenter")) {
    reenter = member->value.boolean;
    if (member->value.kind != Node::Kind::kBool) {
      refusals_->Add(member->value.position, Below(where, "reenter"), "must be true or false");
    }
  }
  const std::vector<int> targets = ResolveTargets(state, *source, where);
  SetTargets(state, targets, reenter, position, where, &edge);
  const bool stays = std::all_of(targets.begin(), targets.end(), [&](int target) {
    return target == state || chart_.IsInside(target, state);
  });
  if (trigger.list == List::kAlways && stays) {
    refusals_->Add(position, where,
                   "does not lead out of its state, so it would be taken for ever; XState stops "
                   "when nothing changes any more");
  }
  if (const Node::Member* actions = FindMember(*source, "actions")) {
    ConvertXStateActions(actions->value, Below(where, "actions"), refusals_,
                         edge.mutable_actions());
  }
  switch (trigger.list) {
    case List::kAlways:
      *to->add_always() = std::move(edge);
      return;
    case List::kAfter:
      *to->add_after() = std::move(edge);
      return;
    case List::kOn:
      *to->add_on() = std::move(edge);
      taken_by_state_[state].push_back(taken_.size());
      taken_.push_back({state, to->mutable_on(to->on_size() - 1), position, where});
  }
}

std::vector<int> XStateTransitions::ResolveTargets(int state, const Node& node,
                                                   absl::string_view where) {
  std::vector<int> targets;
  const Node::Member* member = FindMember(node, "target");
  if (member == nullptr) return targets;
  const std::string target_where = Below(where, "target");
  if (member->value.kind == Node::Kind::kList && member->value.items.empty()) {
    refusals_->Add(member->value.position, target_where, "names no state");
  }
  for (const Node* item : ItemsOf(member->value)) {
    if (item->kind != Node::Kind::kString) {
      refusals_->Add(item->position, target_where, "must be the text of a target");
      continue;
    }
    const absl::StatusOr<int> target = chart_.ResolveTarget(state, item->text);
    if (target.ok()) {
      targets.push_back(*target);
    } else {
      refusals_->Add(item->position, target_where, target.status().message());
    }
  }
  return targets;
}

void XStateTransitions::SetGuard(const Trigger& trigger, const Node& node, absl::string_view where,
                                 v1::Edge* edge) {
  const Node::Member* member = FindMember(node, "guard");
  if (member == nullptr) return;
  const std::string guard_where = Below(where, "guard");
  const Node* name = &member->value;
  if (name->kind == Node::Kind::kMap) {
    for (const Node::Member& each : member->value.members) {
      if (each.key == "type") {
        name = &each.value;
      } else {
        refusals_->Add(each.position, Below(guard_where, each.key),
                       "a guard has a name only; the provider sees context and event");
      }
    }
  }
  if (name->kind != Node::Kind::kString) {
    refusals_->Add(member->value.position, guard_where,
                   "must be the name of a guard; a function can't be in JSON");
  } else if (absl::StartsWith(name->text, "xstate.")) {
    refusals_->Add(name->position, guard_where,
                   absl::StrCat(name->text, " combines guards, which can't be imported"));
  } else if (trigger.list != List::kOn) {
    refusals_->Add(name->position, guard_where,
                   "a named guard is asked of the guard provider when an event comes; write an "
                   "expression in its place after the import");
  } else if (IsReservedEvent(trigger.event)) {
    refusals_->Add(name->position, guard_where,
                   "the guard provider decides about clients' events only");
  } else if (CheckXStateName(name->text, "external guard", name->position, guard_where,
                             refusals_)) {
    edge->set_external_guard(name->text);
  }
}

}  // namespace swoosh
