#include "cli/conversion/mermaid_export.h"

#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/machine_text.h"

namespace swoosh {
namespace {

// Words that mean something to Mermaid where an id may stand.
constexpr absl::string_view kReservedWords[] = {
    "accdescr",  "acctitle", "as",    "choice", "class", "classdef", "click", "default",
    "direction", "end",      "fork",  "hide",   "href",  "join",     "note",  "over",
    "root",      "scale",    "state", "style",  "title", "stop",
};

bool IsWord(absl::string_view text, size_t at) {
  return at < text.size() && absl::ascii_isalnum(static_cast<unsigned char>(text[at]));
}

// Whether Mermaid would take the character at `at` for something else: the end of a label, a
// comment, a reference, HTML or Markdown.
bool NeedsEscape(absl::string_view text, size_t at) {
  switch (text[at]) {
    case '_':
      return !IsWord(text, at - 1) || !IsWord(text, at + 1);
    case '&':
      return IsWord(text, at + 1) || text.substr(at, 2) == "&#";
    default:
      return absl::string_view("#;:\"<>%\\$`*~").find(text[at]) != absl::string_view::npos;
  }
}

std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) {
      escaped.push_back(' ');
    } else if (NeedsEscape(text, i)) {
      absl::StrAppend(&escaped, "#", static_cast<int>(byte), ";");
    } else {
      escaped.push_back(text[i]);
    }
  }
  return escaped;
}

// Edges between the states of one block stand in it; a state that is named in a block in which it
// does not lie would be moved there, so all other edges stand outside of all blocks, at the end.
class MermaidWriter {
 public:
  std::string Write(const v1::Machine& machine);

 private:
  void NameStates(const v1::StateNode& state, const v1::StateNode* parent);
  void Line(absl::string_view text) {
    absl::StrAppend(&text_, std::string(2 * depth_, ' '), text, "\n");
  }
  void WriteState(const v1::StateNode& state);
  void WriteContent(const v1::StateNode& state);
  void WriteRegions(const v1::StateNode& state);
  void WriteEdges(const v1::StateNode& state);
  void WriteEdge(const v1::StateNode& from, const std::string& to, const std::string& text);
  std::vector<std::string> Remarks(const v1::StateNode& state) const;

  std::string text_;
  int depth_ = 1;
  absl::flat_hash_map<std::string, std::string> names_;  // by state id
  std::set<std::string> taken_;                          // those names
  absl::flat_hash_map<std::string, const v1::StateNode*> parents_;
  std::vector<std::string> across_;  // edges from one block into another
};

