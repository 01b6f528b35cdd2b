#include "cli/conversion/literal.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/proto_text.h"

namespace swoosh {
namespace {

// Appends "[a, b]" or "{'k': a}" piece by piece.
class Sequence {
 public:
  Sequence(char open, char close) : close_(close), text_(1, open) {}
  void Add(absl::string_view item) { absl::StrAppend(&text_, text_.size() > 1 ? ", " : "", item); }
  std::string Finish() && {
    text_.push_back(close_);
    return std::move(text_);
  }

 private:
  const char close_;
  std::string text_;
};

absl::StatusOr<std::string> ListLiteral(const Node& node) {
  Sequence list('[', ']');
  for (const Node& item : node.items) {
    absl::StatusOr<std::string> literal = JsonLiteral(item);
    if (!literal.ok()) return literal;
    list.Add(*literal);
  }
  return std::move(list).Finish();
}

absl::StatusOr<std::string> MapLiteral(const Node& node) {
  Sequence map('{', '}');
  for (const Node::Member& member : node.members) {
    absl::StatusOr<std::string> literal = JsonLiteral(member.value);
    if (!literal.ok()) return literal;
    map.Add(absl::StrCat(StringLiteral(member.key), ": ", *literal));
  }
  return std::move(map).Finish();
}

}  // namespace

std::string StringLiteral(absl::string_view text) {
  std::string literal = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      literal.push_back('\\');
      literal.push_back(c);
    } else if (c == '\n') {
      literal += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppendFormat(&literal, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      literal.push_back(c);
    }
  }
  literal.push_back('\'');
  return literal;
}

absl::StatusOr<std::string> JsonLiteral(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return std::string("null");
    case Node::Kind::kBool:
      return std::string(node.boolean ? "true" : "false");
    case Node::Kind::kNumber: {
      const absl::StatusOr<double> number = ToDouble(node.text);
      if (!number.ok()) return number.status();
      return node.text;
    }
    case Node::Kind::kString:
      return StringLiteral(node.text);
    case Node::Kind::kList:
      return ListLiteral(node);
    case Node::Kind::kMap:
      return MapLiteral(node);
  }
  return std::string("null");
}

std::string ValueLiteral(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case google::protobuf::Value::kNumberValue:
      return ToJson(value);
    case google::protobuf::Value::kStringValue:
      return StringLiteral(value.string_value());
    case google::protobuf::Value::kListValue: {
      Sequence list('[', ']');
      for (const auto& item : value.list_value().values()) list.Add(ValueLiteral(item));
      return std::move(list).Finish();
    }
    case google::protobuf::Value::kStructValue: {
      const auto& fields = value.struct_value().fields();
      const std::map<std::string, google::protobuf::Value> sorted(fields.begin(), fields.end());
      Sequence map('{', '}');
      for (const auto& [key, member] : sorted) {
        map.Add(absl::StrCat(StringLiteral(key), ": ", ValueLiteral(member)));
      }
      return std::move(map).Finish();
    }
    default:
      return "null";
  }
}

}  // namespace swoosh
