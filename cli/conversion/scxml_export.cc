#include "cli/conversion/scxml_export.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/conversion/literal.h"
#include "cli/conversion/machine_text.h"
#include "cli/conversion/scxml_vocabulary.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

using Actions = google::protobuf::RepeatedPtrField<v1::Action>;
using Edges = google::protobuf::RepeatedPtrField<v1::Edge>;
// Names and values; those without a value are left out.
using Attributes = std::vector<std::pair<std::string, std::string>>;

std::string Ours(absl::string_view name) { return absl::StrCat(kSwooshXmlPrefix, ":", name); }

// XML 1.0's Char, of text that is valid UTF-8: no other control characters, no U+FFFE and U+FFFF.
bool IsXmlText(absl::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && !absl::StrContains("\t\n\r", c)) return false;
  }
  return IsValidUtf8(text) && !absl::StrContains(text, "\xef\xbf\xbe") &&
         !absl::StrContains(text, "\xef\xbf\xbf");
}

// White space too, which a reader would otherwise turn into blanks.
std::string EscapedAttribute(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"},
                                    {"<", "&lt;"},
                                    {">", "&gt;"},
                                    {"\"", "&quot;"},
                                    {"\t", "&#9;"},
                                    {"\n", "&#10;"},
                                    {"\r", "&#13;"}});
}

class ScxmlWriter {
 public:
  absl::StatusOr<std::string> Write(const v1::Machine& machine);

 private:
  void Line(absl::string_view name, const Attributes& attributes, absl::string_view end);
  void Open(absl::string_view name, const Attributes& attributes) {
    Line(name, attributes, ">");
    open_.emplace_back(name);
  }
  void Leaf(absl::string_view name, const Attributes& attributes) { Line(name, attributes, "/>"); }
  void Close() {
    const std::string name = std::move(open_.back());
    open_.pop_back();
    absl::StrAppend(&text_, Indent(), "</", name, ">\n");
  }
  std::string Indent() const { return std::string(2 * open_.size(), ' '); }

  void WriteContext(const v1::Machine& machine);
  void WriteState(const v1::StateNode& state, bool is_root);
  void WriteHistory(const v1::StateNode& state);
  void WriteEdge(const v1::StateNode& state, const v1::Edge& edge);
  void WriteActionsIn(absl::string_view element, const Actions& actions);
  void WriteActions(const Actions& actions);
  void WriteAction(const v1::Action& action);
  void WriteSend(const Attributes& attributes, const std::string& data);
  void WriteChoose(const v1::Choose& choose);

  std::string text_;
  std::vector<std::string> open_;
  absl::Status status_;
};

void ScxmlWriter::Line(absl::string_view name, const Attributes& attributes,
                       absl::string_view end) {
  absl::StrAppend(&text_, Indent(), "<", name);
  for (const auto& [attribute, value] : attributes) {
    if (value.empty()) continue;
    if (!IsXmlText(value)) {
      status_.Update(absl::InvalidArgumentError(absl::StrCat(
          name, " ", attribute, ": holds a character that XML can't: ", StringLiteral(value))));
    }
    absl::StrAppend(&text_, " ", attribute, "=\"", EscapedAttribute(value), "\"");
  }
  absl::StrAppend(&text_, end, "\n");
}

absl::StatusOr<std::string> ScxmlWriter::Write(const v1::Machine& machine) {
  const v1::StateNode& root = machine.root();
  const bool is_document = TypeOf(root) == v1::StateNode::COMPOUND && root.on().empty() &&
                           root.always().empty() && root.after().empty() && root.entry().empty() &&
                           root.exit().empty();
  text_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  Open("scxml",
       {{"xmlns", kScxmlNamespace},
        {absl::StrCat("xmlns:", kSwooshXmlPrefix), kSwooshXmlNamespace},
        {"version", "1.0"},
        {"name", machine.name()},
        {"datamodel", kSwooshDatamodel},
        {"initial", is_document ? absl::StrJoin(root.initial(), " ") : root.id()},
        {Ours("root"), is_document && root.id() != machine.name() ? root.id() : ""},
        {Ours("retention"), machine.has_retention() ? SecondsText(machine.retention()) : ""}});
  WriteContext(machine);
  if (is_document) {
    for (const v1::StateNode& child : root.states()) WriteState(child, /*is_root=*/false);
  } else {
    WriteState(root, /*is_root=*/true);
  }
  Close();
  if (!status_.ok()) return status_;
  return std::move(text_);
}

void ScxmlWriter::WriteContext(const v1::Machine& machine) {
  const auto& fields = machine.context().fields();
  if (fields.empty()) return;
  Open("datamodel", {});
  const std::map<std::string, google::protobuf::Value> sorted(fields.begin(), fields.end());
  for (const auto& [key, value] : sorted) {
    if (key.empty()) {
      status_.Update(absl::InvalidArgumentError("context: SCXML has no data without a name"));
    }
    Leaf("data", {{"id", key}, {"expr", ValueLiteral(value)}});
  }
  Close();
}