void MermaidWriter::NameStates(const v1::StateNode& state, const v1::StateNode* parent) {
  static const auto* const reserved =
      new std::set<std::string>(std::begin(kReservedWords), std::end(kReservedWords));
  std::string name;
  for (const char c : state.id()) {
    name.push_back(absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_');
  }
  if (!absl::ascii_isalpha(static_cast<unsigned char>(name[0])) ||
      reserved->contains(absl::AsciiStrToLower(name))) {
    name = "s_" + name;
  }
  const std::string wanted = name;
  for (int i = 2; !taken_.insert(name).second; ++i) name = absl::StrCat(wanted, "_", i);
  names_[state.id()] = name;
  parents_[state.id()] = parent;
  for (const v1::StateNode& child : state.states()) NameStates(child, &state);
}

// What a state does without being left or entered.
std::vector<std::string> MermaidWriter::Remarks(const v1::StateNode& state) const {
  std::vector<std::string> remarks;
  if (!state.entry().empty()) remarks.push_back("entry / " + ActionsText(state.entry()));
  if (!state.exit().empty()) remarks.push_back("exit / " + ActionsText(state.exit()));
  for (const auto* edges : {&state.on(), &state.always(), &state.after()}) {
    for (const v1::Edge& edge : *edges) {
      if (edge.target().empty()) remarks.push_back(EdgeText(edge));
    }
  }
  if (!state.output().empty()) remarks.push_back("output " + state.output());
  for (std::string& remark : remarks) remark = Escaped(remark);
  return remarks;
}

void MermaidWriter::WriteState(const v1::StateNode& state) {
  const std::string& name = names_[state.id()];
  const v1::StateNode::Type type = TypeOf(state);
  if (type == v1::StateNode::HISTORY) {
    const bool deep = state.history() == v1::StateNode::DEEP;
    Line(absl::StrCat("state \"", deep ? "H#42;" : "H", "\" as ", name));
    for (const std::string& id : state.initial()) WriteEdge(state, id, "");
    return;
  }
  const std::vector<std::string> remarks = Remarks(state);
  std::string title = Escaped(state.id());
  if (type == v1::StateNode::COMPOUND || type == v1::StateNode::PARALLEL) {
    for (const std::string& remark : remarks) absl::StrAppend(&title, "<br/>", remark);
    Line(absl::StrCat("state \"", title, "\" as ", name, " {"));
    ++depth_;
    type == v1::StateNode::PARALLEL ? WriteRegions(state) : WriteContent(state);
    --depth_;
    Line("}");
    return;
  }
  Line(title == name ? name : absl::StrCat("state \"", title, "\" as ", name));
  for (const std::string& remark : remarks) Line(absl::StrCat(name, " : ", remark));
  if (type == v1::StateNode::FINAL) Line(absl::StrCat(name, " --> [*]"));
}

void MermaidWriter::WriteContent(const v1::StateNode& state) {
  for (const v1::StateNode& child : state.states()) WriteState(child);
  // From outside of the block it would be the machine's beginning.
  for (const std::string& id : state.initial()) {
    std::string child = id;
    while (parents_[child] != &state) child = parents_[child]->id();
    // A state further inside can't be named here.
    Line(absl::StrCat("[*] --> ", names_[child], child == id ? "" : " : " + Escaped(id)));
  }
  for (const v1::StateNode& child : state.states()) WriteEdges(child);
}

void MermaidWriter::WriteRegions(const v1::StateNode& state) {
  bool first = true;
  for (const bool histories : {true, false}) {
    for (const v1::StateNode& child : state.states()) {
      if ((TypeOf(child) == v1::StateNode::HISTORY) != histories) continue;
      if (!histories && !std::exchange(first, false)) Line("--");
      WriteState(child);
      WriteEdges(child);
    }
  }
}

void MermaidWriter::WriteEdges(const v1::StateNode& state) {
  for (const auto* edges : {&state.on(), &state.always(), &state.after()}) {
    for (const v1::Edge& edge : *edges) {
      const std::string text = absl::StrCat(EdgeText(edge), edge.internal() ? " (internal)" : "");
      for (const std::string& id : edge.target()) WriteEdge(state, id, text);
    }
  }
}

void MermaidWriter::WriteEdge(const v1::StateNode& from, const std::string& to,
                              const std::string& text) {
  const std::string line = absl::StrCat(names_[from.id()], " --> ", names_[to],
                                        text.empty() ? "" : " : ", Escaped(text));
  const v1::StateNode* parent = parents_[from.id()];
  const bool in_one_block = parent == parents_[to] && parent != nullptr &&
                            (from.id() == to || TypeOf(*parent) != v1::StateNode::PARALLEL);
  if (in_one_block) {
    Line(line);
  } else {
    across_.push_back(line);
  }
}

std::string MermaidWriter::Write(const v1::Machine& machine) {
  const v1::StateNode& root = machine.root();
  NameStates(root, nullptr);
  text_ = absl::StrCat("---\ntitle: \"", machine.name(), "\"\n---\nstateDiagram-v2\n");
  const bool is_diagram = TypeOf(root) == v1::StateNode::COMPOUND && root.on().empty() &&
                          root.always().empty() && root.after().empty() && root.entry().empty() &&
                          root.exit().empty();
  if (is_diagram) {
    WriteContent(root);
  } else {
    WriteState(root);
    Line(absl::StrCat("[*] --> ", names_[root.id()]));
    WriteEdges(root);
  }
  for (const std::string& line : across_) Line(line);
  return text_;
}

}  // namespace

std::string ExportMermaid(const v1::Machine& machine) { return MermaidWriter().Write(machine); }

}  // namespace swoosh
