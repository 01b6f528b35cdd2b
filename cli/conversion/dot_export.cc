#include "cli/conversion/dot_export.h"

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/machine_text.h"

namespace swoosh {
namespace {

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted.push_back(' ');
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

bool IsCluster(const v1::StateNode& state) { return state.states_size() > 0; }

class DotWriter {
 public:
  std::string Write(const v1::Machine& machine);

 private:
  void Index(const v1::StateNode& state, const v1::StateNode* parent);
  void Line(absl::string_view text) {
    absl::StrAppend(&text_, std::string(2 * depth_, ' '), text, "\n");
  }
  void WriteState(const v1::StateNode& state);
  void WriteCluster(const v1::StateNode& state);
  void WriteEdges(const v1::StateNode& state);
  void WriteEdge(const v1::StateNode& from, const std::string& to, absl::string_view text);
  bool IsInside(const v1::StateNode& state, const v1::StateNode& ancestor) const;

  std::string text_;
  int depth_ = 1;
  absl::flat_hash_map<std::string, const v1::StateNode*> by_id_;
  absl::flat_hash_map<const v1::StateNode*, const v1::StateNode*> parents_;
};

// Edges go from node to node: of a cluster it is the dot in which it begins. A state's id has no
// blank.
std::string NodeOf(const v1::StateNode& state) {
  return Quoted(IsCluster(state) ? state.id() + " start" : state.id());
}

std::string ClusterOf(const v1::StateNode& state) { return Quoted("cluster_" + state.id()); }

std::string LabelOf(const v1::StateNode& state) {
  std::string label = state.id();
  if (!state.entry().empty()) absl::StrAppend(&label, "\nentry / ", ActionsText(state.entry()));
  if (!state.exit().empty()) absl::StrAppend(&label, "\nexit / ", ActionsText(state.exit()));
  for (const auto* edges : {&state.on(), &state.always(), &state.after()}) {
    for (const v1::Edge& edge : *edges) {
      if (edge.target().empty()) absl::StrAppend(&label, "\n", EdgeText(edge));
    }
  }
  if (!state.output().empty()) absl::StrAppend(&label, "\noutput ", state.output());
  return label;
}

void DotWriter::Index(const v1::StateNode& state, const v1::StateNode* parent) {
  by_id_[state.id()] = &state;
  parents_[&state] = parent;
  for (const v1::StateNode& child : state.states()) Index(child, &state);
}

bool DotWriter::IsInside(const v1::StateNode& state, const v1::StateNode& ancestor) const {
  for (const v1::StateNode* at = &state; at != nullptr; at = parents_.at(at)) {
    if (at == &ancestor) return true;
  }
  return false;
}

void DotWriter::WriteState(const v1::StateNode& state) {
  if (IsCluster(state)) return WriteCluster(state);
  switch (TypeOf(state)) {
    case v1::StateNode::HISTORY:
      Line(absl::StrCat(NodeOf(state), " [shape=circle, label=\"",
                        state.history() == v1::StateNode::DEEP ? "H*" : "H", "\"];"));
      return;
    case v1::StateNode::FINAL:
      Line(absl::StrCat(NodeOf(state), " [peripheries=2, label=", Quoted(LabelOf(state)), "];"));
      return;
    default:
      Line(absl::StrCat(NodeOf(state), " [label=", Quoted(LabelOf(state)), "];"));
  }
}

void DotWriter::WriteCluster(const v1::StateNode& state) {
  const bool parallel = TypeOf(state) == v1::StateNode::PARALLEL;
  Line(absl::StrCat("subgraph ", ClusterOf(state), " {"));
  ++depth_;
  Line(absl::StrCat("label=", Quoted(LabelOf(state)), ";"));
  Line(absl::StrCat("style=", parallel ? "dashed" : "rounded", ";"));
  // Regions all begin: nothing leads to one of them.
  Line(absl::StrCat(NodeOf(state), parallel ? " [shape=point, style=invis];" : " [shape=point];"));
  for (const v1::StateNode& child : state.states()) WriteState(child);
  --depth_;
  Line("}");
}

void DotWriter::WriteEdges(const v1::StateNode& state) {
  for (const std::string& id : state.initial()) WriteEdge(state, id, "");
  for (const auto* edges : {&state.on(), &state.always(), &state.after()}) {
    for (const v1::Edge& edge : *edges) {
      const std::string text = absl::StrCat(EdgeText(edge), edge.internal() ? " (internal)" : "");
      for (const std::string& id : edge.target()) WriteEdge(state, id, text);
    }
  }
  for (const v1::StateNode& child : state.states()) WriteEdges(child);
}

void DotWriter::WriteEdge(const v1::StateNode& from, const std::string& to,
                          absl::string_view text) {
  const v1::StateNode& target = *by_id_.at(to);
  std::vector<std::string> attributes;
  if (!text.empty()) attributes.push_back("label=" + Quoted(text));
  // dot can end an edge at a cluster's border only when it comes from outside.
  if (IsCluster(from) && !IsInside(target, from)) attributes.push_back("ltail=" + ClusterOf(from));
  if (IsCluster(target) && !IsInside(from, target)) {
    attributes.push_back("lhead=" + ClusterOf(target));
  }
  Line(absl::StrCat(NodeOf(from), " -> ", NodeOf(target), attributes.empty() ? "" : " [",
                    absl::StrJoin(attributes, ", "), attributes.empty() ? "" : "]", ";"));
}

std::string DotWriter::Write(const v1::Machine& machine) {
  Index(machine.root(), nullptr);
  text_ = absl::StrCat("digraph ", Quoted(machine.name()), " {\n");
  Line("compound=true;");
  Line("node [shape=box, style=rounded];");
  WriteState(machine.root());
  WriteEdges(machine.root());
  text_ += "}\n";
  return text_;
}

}  // namespace

std::string ExportDot(const v1::Machine& machine) { return DotWriter().Write(machine); }

}  // namespace swoosh
