#include "cli/machine_outline.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cli/proto_text.h"

namespace swoosh {
namespace {

constexpr size_t kContextBytesMax = 2'000;

using Edges = google::protobuf::RepeatedPtrField<v1::Edge>;
using Actions = google::protobuf::RepeatedPtrField<v1::Action>;

std::string ActionText(const v1::Action& action) {
  switch (action.kind_case()) {
    case v1::Action::kAssign:
      return absl::StrCat(action.assign().location(), " = ", action.assign().value());
    case v1::Action::kRaise:
      return absl::StrCat("raise ", action.raise().event());
    case v1::Action::kSend:
      return absl::StrCat("send ", action.send().event());
    case v1::Action::kCancel:
      return absl::StrCat("cancel ", action.cancel().id());
    case v1::Action::kEmit:
      return absl::StrCat("emit ", action.emit().name());
    case v1::Action::kChoose:
      return absl::StrCat("choose of ", action.choose().branches_size());
    case v1::Action::KIND_NOT_SET:
      break;
  }
  return "?";
}

void AppendActions(absl::string_view title, const Actions& actions, const std::string& indent,
                   const Palette& palette, std::string* text) {
  for (const v1::Action& action : actions) {
    absl::StrAppend(text, indent, palette.Dim(title), " ", Printable(ActionText(action)), "\n");
  }
}

void AppendEdges(absl::string_view title, const Edges& edges, const std::string& indent,
                 const Palette& palette, std::string* text) {
  for (const v1::Edge& edge : edges) {
    absl::StrAppend(text, indent, palette.Dim(title));
    if (!edge.event().empty()) absl::StrAppend(text, " ", Printable(edge.event()));
    if (!edge.guard().empty()) absl::StrAppend(text, " [", Printable(edge.guard()), "]");
    if (!edge.target().empty()) {
      absl::StrAppend(text, " -> ", Printable(absl::StrJoin(edge.target(), " ")));
    }
    absl::StrAppend(text, "\n");
    AppendActions("do", edge.actions(), indent + "  ", palette, text);
  }
}

std::string Kind(const v1::StateNode& state) {
  if (state.type() == v1::StateNode::FINAL) return " (final)";
  if (state.type() == v1::StateNode::PARALLEL) return " (parallel)";
  if (state.type() == v1::StateNode::HISTORY) return " (history)";
  if (state.initial().empty()) return "";
  return absl::StrCat(" (starts in ", Printable(absl::StrJoin(state.initial(), " ")), ")");
}

void AppendState(const v1::StateNode& state, const std::string& indent, const Palette& palette,
                 std::string* text) {
  absl::StrAppend(text, indent, palette.Bold(Printable(state.id())), Kind(state), "\n");
  const std::string inner = indent + "  ";
  AppendActions("entry", state.entry(), inner, palette, text);
  AppendEdges("on", state.on(), inner, palette, text);
  AppendEdges("always", state.always(), inner, palette, text);
  AppendEdges("after", state.after(), inner, palette, text);
  AppendActions("exit", state.exit(), inner, palette, text);
  if (!state.output().empty()) {
    absl::StrAppend(text, inner, palette.Dim("output"), " ", Printable(state.output()), "\n");
  }
  for (const v1::StateNode& child : state.states()) AppendState(child, inner, palette, text);
}

void CountState(const v1::StateNode& state, MachineCounts* counts) {
  counts->edges += state.on_size() + state.always_size() + state.after_size();
  for (const v1::StateNode& child : state.states()) {
    ++counts->states;
    CountState(child, counts);
  }
}

// Finds the states that can be entered, taking every guard for true.
class Reachability {
 public:
  explicit Reachability(const v1::StateNode& root) {
    Index(root, nullptr);
    Enter(&root);
    while (!waiting_.empty()) {
      const v1::StateNode* state = waiting_.back();
      waiting_.pop_back();
      for (const Edges* edges : {&state->on(), &state->always(), &state->after()}) {
        for (const v1::Edge& edge : *edges) EnterAll(edge.target());
      }
      EnterAll(state->initial());
      if (state->type() == v1::StateNode::PARALLEL) {
        for (const v1::StateNode& child : state->states()) Enter(&child);
      }
    }
  }

  bool Reached(const v1::StateNode& state) const { return reached_.contains(&state); }

