#include "core/expression_builder.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/limits.h"
#include "core/utf8.h"

namespace swoosh::expression_internal {
namespace {

// Names that CEL reserves, and that so can't be a name here either.
constexpr absl::string_view kReservedWords[] = {
    "as",       "break",   "const",  "continue", "else", "false", "for",
    "function", "if",      "import", "in",       "let",  "loop",  "namespace",
    "null",     "package", "return", "true",     "var",  "void",  "while"};

bool IsReserved(absl::string_view name) {
  return std::find(std::begin(kReservedWords), std::end(kReservedWords), name) !=
         std::end(kReservedWords);
}

bool IsWordByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

Op BinaryOp(absl::string_view symbol) {
  struct Entry {
    absl::string_view symbol;
    Op op;
  };
  static constexpr Entry kEntries[] = {
      {"*", Op::kMultiply},      {"/", Op::kDivide}, {"%", Op::kModulo},    {"+", Op::kAdd},
      {"-", Op::kSubtract},      {"<", Op::kLess},   {">", Op::kGreater},   {"<=", Op::kLessEqual},
      {">=", Op::kGreaterEqual}, {"==", Op::kEqual}, {"!=", Op::kNotEqual}, {"in", Op::kIn}};
  for (const Entry& entry : kEntries) {
    if (entry.symbol == symbol) return entry.op;
  }
  SWOOSH_CHECK(false);
  return Op::kAdd;
}

// What a newcomer may have meant by what stands where an operator should.
absl::string_view OperatorHint(absl::string_view rest, absl::string_view word) {
  if (word == "and") return ": 'and' is written '&&'";
  if (word == "or") return ": 'or' is written '||'";
  if (word == "not") return ": 'not' is written '!'";
  if (absl::StartsWith(rest, "=")) return ": equality is '=='";
  if (absl::StartsWith(rest, "&")) return ": 'and' is written '&&'";
  if (absl::StartsWith(rest, "|")) return ": 'or' is written '||'";
  return "";
}

}  // namespace

Program Builder::Finish() && {
  SWOOSH_CHECK(operands_.size() == 1 && marks_.empty() && names_.empty() && operators_.empty());
  program_.root = operands_[0];
  return std::move(program_);
}

void Builder::Fail(size_t offset, std::string message) const {
  throw SyntaxError{offset, std::move(message)};
}

absl::string_view Builder::WordAt(size_t offset) const {
  const absl::string_view rest = absl::string_view(program_.text).substr(offset);
  size_t size = 0;
  while (size < rest.size() && IsWordByte(rest[size])) ++size;
  return rest.substr(0, size);
}

std::string Builder::Found(size_t offset) const {
  const absl::string_view rest = absl::string_view(program_.text).substr(offset);
  if (rest.empty()) return "the end";
  absl::string_view found = WordAt(offset);
  if (found.empty()) {
    size_t size = 1;  // of the one character there
    while (size < rest.size() && (rest[size] & 0xC0) == 0x80) ++size;
    found = rest.substr(0, size);
  }
  if (found.size() > kShownBytesMax) found = found.substr(0, kShownBytesMax);
  if (!absl::ascii_isascii(static_cast<unsigned char>(found[0])) ||
      absl::ascii_isprint(static_cast<unsigned char>(found[0]))) {
    return absl::StrCat("'", found, "'");
  }
  return absl::StrCat("the control character 0x", absl::Hex(found[0], absl::kZeroPad2));
}

void Builder::FailOperand(size_t offset) const {
  if (last_token_end_ == 0) {
    if (offset == program_.text.size()) Fail(offset, "the expression is empty");
    Fail(offset, absl::StrCat("expected an operand, found ", Found(offset)));
  }
  Fail(offset,
       absl::StrCat("expected an operand after '", last_token_, "', found ", Found(offset)));
}

void Builder::FailOperator(size_t offset) const {
  const absl::string_view rest = absl::string_view(program_.text).substr(offset);
  if (!rest.empty() && (rest[0] == ')' || rest[0] == ']' || rest[0] == '}')) {
    Fail(offset, absl::StrCat("'", rest.substr(0, 1), "' closes nothing"));
  }
  Fail(offset, absl::StrCat("expected an operator or the end, found ", Found(offset),
                            OperatorHint(rest, WordAt(offset))));
}

void Builder::FailClose(size_t offset, char close) const {
  SWOOSH_CHECK(!brackets_.empty());
  const absl::string_view text = program_.text;
  Fail(offset, absl::StrCat("expected '", absl::string_view(&close, 1), "' for the '",
                            text.substr(brackets_.back(), 1), "' of column ",
                            ColumnOf(text, brackets_.back()), ", found ", Found(offset),
                            OperatorHint(text.substr(offset), WordAt(offset))));
}

void Builder::FailColon(size_t offset, absl::string_view after) const {
  const absl::string_view text = program_.text;
  Fail(offset, absl::StrCat("expected ':' after ", after, ", found ", Found(offset),
                            OperatorHint(text.substr(offset), WordAt(offset))));
}

void Builder::Enter(size_t offset) {
  if (++depth_ > kExpressionDepthMax) {
    Fail(offset, absl::StrCat("nested more than ", kExpressionDepthMax, " deep"));
  }
}

void Builder::Token(absl::string_view token, size_t end) {
  last_token_ = std::string(token);
  last_token_end_ = end;
}

void Builder::PushOperator(absl::string_view symbol, size_t offset) {
  operators_.push_back({std::string(symbol), offset});
  Token(symbol, offset + symbol.size());
}

void Builder::PushName(absl::string_view name, size_t offset) {
  names_.push_back({std::string(name), offset});
  Token(name, offset + name.size());
}

void Builder::Open(size_t offset) {
  brackets_.push_back(offset);
  Token(absl::string_view(program_.text).substr(offset, 1), offset + 1);
}

std::string* Builder::StartString(size_t offset) {
  string_.clear();
  string_offset_ = offset;
  return &string_;
}

void Builder::AddNumber(absl::string_view digits, size_t offset) {
  const size_t end = offset + digits.size();
  if (end < program_.text.size() && IsWordByte(program_.text[end])) {
    Fail(offset, absl::StrCat("a number can't end in '", WordAt(end), "'"));
  }
  const char* first = digits.data();
  const char* const last = first + digits.size();
  const bool is_hex = absl::StartsWithIgnoreCase(digits, "0x");
  if (is_hex) first += 2;
  double number = 0;
  if (is_hex || std::all_of(first, last, absl::ascii_isdigit)) {
    uint64_t integer = 0;
    const auto read = std::from_chars(first, last, integer, is_hex ? 16 : 10);
    if (read.ec != std::errc() || integer > static_cast<uint64_t>(kExactIntegerMax)) {
      Fail(offset,
           absl::StrCat(digits, " is beyond 2^53, up to where a double holds every integer"));
    }
    number = static_cast<double>(integer);
  } else {
    const auto read = std::from_chars(first, last, number);
    if (read.ec != std::errc() || read.ptr != last) {
      Fail(offset, absl::StrCat(digits, " is beyond the range of a double"));
    }
  }
  Token(digits, end);
  AddConstant(Value::Number(number), offset, end);
}

void Builder::AddString(size_t end) {
  Token(absl::string_view(program_.text).substr(string_offset_, end - string_offset_), end);
  AddConstant(Value::String(string_), string_offset_, end);
}

void Builder::AddName() {
  PendingName name = PopName();
  const size_t end = name.offset + name.text.size();
  if (name.text == "true" || name.text == "false") {
    AddConstant(Value::Bool(name.text == "true"), name.offset, end);
  } else if (name.text == "null") {
    AddConstant(Value(), name.offset, end);
  } else if (IsReserved(name.text)) {
    Fail(name.offset, absl::StrCat("'", name.text, "' is a reserved word"));
  } else {
    Add(Op::kName, name.offset, name.offset, {}, NewName(std::move(name.text)));
  }
}

void Builder::AddCall() {
  PendingName name = PopName();
  if (IsReserved(name.text)) {
    Fail(name.offset, absl::StrCat("'", name.text, "' is a reserved word"));
  }
  Add(Op::kCall, name.offset, name.offset, PopToMark(), NewName(std::move(name.text)));
}

void Builder::AddMethod() {
  PendingName name = PopName();
  std::vector<NodeIndex> operands = PopToMark();
  operands.insert(operands.begin(), Pop());
  Add(Op::kMethod, name.offset, name.offset, std::move(operands), NewName(std::move(name.text)));
}

void Builder::AddField() {
  PendingName name = PopName();
  if (IsReserved(name.text)) {
    Fail(name.offset,
         absl::StrCat("'", name.text, "' is a reserved word: write ['", name.text, "']"));
  }
  Add(Op::kSelect, name.offset, name.offset, {Pop()}, NewName(std::move(name.text)));
}

void Builder::AddIndex() {
  std::vector<NodeIndex> operands = PopToMark();
  operands.insert(operands.begin(), Pop());
  Close();
  const size_t at = program_.nodes[operands[1]].begin;
  Add(Op::kIndex, at, at, std::move(operands));
}

void Builder::AddList() {
  const size_t begin = brackets_.back();
  Close();
  Add(Op::kList, begin, begin, PopToMark());
}

void Builder::AddMap() {
  const size_t begin = brackets_.back();
  Close();
  Add(Op::kMap, begin, begin, PopToMark());
}

void Builder::Parenthesise() {
  Node& node = program_.nodes[operands_.back()];
  node.begin = static_cast<uint16_t>(brackets_.back());
  node.end = static_cast<uint16_t>(last_token_end_);
  Close();
  marks_.pop_back();
}

void Builder::AddUnary() {
  const PendingOperator symbol = PopOperator();
  Add(symbol.symbol == "!" ? Op::kNot : Op::kNegate, symbol.offset, symbol.offset, {Pop()});
}

void Builder::AddBinary() {
  const PendingOperator symbol = PopOperator();
  const NodeIndex right = Pop();
  const NodeIndex left = Pop();
  Add(BinaryOp(symbol.symbol), symbol.offset, symbol.offset, {left, right});
}

void Builder::AddChain(Op op) {
  std::vector<NodeIndex> operands = PopToMark();
  if (operands.size() == 1) {
    operands_.push_back(operands[0]);
    return;
  }
  size_t at = 0;
  for (size_t i = 1; i < operands.size(); ++i) at = PopOperator().offset;
  Add(op, at, at, std::move(operands));
}

void Builder::AddConditional() {
  const NodeIndex otherwise = Pop();
  const NodeIndex then = Pop();
  const NodeIndex condition = Pop();
  const size_t at = PopOperator().offset;
  Add(Op::kConditional, at, at, {condition, then, otherwise});
}

NodeIndex Builder::Pop() {
  SWOOSH_CHECK(!operands_.empty());
  const NodeIndex node = operands_.back();
  operands_.pop_back();
  return node;
}

std::vector<NodeIndex> Builder::PopToMark() {
  SWOOSH_CHECK(!marks_.empty() && marks_.back() <= operands_.size());
  const auto from = operands_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<NodeIndex> operands(from, operands_.end());
  operands_.erase(from, operands_.end());
  marks_.pop_back();
  return operands;
}

Builder::PendingName Builder::PopName() {
  SWOOSH_CHECK(!names_.empty());
  PendingName name = std::move(names_.back());
  names_.pop_back();
  return name;
}

Builder::PendingOperator Builder::PopOperator() {
  SWOOSH_CHECK(!operators_.empty());
  PendingOperator symbol = std::move(operators_.back());
  operators_.pop_back();
  return symbol;
}

uint32_t Builder::NewName(std::string name) {
  program_.names.push_back(std::move(name));
  return static_cast<uint32_t>(program_.names.size() - 1);
}

void Builder::AddConstant(Value value, size_t begin, size_t end) {
  program_.constants.push_back(std::move(value));
  Add(Op::kConstant, begin, begin, {}, static_cast<uint32_t>(program_.constants.size() - 1));
  Node& node = program_.nodes.back();
  node.end = static_cast<uint16_t>(end);
  node.kinds = SetOf(program_.constants.back().kind());
}

void Builder::Add(Op op, size_t begin, size_t at, std::vector<NodeIndex> operands,
                  uint32_t payload) {
  Node node;
  node.op = op;
  node.begin = static_cast<uint16_t>(begin);
  if (!operands.empty()) node.begin = std::min(node.begin, program_.nodes[operands[0]].begin);
  node.end = static_cast<uint16_t>(last_token_end_);
  node.at = static_cast<uint16_t>(at);
  node.first = static_cast<uint16_t>(program_.links.size());
  node.count = static_cast<uint16_t>(operands.size());
  node.payload = payload;
  int height = 1;
  for (const NodeIndex operand : operands) height = std::max(height, heights_[operand] + 1);
  if (height > kTreeHeightMax) {
    Fail(at, absl::StrCat("more than ", kTreeHeightMax, " operators, one inside the other"));
  }
  program_.links.insert(program_.links.end(), operands.begin(), operands.end());
  operands_.push_back(static_cast<NodeIndex>(program_.nodes.size()));
  program_.nodes.push_back(node);
  heights_.push_back(height);
}

}  // namespace swoosh::expression_internal
