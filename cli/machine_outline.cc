#include "cli/machine_outline.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

}  // namespace swoosh
