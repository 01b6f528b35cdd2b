// Where XState v5 and SCXML take the same edges and yet do something else.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/conversion/literal.h"
#include "cli/conversion/xstate_transitions.h"

namespace swoosh {
namespace {

using Actions = google::protobuf::RepeatedPtrField<v1::Action>;

void CollectRaised(const Actions& actions, std::set<std::string>* events) {
  for (const v1::Action& action : actions) {
    if (action.has_raise()) events->insert(action.raise().event());
    if (action.has_send()) events->insert(action.send().event());
  }
}

void CollectRaised(const v1::StateNode& node, std::set<std::string>* events) {
  CollectRaised(node.entry(), events);
  CollectRaised(node.exit(), events);
  for (const auto* edges : {&node.on(), &node.always(), &node.after()}) {
    for (const v1::Edge& edge : *edges) CollectRaised(edge.actions(), events);
  }
  for (const v1::StateNode& child : node.states()) CollectRaised(child, events);
}

// The events that a machine knows.
struct Vocabulary {
  std::set<std::string> names;
  std::set<std::string> prefixes;  // of wildcards
  bool any = false;

  // Whether XState may see an event that begins with `name` and a dot, and tell the two apart.
  bool HasLonger(const std::string& name) const {
    if (any || prefixes.contains(name)) return true;
    const std::string begin = name + ".";
    for (const auto* set : {&names, &prefixes}) {
      const auto next = set->lower_bound(begin);
      if (next != set->end() && absl::StartsWith(*next, begin)) return true;
    }
    for (size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
      if (prefixes.contains(name.substr(0, dot))) return true;
    }
    return false;
  }
};

void CollectVocabulary(const v1::StateNode& node, Vocabulary* vocabulary) {
  for (const v1::Edge& edge : node.on()) {
    absl::string_view event = edge.event();
    if (event == "*") {
      vocabulary->any = true;
    } else if (absl::ConsumeSuffix(&event, ".*")) {
      vocabulary->prefixes.emplace(event);
    } else {
      vocabulary->names.emplace(event);
    }
  }
  if (node.states_size() > 0) vocabulary->names.insert(absl::StrCat("done.state.", node.id()));
  for (const v1::StateNode& child : node.states()) CollectVocabulary(child, vocabulary);
}

void AddCondition(const std::string& condition, v1::Edge* edge) {
  edge->set_guard(absl::StrCat(edge->guard(), edge->guard().empty() ? "" : " && ", condition));
}

// XState tells "failed" from "failed.lint"; for SCXML one is a prefix of the other. So an edge that
// names an event exactly is held to it, where the machine knows of longer ones.
void Restrict(const Vocabulary& vocabulary, v1::StateNode* node) {
  for (v1::Edge& edge : *node->mutable_on()) {
    if (absl::EndsWith(edge.event(), "*") || !vocabulary.HasLonger(edge.event())) continue;
    AddCondition(absl::StrCat("event.name == ", StringLiteral(edge.event())), &edge);
  }
  for (v1::StateNode& child : *node->mutable_states()) Restrict(vocabulary, &child);
}

// Of the events that `outer` matches, those that `inner` matches too, as a condition; "" for all.
// Requires that there are some.
std::string ConditionOfInner(absl::string_view inner, absl::string_view outer) {
  absl::string_view prefix = inner;
  const bool is_wildcard = absl::ConsumeSuffix(&prefix, ".*");
  if (inner == "*" || inner == outer || (is_wildcard && !absl::EndsWith(outer, "*"))) return "";
  if (is_wildcard && absl::StartsWith(outer, absl::StrCat(prefix, "."))) return "";
  const std::string exact = absl::StrCat("event.name == ", StringLiteral(prefix));
  if (!is_wildcard) return exact;
  return absl::StrCat("(", exact, " || event.name.startsWith(",
                      StringLiteral(absl::StrCat(prefix, ".")), "))");
}

}  // namespace

// XState's domain of a transition is the least common ancestor, be it parallel; SCXML's is
// compound. So where XState's is parallel, SCXML leaves and enters that state as well.
void XStateTransitions::SetTargets(int state, const std::vector<int>& targets, bool reenter,
                                   const Position& position, absl::string_view where,
                                   v1::Edge* edge) {
  const XStateState& source = chart_.states()[state];
  if (targets.empty()) {
    if (reenter) {
      refusals_->Add(position, where,
                     "reenter does nothing without a target: name the state itself");
    }
    return;
  }
  const bool to_self = std::find(targets.begin(), targets.end(), state) != targets.end();
  if (to_self && targets.size() > 1) {
    refusals_->Add(position, where, "the state itself can't be one of several targets");
    return;
  }
  const bool within = to_self || std::all_of(targets.begin(), targets.end(), [&](int target) {
                        return chart_.IsInside(target, state);
                      });
  if (state == 0 && reenter && HasBehaviourWhenLeft(0)) {
    refusals_->Add(
        position, where,
        "reenter would do the root's entry, exit and after again; it is never left here");
    return;
  }
  if (to_self && (!reenter || state == 0)) return SetSelfTarget(state, position, where, edge);
  for (const int target : targets) {
    if (LeadsToOwnHistory(state, target, reenter)) {
      refusals_->Add(
          position, where,
          absl::StrCat("the history '", chart_.states()[target].key,
                       "' may remember this very state, which XState then does not leave",
                       reenter ? "" : "; reenter: true does"));
      return;
    }
    if (target == 0) {
      refusals_->Add(position, where, "the root is never left, so it can't be entered");
      return;
    }
    edge->add_target(chart_.states()[target].id);
  }
  if (state == 0) return;
  std::vector<int> touched = targets;
  touched.push_back(state);
  const int domain = within && !reenter ? state : chart_.LeastCommonAncestor(touched);
  if (chart_.states()[domain].type == v1::StateNode::PARALLEL) {
    CanLeaveParallel(domain, position, where);
  }
  edge->set_internal(domain == state && source.type == v1::StateNode::COMPOUND);
}

// What such a history remembers may be the state itself, or lie beside it in one parallel state:
// only when the edge is taken is it known what XState leaves.
bool XStateTransitions::LeadsToOwnHistory(int state, int target, bool reenter) const {
  const XStateState& history = chart_.states()[target];
  if (history.type != v1::StateNode::HISTORY || !chart_.IsInside(state, history.parent))
    return false;
  if (!reenter) return true;
  const Node::Member* kind = FindMember(*history.config, "history");
  if (kind == nullptr || kind->value.text != "deep") return false;
  for (int at = chart_.states()[state].parent; at != history.parent;
       at = chart_.states()[at].parent) {
    if (chart_.states()[at].type == v1::StateNode::PARALLEL) return true;
  }
  return false;
}

// A state that is its own target and not re-entered keeps what is active in it from going on: its
// default states are entered anew.
void XStateTransitions::SetSelfTarget(int state, const Position& position, absl::string_view where,
                                      v1::Edge* edge) {
  const XStateState& source = chart_.states()[state];
  switch (source.type) {
    case v1::StateNode::COMPOUND: {
      const Node::Member* initial = FindMember(*source.config, "initial");
      const int child = initial == nullptr || initial->value.kind != Node::Kind::kString
                            ? -1
                            : chart_.FindChild(state, initial->value.text);
      if (child < 0) return;  // The state itself is refused for that.
      edge->add_target(chart_.states()[child].id);
      edge->set_internal(state != 0);
      return;
    }
    case v1::StateNode::PARALLEL:
      if (state != 0) {
        if (CanLeaveParallel(state, position, where)) edge->add_target(source.id);
        return;
      }
      for (const int child : source.children) {
        const XStateState& region = chart_.states()[child];
        if (region.type != v1::StateNode::HISTORY) edge->add_target(region.id);
      }
      return;
    default:
      return;  // Nothing is left or entered: the edge has actions only.
  }
}

bool XStateTransitions::HasBehaviourWhenLeft(int state) const {
  const XStateState& node = chart_.states()[state];
  for (const char* key : {"entry", "exit", "after"}) {
    if (FindMember(*node.config, key) != nullptr) return true;
  }
  return std::any_of(node.children.begin(), node.children.end(), [this](int child) {
    return chart_.states()[child].type == v1::StateNode::HISTORY;
  });
}

bool XStateTransitions::CanLeaveParallel(int parallel, const Position& position,
                                         absl::string_view where) {
  const XStateState& state = chart_.states()[parallel];
  if (parallel == 0) return true;
  if (!HasBehaviourWhenLeft(parallel) &&
      chart_.states()[state.parent].type != v1::StateNode::PARALLEL) {
    return true;
  }
  refusals_->Add(position, where,
                 absl::StrCat("enters the regions of the parallel state '", state.key,
                              "' anew; SCXML leaves that state too, and it has entry, exit, after "
                              "or history, or is a region itself"));
  return false;
}

bool XStateTransitions::MayBeActiveTogether(int a, int b) const {
  if (a == b || chart_.IsInside(a, b) || chart_.IsInside(b, a)) return true;
  const int ancestor = chart_.LeastCommonAncestor({a, b});
  return chart_.states()[ancestor].type == v1::StateNode::PARALLEL;
}

// In XState the end of a delay is an event, which '*' takes.
void XStateTransitions::CheckWildcard(const Taken& wildcard) {
  for (const int state : states_with_after_) {
    if (state == wildcard.state || chart_.IsInside(state, wildcard.state)) continue;
    if (!MayBeActiveTogether(state, wildcard.state)) continue;
    refusals_->Add(wildcard.position, wildcard.where,
                   absl::StrCat("in XState '*' also takes the end of the delays of '",
                                state == 0 ? "the root" : chart_.states()[state].key,
                                "', which is no event here: name the events"));
    return;
  }
}

// XState asks a state only when none inside it takes the event; SCXML asks it for each region that
// does not. Where both are taken they exclude each other, unless one of them leaves nothing: then
// the outer edge is held back while the inner state is active.
void XStateTransitions::HoldBackOuterEdges(const Taken& inner) {
  bool in_region = false;
  for (int state = chart_.states()[inner.state].parent; state >= 0;
       state = chart_.states()[state].parent) {
    in_region = in_region || chart_.states()[state].type == v1::StateNode::PARALLEL;
    if (!in_region) continue;
    for (const size_t index : taken_by_state_[state]) {
      const Taken& outer = taken_[index];
      if (!inner.edge->target().empty() && !outer.edge->target().empty()) continue;
      if (!XStateDescriptorsOverlap(inner.edge->event(), outer.edge->event())) continue;
      if (!inner.edge->external_guard().empty()) {
        refusals_->Add(outer.position, outer.where,
                       absl::StrCat("XState does not do it while ", inner.where,
                                    " is done in another region, which its guard decides; SCXML "
                                    "does both: give them events of their own"));
        return;
      }
      const std::string event = ConditionOfInner(inner.edge->event(), outer.edge->event());
      const std::string active =
          absl::StrCat("In(", StringLiteral(chart_.states()[inner.state].id), ")");
      std::string condition =
          event.empty() ? "!" + active : absl::StrCat("!(", event, " && ", active, ")");
      // Several edges of a state ask for the same.
      if (!absl::StrContains(outer.edge->guard(), condition)) AddCondition(condition, outer.edge);
    }
  }
}

void XStateTransitions::CheckGuardOfRaised(const Taken& taken,
                                           const std::vector<std::string>& raised) {
  if (taken.edge->external_guard().empty()) return;
  for (const std::string& event : raised) {
    if (!XStateDescriptorsOverlap(taken.edge->event(), event)) continue;
    refusals_->Add(taken.position, Below(taken.where, "guard"),
                   absl::StrCat("the guard provider decides about clients' events only, and the "
                                "machine itself raises '",
                                event, "'"));
    return;
  }
}

void XStateTransitions::SettleDifferences(v1::StateNode* root) {
  Vocabulary vocabulary;
  CollectRaised(*root, &vocabulary.names);
  const std::vector<std::string> raised(vocabulary.names.begin(), vocabulary.names.end());
  for (const Taken& taken : taken_) {
    if (taken.edge->event() == "*") CheckWildcard(taken);
    HoldBackOuterEdges(taken);
    CheckGuardOfRaised(taken, raised);
  }
  CollectVocabulary(*root, &vocabulary);
  Restrict(vocabulary, root);
}

}  // namespace swoosh