void ScxmlWriter::WriteState(const v1::StateNode& state, bool is_root) {
  const v1::StateNode::Type type = TypeOf(state);
  if (type == v1::StateNode::HISTORY) return WriteHistory(state);
  const char* element = type == v1::StateNode::PARALLEL ? "parallel"
                        : type == v1::StateNode::FINAL  ? "final"
                                                        : "state";
  const Attributes attributes = {{"id", state.id()},
                                 {"initial", absl::StrJoin(state.initial(), " ")},
                                 {Ours("root"), is_root ? "true" : ""}};
  const bool is_empty = state.entry().empty() && state.exit().empty() && state.on().empty() &&
                        state.always().empty() && state.after().empty() && state.output().empty() &&
                        state.states().empty();
  if (is_empty) return Leaf(element, attributes);
  Open(element, attributes);
  WriteActionsIn("onentry", state.entry());
  WriteActionsIn("onexit", state.exit());
  for (const auto* edges : {&state.on(), &state.always(), &state.after()}) {
    for (const v1::Edge& edge : *edges) WriteEdge(state, edge);
  }
  if (!state.output().empty()) {
    Open("donedata", {});
    Leaf("content", {{"expr", state.output()}});
    Close();
  }
  for (const v1::StateNode& child : state.states()) WriteState(child, /*is_root=*/false);
  Close();
}

void ScxmlWriter::WriteHistory(const v1::StateNode& state) {
  const bool deep = state.history() == v1::StateNode::DEEP;
  Open("history", {{"id", state.id()}, {"type", deep ? "deep" : "shallow"}});
  Leaf("transition", {{"target", absl::StrJoin(state.initial(), " ")}});
  Close();
}

void ScxmlWriter::WriteEdge(const v1::StateNode& state, const v1::Edge& edge) {
  const bool after = edge.when_case() != v1::Edge::WHEN_NOT_SET;
  const Attributes attributes = {
      {"event", after ? absl::StrCat("after.", state.id()) : edge.event()},
      {Ours("after"), edge.has_delay() ? SecondsText(edge.delay()) : ""},
      {Ours("after_expression"), edge.delay_expression()},
      {"cond", edge.guard()},
      {Ours("external_guard"), edge.external_guard()},
      {"target", absl::StrJoin(edge.target(), " ")},
      {"type", edge.internal() ? "internal" : ""},
      {Ours("id"), edge.id()},
  };
  if (edge.actions().empty()) return Leaf("transition", attributes);
  Open("transition", attributes);
  WriteActions(edge.actions());
  Close();
}

void ScxmlWriter::WriteActionsIn(absl::string_view element, const Actions& actions) {
  if (actions.empty()) return;
  Open(element, {});
  WriteActions(actions);
  Close();
}

void ScxmlWriter::WriteActions(const Actions& actions) {
  for (const v1::Action& action : actions) WriteAction(action);
}

void ScxmlWriter::WriteAction(const v1::Action& action) {
  switch (action.kind_case()) {
    case v1::Action::kAssign:
      return Leaf("assign",
                  {{"location", action.assign().location()}, {"expr", action.assign().value()}});
    case v1::Action::kRaise: {
      const v1::Raise& raise = action.raise();
      if (raise.data().empty()) return Leaf("raise", {{"event", raise.event()}});
      return WriteSend({{"event", raise.event()}, {"target", kScxmlInternalTarget}}, raise.data());
    }
    case v1::Action::kSend: {
      const v1::Send& send = action.send();
      return WriteSend({{"event", send.event()},
                        {"id", send.id()},
                        {"delay", send.has_delay() ? SecondsText(send.delay()) : ""},
                        {"delayexpr", send.delay_expression()}},
                       send.data());
    }
    case v1::Action::kCancel:
      return Leaf("cancel", {{"sendid", action.cancel().id()}});
    case v1::Action::kEmit:
      return Leaf(Ours("emit"), {{"name", action.emit().name()}, {"data", action.emit().data()}});
    case v1::Action::kChoose:
      return WriteChoose(action.choose());
    case v1::Action::KIND_NOT_SET:
      return;
  }
}

void ScxmlWriter::WriteSend(const Attributes& attributes, const std::string& data) {
  if (data.empty()) return Leaf("send", attributes);
  Open("send", attributes);
  Leaf("content", {{"expr", data}});
  Close();
}

void ScxmlWriter::WriteChoose(const v1::Choose& choose) {
  for (int i = 0; i < choose.branches_size(); ++i) {
    const v1::Choose::Branch& branch = choose.branches(i);
    // An <if> has a condition, also where it is a mere else.
    const std::string guard = i == 0 && branch.guard().empty() ? "true" : branch.guard();
    if (i == 0) {
      Open("if", {{"cond", guard}});
    } else {
      Leaf(guard.empty() ? "else" : "elseif", {{"cond", guard}});
    }
    WriteActions(branch.actions());
  }
  Close();
}

}  // namespace

absl::StatusOr<std::string> ExportScxml(const v1::Machine& machine) {
  return ScxmlWriter().Write(machine);
}

}  // namespace swoosh
