#include "core/statechart/machine_reachability.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace swoosh {
namespace {

constexpr char kDonePrefix[] = "done.state.";

// Whether the first takes every event that the descriptor "name" (or, when it is "", "*") takes.
bool Covers(const Edge& edge, absl::string_view name) {
  return name.empty() ? edge.events.any : edge.events.Match(name);
}

bool IsConstant(const Edge& edge, bool value) {
  const Value* constant = edge.guard.has_value() ? edge.guard->constant() : nullptr;
  return constant != nullptr && constant->is_bool() && constant->as_bool() == value;
}

// The earlier unguarded edges that together take all that `edge` could, or none of them.
std::vector<const Edge*> FindCover(absl::Span<const Edge> earlier, const Edge& edge) {
  std::vector<absl::string_view> names(edge.events.prefixes.begin(), edge.events.prefixes.end());
  if (edge.events.any || edge.kind == Edge::Kind::kAlways) names = {""};
  std::vector<const Edge*> cover;
  for (const absl::string_view name : names) {
    const auto found = std::find_if(earlier.begin(), earlier.end(), [&](const Edge& other) {
      return IsUnguarded(other) && (edge.kind == Edge::Kind::kAlways || Covers(other, name));
    });
    if (found == earlier.end()) return {};
    cover.push_back(&*found);
  }
  return cover;
}

}  // namespace

bool IsUnguarded(const Edge& edge) {
  return edge.external_guard.empty() && (!edge.guard.has_value() || IsConstant(edge, true));
}

MachineReachability::MachineReachability(const Machine& machine)
    : machine_(machine),
      left_at_once_by_(machine.states().size()),
      reached_(machine.states().size()),
      entered_by_default_(machine.states().size()),
      outermost_domain_depth_(machine.states().size(), std::numeric_limits<int>::max()) {
  for (size_t i = 0; i < machine.states().size(); ++i) FindObstacles(static_cast<int>(i));
  FindReached();
  FindOutermostDomains();
}

bool MachineReachability::MayBeTaken(const Edge& edge, std::string* why) const {
  const auto found = obstacles_.find(&edge);
  if (found == obstacles_.end()) return true;
  if (why != nullptr) *why = found->second;
  return false;
}

// A state comes after those around it, so what is known of these is known by then.
void MachineReachability::FindObstacles(int index) {
  const StateNode& node = state(index);
  const auto certain = std::find_if(node.always.begin(), node.always.end(), IsUnguarded);
  if (certain != node.always.end()) {
    left_at_once_by_[index] = &*certain;
  } else if (node.parent >= 0) {
    left_at_once_by_[index] = left_at_once_by_[node.parent];
  }
  for (const auto* edges : {&node.on, &node.always, &node.after}) {
    for (const Edge& edge : *edges) {
      if (IsConstant(edge, false)) obstacles_.emplace(&edge, "its guard is always false");
      if (edge.kind == Edge::Kind::kOn && !MayCome(edge.events)) {
        obstacles_.emplace(&edge, absl::StrCat("the machine never raises ", edge.event_text));
      }
    }
  }
  FindShadows(node.on);
  FindShadows(node.always);
  if (const Edge* always = left_at_once_by_[index]; always != nullptr) {
    const std::string why =
        absl::StrCat("before any event comes, ", always->id, " is taken, which has no guard");
    for (const auto* edges : {&node.on, &node.after}) {
      for (const Edge& edge : *edges) obstacles_.emplace(&edge, why);
    }
  }
}

void MachineReachability::FindShadows(const std::vector<Edge>& edges) {
  for (size_t i = 1; i < edges.size(); ++i) {
    const std::vector<const Edge*> cover =
        FindCover(absl::MakeConstSpan(edges).subspan(0, i), edges[i]);
    if (cover.empty()) continue;
    obstacles_.emplace(&edges[i],
                       absl::StrCat(cover.front()->id, " comes before it and has no guard"));
  }
}

