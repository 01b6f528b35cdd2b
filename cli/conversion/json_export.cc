#include "cli/conversion/json_export.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "cli/document.h"
#include "cli/proto_text.h"
#include "core/check.h"

namespace swoosh {
namespace {

constexpr size_t kLineColumnsMax = 100;

void SortKeys(Node* node) {
  std::sort(node->members.begin(), node->members.end(),
            [](const Node::Member& a, const Node::Member& b) { return a.key < b.key; });
  for (Node::Member& member : node->members) SortKeys(&member.value);
  for (Node& item : node->items) SortKeys(&item);
}

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

// The value on as many lines as it takes, the first beginning in `column`, the others `indent`
// deep. One line when it fits, or when `indent` is kOneLine.
constexpr size_t kOneLine = static_cast<size_t>(-1);

std::string Render(const Node& node, size_t indent, size_t column);

std::string RenderParts(const Node& node, size_t indent) {
  const bool is_map = node.kind == Node::Kind::kMap;
  const bool one_line = indent == kOneLine;
  const std::string separator = one_line ? "" : "\n" + std::string(indent + 2, ' ');
  std::string text(1, is_map ? '{' : '[');
  const size_t count = is_map ? node.members.size() : node.items.size();
  for (size_t i = 0; i < count; ++i) {
    const std::string key = is_map ? Quoted(node.members[i].key) + ": " : "";
    absl::StrAppend(&text,
                    i == 0     ? ""
                    : one_line ? ", "
                               : ",",
                    separator, key,
                    Render(is_map ? node.members[i].value : node.items[i],
                           one_line ? kOneLine : indent + 2, indent + 2 + key.size()));
  }
  if (!one_line && count > 0) absl::StrAppend(&text, "\n", std::string(indent, ' '));
  text.push_back(is_map ? '}' : ']');
  return text;
}

std::string Render(const Node& node, size_t indent, size_t column) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
      return node.boolean ? "true" : "false";
    case Node::Kind::kNumber:
      return node.text;
    case Node::Kind::kString:
      return Quoted(node.text);
    case Node::Kind::kList:
    case Node::Kind::kMap:
      break;
  }
  std::string line = RenderParts(node, kOneLine);
  // A comma may follow.
  if (indent == kOneLine || column + line.size() < kLineColumnsMax) return line;
  return RenderParts(node, indent);
}

}  // namespace

std::string ExportJson(const v1::Machine& machine) {
  v1::Machine source = machine;
  source.clear_version();
  source.clear_semantics_version();
  source.clear_definition_hash();
  absl::StatusOr<Node> tree = ParseJson(ToJson(source));
  SWOOSH_CHECK(tree.ok());  // We wrote it ourselves.
  for (Node::Member& member : tree->members) {
    if (member.key == "context") SortKeys(&member.value);
  }
  return Render(*tree, 0, 0) + "\n";
}

}  // namespace swoosh
