#include "cli/conversion/ecmascript.h"

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/conversion/ecmascript_lexer.h"

namespace swoosh {
namespace {

// Words that are no names in an expression. A statement's keyword makes it certain that this is no
// expression at all.
constexpr absl::string_view kReserved[] = {
    "await",   "break",    "case",   "catch",  "class", "const",      "continue", "debugger",
    "default", "delete",   "do",     "else",   "enum",  "export",     "extends",  "finally",
    "for",     "function", "if",     "import", "in",    "instanceof", "let",      "new",
    "return",  "super",    "switch", "this",   "throw", "try",        "typeof",   "var",
    "void",    "while",    "with",   "yield"};

struct Level {
  std::vector<absl::string_view> operators;
};

// Binary operators, the weakest first.
const std::vector<Level>& Levels() {
  static const auto& levels = *new std::vector<Level>{
      {{"||"}},     {{"&&"}},          {{"==", "!=", "===", "!=="}}, {{"<", "<=", ">", ">=", "in"}},
      {{"+", "-"}}, {{"*", "/", "%"}},
  };
  return levels;
}

class Parser {
 public:
  explicit Parser(std::vector<EsToken> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<EsNode> ParseWhole();
  absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> ParseAssignments();

 private:
  using Result = absl::StatusOr<EsNode>;

  const EsToken& next() const { return tokens_[at_]; }
  bool Is(absl::string_view text) const {
    const bool word =
        next().kind == EsToken::Kind::kOperator || next().kind == EsToken::Kind::kName;
    return word && next().text == text;
  }
  bool Accept(absl::string_view text) {
    if (!Is(text)) return false;
    ++at_;
    return true;
  }
  absl::Status Expect(absl::string_view text);
  absl::Status Unexpected() const;

  Result ParseConditional();
  Result ParseBinary(size_t level);
  Result ParseUnary();
  Result ParsePostfix();
  absl::Status ParseStep(EsNode* node);
  Result ParsePrimary();
  Result ParseArray();
  Result ParseObject();
  absl::Status ParseKey(EsNode* object);
  absl::Status ParseAssignment(std::vector<std::pair<EsNode, EsNode>>* assignments);

  // Counts the nesting while it is in scope.
  class Nesting {
   public:
    explicit Nesting(int* depth) : depth_(depth) { ++*depth_; }
    ~Nesting() { --*depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int* const depth_;
  };

  const std::vector<EsToken> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

EsNode MakeNode(EsNode::Kind kind, absl::string_view text, std::vector<EsNode> children = {}) {
  EsNode node;
  node.kind = kind;
  node.text = std::string(text);
  node.children = std::move(children);
  return node;
}

// The depth of operators, which a long chain makes without nesting in the text.
int Depth(const EsNode& node) {
  int deepest = 0;
  for (const EsNode& child : node.children) deepest = std::max(deepest, Depth(child));
  return deepest + 1;
}

absl::Status Parser::Expect(absl::string_view text) {
  if (Accept(text)) return absl::OkStatus();
  return EsError(next().offset, absl::StrCat("expected '", text, "'"));
}

absl::Status Parser::Unexpected() const {
  if (next().kind == EsToken::Kind::kEnd) {
    return EsError(next().offset, "the expression ends too early");
  }
  return EsError(next().offset,
                 absl::StrCat("'", next().text, "' is not in the subset of ECMAScript"));
}

absl::StatusOr<EsNode> Parser::ParseWhole() {
  Result node = ParseConditional();
  if (!node.ok()) return node;
  if (next().kind != EsToken::Kind::kEnd) return Unexpected();
  return node;
}

Parser::Result Parser::ParseConditional() {
  const Nesting nesting(&depth_);
  if (depth_ > kEsDepthMax) return EsError(next().offset, "nested too deep");
  Result condition = ParseBinary(0);
  if (!condition.ok() || !Accept("?")) return condition;
  Result yes = ParseConditional();
  if (!yes.ok()) return yes;
  if (absl::Status status = Expect(":"); !status.ok()) return status;
  Result no = ParseConditional();
  if (!no.ok()) return no;
  return MakeNode(EsNode::Kind::kConditional, "?",
                  {*std::move(condition), *std::move(yes), *std::move(no)});
}

Parser::Result Parser::ParseBinary(size_t level) {
  if (level == Levels().size()) return ParseUnary();
  Result left = ParseBinary(level + 1);
  while (left.ok()) {
    const auto& operators = Levels()[level].operators;
    const auto found = std::find_if(operators.begin(), operators.end(),
                                    [this](absl::string_view each) { return Is(each); });
    if (found == operators.end()) break;
    ++at_;
    Result right = ParseBinary(level + 1);
    if (!right.ok()) return right;
    left = MakeNode(EsNode::Kind::kBinary, *found, {*std::move(left), *std::move(right)});
    if (Depth(*left) > kEsDepthMax) return EsError(next().offset, "nested too deep");
  }
  return left;
}

Parser::Result Parser::ParseUnary() {
  const Nesting nesting(&depth_);
  if (depth_ > kEsDepthMax) return EsError(next().offset, "nested too deep");
  for (const absl::string_view each : {"!", "-", "+", "typeof"}) {
    if (!Accept(each)) continue;
    Result operand = ParseUnary();
    if (!operand.ok()) return operand;
    return MakeNode(EsNode::Kind::kUnary, each, {*std::move(operand)});
  }
  return ParsePostfix();
}

Parser::Result Parser::ParsePostfix() {
  Result node = ParsePrimary();
  if (!node.ok()) return node;
  int steps = 0;
  while (Is(".") || Is("[") || Is("(")) {
    if (++steps > kEsDepthMax) return EsError(next().offset, "nested too deep");
    if (absl::Status status = ParseStep(&*node); !status.ok()) return status;
  }
  return node;
}

// One of .name, [index] and (arguments) after `node`.
absl::Status Parser::ParseStep(EsNode* node) {
  EsNode base = std::move(*node);
  if (Accept(".")) {
    if (next().kind != EsToken::Kind::kName) return Unexpected();
    *node = MakeNode(EsNode::Kind::kMember, next().text, {std::move(base)});
    ++at_;
    return absl::OkStatus();
  }
  if (Accept("[")) {
    Result index = ParseConditional();
    if (!index.ok()) return index.status();
    if (index->kind == EsNode::Kind::kString) {
      *node = MakeNode(EsNode::Kind::kMember, index->text, {std::move(base)});
    } else {
      *node = MakeNode(EsNode::Kind::kIndex, "[]", {std::move(base), *std::move(index)});
    }
    return Expect("]");
  }
  if (absl::Status status = Expect("("); !status.ok()) return status;
  *node = MakeNode(EsNode::Kind::kCall, "()", {std::move(base)});
  if (Accept(")")) return absl::OkStatus();
  do {
    Result argument = ParseConditional();
    if (!argument.ok()) return argument.status();
    node->children.push_back(*std::move(argument));
  } while (Accept(","));
  return Expect(")");
}

Parser::Result Parser::ParsePrimary() {
  const EsToken& token = next();
  switch (token.kind) {
    case EsToken::Kind::kEnd:
      return Unexpected();
    case EsToken::Kind::kNumber: {
      EsNode node = MakeNode(EsNode::Kind::kNumber, "");
      node.number = token.number;
      ++at_;
      return node;
    }
    case EsToken::Kind::kString:
      ++at_;
      return MakeNode(EsNode::Kind::kString, token.text);
    case EsToken::Kind::kName: {
      if (std::find(std::begin(kReserved), std::end(kReserved), token.text) !=
          std::end(kReserved)) {
        return Unexpected();
      }
      ++at_;
      if (token.text == "null") return MakeNode(EsNode::Kind::kNull, "");
      if (token.text != "true" && token.text != "false") {
        return MakeNode(EsNode::Kind::kName, token.text);
      }
      EsNode node = MakeNode(EsNode::Kind::kBool, "");
      node.number = token.text == "true" ? 1 : 0;
      return node;
    }
    case EsToken::Kind::kOperator:
      break;
  }
  if (Accept("(")) {
    Result node = ParseConditional();
    if (!node.ok()) return node;
    if (absl::Status status = Expect(")"); !status.ok()) return status;
    return node;
  }
  if (Accept("[")) return ParseArray();
  if (Accept("{")) return ParseObject();
  return Unexpected();
}

Parser::Result Parser::ParseArray() {
  EsNode node = MakeNode(EsNode::Kind::kArray, "");
  while (!Accept("]")) {
    if (!node.children.empty()) {
      if (absl::Status status = Expect(","); !status.ok()) return status;
      if (Accept("]")) break;
    }
    Result item = ParseConditional();
    if (!item.ok()) return item;
    node.children.push_back(*std::move(item));
  }
  return node;
}

Parser::Result Parser::ParseObject() {
  EsNode node = MakeNode(EsNode::Kind::kObject, "");
  while (!Accept("}")) {
    if (!node.children.empty()) {
      if (absl::Status status = Expect(","); !status.ok()) return status;
      if (Accept("}")) break;
    }
    if (absl::Status status = ParseKey(&node); !status.ok()) return status;
    if (absl::Status status = Expect(":"); !status.ok()) return status;
    Result value = ParseConditional();
    if (!value.ok()) return value;
    node.children.push_back(*std::move(value));
  }
  return node;
}

absl::Status Parser::ParseKey(EsNode* object) {
  const EsToken& token = next();
  if (token.kind != EsToken::Kind::kName && token.kind != EsToken::Kind::kString) {
    return Unexpected();
  }
  if (token.text == "__proto__") return EsError(token.offset, "__proto__ is no key of a value");
  if (std::find(object->keys.begin(), object->keys.end(), token.text) != object->keys.end()) {
    return EsError(token.offset, absl::StrCat("the key '", token.text, "' stands twice"));
  }
  object->keys.push_back(token.text);
  ++at_;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> Parser::ParseAssignments() {
  std::vector<std::pair<EsNode, EsNode>> assignments;
  while (true) {
    while (Accept(";")) {
    }
    if (next().kind == EsToken::Kind::kEnd) return assignments;
    if (absl::Status status = ParseAssignment(&assignments); !status.ok()) return status;
    // A line's end may stand for the semicolon, where the next token can't go on with this one.
    const bool ends = next().kind == EsToken::Kind::kEnd || Is(";") ||
                      (next().after_line_break && next().kind == EsToken::Kind::kName);
    if (!ends) return Unexpected();
  }
}

absl::Status Parser::ParseAssignment(std::vector<std::pair<EsNode, EsNode>>* assignments) {
  Result place = ParsePostfix();
  if (!place.ok()) return place.status();
  const auto add = [&](absl::string_view op, EsNode by) {
    EsNode value = MakeNode(EsNode::Kind::kBinary, op, {*place, std::move(by)});
    assignments->emplace_back(*std::move(place), std::move(value));
  };
  EsNode one = MakeNode(EsNode::Kind::kNumber, "");
  one.number = 1;
  if (Accept("++")) return add("++", std::move(one)), absl::OkStatus();
  if (Accept("--")) return add("-", std::move(one)), absl::OkStatus();
  absl::string_view op;
  for (const absl::string_view each : {"+=", "-=", "*=", "/=", "%="}) {
    if (Accept(each)) op = each.substr(0, 1);
  }
  if (op.empty()) {
    if (absl::Status status = Expect("="); !status.ok()) return status;
  }
  Result value = ParseConditional();
  if (!value.ok()) return value.status();
  if (op.empty()) {
    assignments->emplace_back(*std::move(place), *std::move(value));
  } else {
    add(op, *std::move(value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EsNode> ParseEsExpression(absl::string_view text) {
  absl::StatusOr<std::vector<EsToken>> tokens = ReadEsTokens(text);
  if (!tokens.ok()) return tokens.status();
  return Parser(*std::move(tokens)).ParseWhole();
}

absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> ParseEsAssignments(absl::string_view text) {
  absl::StatusOr<std::vector<EsToken>> tokens = ReadEsTokens(text);
  if (!tokens.ok()) return tokens.status();
  return Parser(*std::move(tokens)).ParseAssignments();
}

}  // namespace swoosh