bool MachineReachability::MayCome(const EventDescriptors& events) const {
  if (events.any) return true;
  return std::any_of(events.prefixes.begin(), events.prefixes.end(),
                     [this](const std::string& prefix) {
                       if (!absl::StartsWith(prefix, kDonePrefix)) return true;
                       EventDescriptors descriptor;
                       descriptor.prefixes = {prefix};
                       for (size_t i = 1; i < machine_.states().size(); ++i) {
                         if (descriptor.Match(state(static_cast<int>(i)).done_event) &&
                             MayBeDone(static_cast<int>(i))) {
                           return true;
                         }
                       }
                       return false;
                     });
}

bool MachineReachability::MayBeComplete(int index) const {
  const StateNode& node = state(index);
  for (int child = index + 1; child < node.end; child = state(child).end) {
    if (node.type == v1::StateNode::COMPOUND && state(child).type == v1::StateNode::FINAL) {
      return true;
    }
    if (node.type == v1::StateNode::PARALLEL && !state(child).is_history() &&
        !MayBeComplete(child)) {
      return false;
    }
  }
  return node.type == v1::StateNode::PARALLEL;
}

bool MachineReachability::MayBeDone(int index) const { return index != 0 && MayBeComplete(index); }

void MachineReachability::FindReached() {
  EnterByDefault(0);
  while (!waiting_.empty()) {
    const StateNode& node = state(waiting_.back());
    waiting_.pop_back();
    for (const auto* edges : {&node.on, &node.always, &node.after}) {
      for (const Edge& edge : *edges) {
        if (MayBeTaken(edge, nullptr)) EnterTargets(edge.targets, /*within=*/-1);
      }
    }
  }
}

void MachineReachability::Mark(int index) {
  if (reached_[index]) return;
  reached_[index] = true;
  waiting_.push_back(index);
}

// The states around a target are entered too, up to the one within which all this happens, and of
// parallel ones the other regions.
void MachineReachability::EnterTargets(absl::Span<const int> targets, int within) {
  for (const int target : targets) {
    EnterByDefault(target);
    for (int around = state(target).parent; around != within; around = state(around).parent) {
      Mark(around);
      if (state(around).type != v1::StateNode::PARALLEL) continue;
      for (int region = around + 1; region < state(around).end; region = state(region).end) {
        const bool has_target = std::any_of(targets.begin(), targets.end(), [&](int other) {
          return machine_.IsSelfOrDescendant(other, region);
        });
        if (!has_target && !state(region).is_history()) EnterByDefault(region);
      }
    }
  }
}

void MachineReachability::EnterByDefault(int index) {
  Mark(index);
  if (entered_by_default_[index]) return;
  entered_by_default_[index] = true;
  const StateNode& node = state(index);
  EnterTargets(node.initial, node.is_history() ? node.parent : index);
  if (node.type != v1::StateNode::PARALLEL) return;
  for (int region = index + 1; region < node.end; region = state(region).end) {
    if (!state(region).is_history()) EnterByDefault(region);
  }
}

void MachineReachability::FindOutermostDomains() {
  for (int i = static_cast<int>(machine_.states().size()) - 1; i >= 0; --i) {
    if (!reached_[i]) continue;
    const StateNode& node = state(i);
    int& least = outermost_domain_depth_[i];
    for (const auto* edges : {&node.on, &node.always, &node.after}) {
      for (const Edge& edge : *edges) {
        if (edge.domain == kNoDomain || !MayBeTaken(edge, nullptr)) continue;
        // What a history leads to lies in its parent, so the domain can't be deeper than known.
        least = std::min(least, edge.domain == kDomainByHistory ? 0 : state(edge.domain).depth);
      }
    }
    if (node.parent >= 0) {
      int& around = outermost_domain_depth_[node.parent];
      around = std::min(around, least);
    }
  }
}

bool MachineReachability::MayBeLeft(int atomic_state) const {
  for (int at = atomic_state; at >= 0; at = state(at).parent) {
    const StateNode& node = state(at);
    for (const auto* edges : {&node.on, &node.always, &node.after}) {
      for (const Edge& edge : *edges) {
        if (!edge.targets.empty() && MayBeTaken(edge, nullptr)) return true;
      }
    }
    // Edges of other regions that leave all of them.
    if (node.type == v1::StateNode::PARALLEL && outermost_domain_depth_[at] < node.depth) {
      return true;
    }
  }
  return false;
}

}  // namespace swoosh