 private:
  void Index(const v1::StateNode& state, const v1::StateNode* parent) {
    by_id_[state.id()] = &state;
    parents_[&state] = parent;
    for (const v1::StateNode& child : state.states()) Index(child, &state);
  }

  void EnterAll(const google::protobuf::RepeatedPtrField<std::string>& ids) {
    for (const std::string& id : ids) {
      const auto found = by_id_.find(id);
      if (found != by_id_.end()) Enter(found->second);
    }
  }

  // A state is entered with its ancestors.
  void Enter(const v1::StateNode* state) {
    for (; state != nullptr && reached_.insert(state).second; state = parents_[state]) {
      waiting_.push_back(state);
    }
  }

  absl::flat_hash_map<absl::string_view, const v1::StateNode*> by_id_;
  absl::flat_hash_map<const v1::StateNode*, const v1::StateNode*> parents_;
  absl::flat_hash_set<const v1::StateNode*> reached_;
  std::vector<const v1::StateNode*> waiting_;
};

// "failed.*" and "failed" are the same descriptor.
std::string Canonical(absl::string_view descriptor) {
  if (absl::EndsWith(descriptor, ".*")) descriptor.remove_suffix(2);
  return std::string(descriptor);
}

// Whether every event that `later` matches is matched by `earlier` too.
bool Covers(absl::string_view earlier, absl::string_view later) {
  const std::string wide = Canonical(earlier);
  const std::string narrow = Canonical(later);
  return wide == "*" || wide == narrow || absl::StartsWith(narrow, wide + ".");
}

std::string EdgeName(const v1::Edge& edge, const v1::StateNode& state, absl::string_view list,
                     int position) {
  return edge.id().empty() ? absl::StrCat(state.id(), "/", list, "/", position) : edge.id();
}

// The first edge before `position` that always takes what the one there could take, or -1.
int FindCover(const Edges& edges, int position) {
  for (int i = 0; i < position; ++i) {
    const v1::Edge& earlier = edges.Get(i);
    if (!earlier.guard().empty() || !earlier.external_guard().empty()) continue;
    bool covers = true;
    for (absl::string_view later : absl::StrSplit(edges.Get(position).event(), ' ')) {
      bool covered = false;
      for (absl::string_view wide : absl::StrSplit(earlier.event(), ' ')) {
        covered = covered || Covers(wide, later);
      }
      covers = covers && covered;
    }
    if (covers) return i;
  }
  return -1;
}

void WarnOfEdges(const v1::StateNode& state, absl::string_view list, const Edges& edges,
                 std::vector<std::string>* warnings) {
  for (int i = 1; i < edges.size(); ++i) {
    const int cover = FindCover(edges, i);
    if (cover < 0) continue;
    warnings->push_back(absl::StrCat(
        "edge ", EdgeName(edges.Get(i), state, list, i), " is never taken: ",
        EdgeName(edges.Get(cover), state, list, cover), " comes before it and has no guard"));
  }
}

void Warn(const v1::StateNode& state, const Reachability& reachability,
          std::vector<std::string>* warnings) {
  if (!reachability.Reached(state)) {
    warnings->push_back(absl::StrCat("state ", state.id(), " can never be entered"));
    return;  // Nor can what is in it.
  }
  WarnOfEdges(state, "on", state.on(), warnings);
  WarnOfEdges(state, "always", state.always(), warnings);
  for (const v1::StateNode& child : state.states()) Warn(child, reachability, warnings);
}

}  // namespace

MachineCounts CountMachine(const v1::Machine& machine) {
  MachineCounts counts;
  CountState(machine.root(), &counts);
  return counts;
}

std::string MachineOutline(const v1::Machine& machine, const Palette& palette) {
  std::string text;
  if (!machine.context().fields().empty()) {
    absl::StrAppend(&text, palette.Dim("context"), " ",
                    Printable(StructText(machine.context(), kContextBytesMax)), "\n");
  }
  AppendState(machine.root(), "", palette, &text);
  return text;
}

std::vector<std::string> MachineWarnings(const v1::Machine& machine) {
  std::vector<std::string> warnings;
  Warn(machine.root(), Reachability(machine.root()), &warnings);
  return warnings;
}

}  // namespace swoosh
