#include <charconv>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/expression_evaluator.h"
#include "core/expression_pattern.h"
#include "core/utf8.h"

namespace swoosh::expression_internal {
namespace {

int64_t BytesCost(size_t bytes) { return static_cast<int64_t>(bytes) / kBytesPerCost; }

bool IsExactInteger(double number) {
  return number >= -kExactIntegerMax && number <= kExactIntegerMax &&
         static_cast<double>(static_cast<int64_t>(number)) == number;
}

template <typename T>
bool Holds(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

bool IsDigitAt(const std::string& text, size_t at) {
  return at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]));
}

// A number as JSON writes it, or with more zeros in front: std::from_chars also takes infinities,
// NaN and a point without digits on both sides.
std::optional<double> NumberOf(const std::string& text) {
  const char* const last = text.data() + text.size();
  if (!IsDigitAt(text, !text.empty() && text[0] == '-' ? 1 : 0)) return std::nullopt;
  const size_t point = text.find('.');
  if (point != std::string::npos && !IsDigitAt(text, point + 1)) return std::nullopt;
  double number = 0;
  const auto read = std::from_chars(text.data(), last, number);
  if (read.ec != std::errc() || read.ptr != last) return std::nullopt;
  return number;
}

}  // namespace

const Value* Evaluator::Finite(NodeIndex index, double number, Value* scratch) {
  constexpr double kMax = std::numeric_limits<double>::max();
  if (!(number >= -kMax && number <= kMax)) return Fail(index, "the result is not a finite number");
  return Give(Value::Number(number), scratch);
}

const Value* Evaluator::Arithmetic(const Node& node, NodeIndex index, Value* scratch) {
  Value a_scratch;
  const Value* a = OperandOf(Value::Kind::kNumber, Link(node, 0), &a_scratch);
  if (a == nullptr) return nullptr;
  if (node.op == Op::kNegate) return Give(Value::Number(-a->as_number()), scratch);
  Value b_scratch;
  const Value* b = OperandOf(Value::Kind::kNumber, Link(node, 1), &b_scratch);
  if (b == nullptr) return nullptr;
  const double x = a->as_number();
  const double y = b->as_number();
  if ((node.op == Op::kDivide || node.op == Op::kModulo) && y == 0) {
    return Fail(index, "division by zero");
  }
  switch (node.op) {
    case Op::kSubtract:
      return Finite(index, x - y, scratch);
    case Op::kMultiply:
      return Finite(index, x * y, scratch);
    case Op::kDivide:
      return Finite(index, x / y, scratch);
    default:
      return Modulo(index, x, y, scratch);
  }
}

const Value* Evaluator::Modulo(NodeIndex index, double a, double b, Value* scratch) {
  if (!IsExactInteger(a) || !IsExactInteger(b)) {
    return Fail(index, "the operands of % must be integers of at most 2^53");
  }
  const int64_t rest = static_cast<int64_t>(a) % static_cast<int64_t>(b);
  return Give(Value::Number(static_cast<double>(rest)), scratch);
}

const Value* Evaluator::Add(const Node& node, NodeIndex index, Value* scratch) {
  Value a_scratch;
  const Value* a = Evaluate(Link(node, 0), &a_scratch);
  if (a == nullptr) return nullptr;
  Value b_scratch;
  const Value* b = Evaluate(Link(node, 1), &b_scratch);
  if (b == nullptr) return nullptr;
  if (a->is_number() && b->is_number()) {
    return Finite(index, a->as_number() + b->as_number(), scratch);
  }
  if (a->kind() == b->kind() && (a->is_string() || a->is_list())) {
    return Join(index, *a, *b, scratch);
  }
  return Fail(index,
              absl::StrCat("can't add a ", KindName(b->kind()), " to a ", KindName(a->kind())));
}

// Two strings, or two lists.
const Value* Evaluator::Join(NodeIndex index, const Value& a, const Value& b, Value* scratch) {
  if (a.is_string()) {
    if (!Charge(index, BytesCost(a.as_string().size() + b.as_string().size()))) return nullptr;
    return GiveComputed(index, Value::String(a.as_string() + b.as_string()), scratch);
  }
  const size_t count = a.as_list().size() + b.as_list().size();
  if (!Charge(index, static_cast<int64_t>(count))) return nullptr;
  Value::List items;
  items.reserve(count);
  items.insert(items.end(), a.as_list().begin(), a.as_list().end());
  items.insert(items.end(), b.as_list().begin(), b.as_list().end());
  return GiveComputed(index, Value::OfList(std::move(items)), scratch);
}

const Value* Evaluator::Compare(const Node& node, NodeIndex index, Value* scratch) {
  Value a_scratch;
  const Value* a = Evaluate(Link(node, 0), &a_scratch);
  if (a == nullptr) return nullptr;
  Value b_scratch;
  const Value* b = Evaluate(Link(node, 1), &b_scratch);
  if (b == nullptr) return nullptr;
  if (a->kind() == b->kind()) {
    if (a->is_number()) {
      return Give(Value::Bool(Holds(node.op, a->as_number(), b->as_number())), scratch);
    }
    if (a->is_string()) {
      const size_t size = std::min(a->as_string().size(), b->as_string().size());
      if (!Charge(index, BytesCost(size))) return nullptr;
      return Give(Value::Bool(Holds(node.op, a->as_string(), b->as_string())), scratch);
    }
    if (a->is_bool()) {
      return Give(Value::Bool(Holds(node.op, a->as_bool(), b->as_bool())), scratch);
    }
  }
  return Fail(index,
              absl::StrCat("can't order a ", KindName(a->kind()), " and a ", KindName(b->kind())));
}

const Value* Evaluator::Equality(const Node& node, NodeIndex index, Value* scratch) {
  Value a_scratch;
  const Value* a = Evaluate(Link(node, 0), &a_scratch);
  if (a == nullptr) return nullptr;
  Value b_scratch;
  const Value* b = Evaluate(Link(node, 1), &b_scratch);
  if (b == nullptr) return nullptr;
  const std::optional<bool> equal = Equal(index, *a, *b);
  if (!equal.has_value()) return nullptr;
  return Give(Value::Bool(*equal == (node.op == Op::kEqual)), scratch);
}

const Value* Evaluator::In(const Node& node, NodeIndex index, Value* scratch) {
  Value item_scratch;
  const Value* item = Evaluate(Link(node, 0), &item_scratch);
  if (item == nullptr) return nullptr;
  Value range_scratch;
  const Value* range = Evaluate(Link(node, 1), &range_scratch);
  if (range == nullptr) return nullptr;
  if (range->is_map()) {
    if (!item->is_string()) {
      return Fail(Link(node, 0), absl::StrCat("is a ", KindName(item->kind()),
                                              ", where a string (a map's key) is wanted"));
    }
    if (!Charge(index, BytesCost(item->as_string().size()))) return nullptr;
    return Give(Value::Bool(range->Find(item->as_string()) != nullptr), scratch);
  }
  if (!range->is_list()) {
    return Fail(Link(node, 1),
                absl::StrCat("is a ", KindName(range->kind()), ", where a list or map is wanted"));
  }
  for (const Value& other : range->as_list()) {
    if (!Charge(index, 1)) return nullptr;
    const std::optional<bool> equal = Equal(index, *item, other);
    if (!equal.has_value()) return nullptr;
    if (*equal) return Give(Value::Bool(true), scratch);
  }
  return Give(Value::Bool(false), scratch);
}

// Walks both, even where they share their content: the cost is a function of the content alone.
std::optional<bool> Evaluator::Equal(NodeIndex index, const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
      return a.as_bool() == b.as_bool();
    case Value::Kind::kNumber:
      return a.as_number() == b.as_number();
    case Value::Kind::kString:
      if (a.as_string().size() != b.as_string().size()) return false;
      if (!Charge(index, BytesCost(a.as_string().size()))) return std::nullopt;
      return a.as_string() == b.as_string();
    case Value::Kind::kList:
      return EqualItems(index, a, b);
    case Value::Kind::kMap:
      return EqualMembers(index, a, b);
  }
  return false;
}

std::optional<bool> Evaluator::EqualItems(NodeIndex index, const Value& a, const Value& b) {
  if (a.as_list().size() != b.as_list().size()) return false;
  for (size_t i = 0; i < a.as_list().size(); ++i) {
    if (!Charge(index, 1)) return std::nullopt;
    const std::optional<bool> equal = Equal(index, a.as_list()[i], b.as_list()[i]);
    if (equal != true) return equal;
  }
  return true;
}

std::optional<bool> Evaluator::EqualMembers(NodeIndex index, const Value& a, const Value& b) {
  if (a.as_map().size() != b.as_map().size()) return false;
  for (size_t i = 0; i < a.as_map().size(); ++i) {
    const auto& [key, member] = a.as_map()[i];
    if (!Charge(index, 1 + BytesCost(key.size()))) return std::nullopt;
    if (key != b.as_map()[i].first) return false;
    const std::optional<bool> equal = Equal(index, member, b.as_map()[i].second);
    if (equal != true) return equal;
  }
  return true;
}

const Value* Evaluator::Size(const Node& node, NodeIndex index, Value* scratch) {
  Value operand_scratch;
  const Value* operand = Evaluate(Link(node, 0), &operand_scratch);
  if (operand == nullptr) return nullptr;
  size_t size = 0;
  if (operand->is_string()) {
    if (!Charge(index, BytesCost(operand->as_string().size()))) return nullptr;
    size = CodePointCount(operand->as_string());
  } else if (operand->is_list()) {
    size = operand->as_list().size();
  } else if (operand->is_map()) {
    size = operand->as_map().size();
  } else {
    return Fail(index, absl::StrCat("a ", KindName(operand->kind()), " has no size"));
  }
  return Give(Value::Number(static_cast<double>(size)), scratch);
}

const Value* Evaluator::Search(const Node& node, NodeIndex index, Value* scratch) {
  Value text_scratch;
  const Value* text = OperandOf(Value::Kind::kString, Link(node, 0), &text_scratch);
  if (text == nullptr) return nullptr;
  Value part_scratch;
  const Value* part = OperandOf(Value::Kind::kString, Link(node, 1), &part_scratch);
  if (part == nullptr) return nullptr;
  const std::string& whole = text->as_string();
  const std::string& wanted = part->as_string();
  bool found = false;
  if (node.op == Op::kContains) {
    // The naive search that a library may use is the product of the sizes.
    const int64_t cost = BytesCost(whole.size()) * (1 + BytesCost(wanted.size()));
    if (!Charge(index, cost)) return nullptr;
    found = absl::StrContains(whole, wanted);
  } else {
    if (!Charge(index, BytesCost(wanted.size()))) return nullptr;
    found = node.op == Op::kStartsWith ? absl::StartsWith(whole, wanted)
                                       : absl::EndsWith(whole, wanted);
  }
  return Give(Value::Bool(found), scratch);
}

const Value* Evaluator::Matches(const Node& node, NodeIndex index, Value* scratch) {
  Value text_scratch;
  const Value* text = OperandOf(Value::Kind::kString, Link(node, 0), &text_scratch);
  if (text == nullptr) return nullptr;
  Value pattern_scratch;
  const Value* pattern = OperandOf(Value::Kind::kString, Link(node, 1), &pattern_scratch);
  if (pattern == nullptr) return nullptr;
  std::unique_ptr<const Pattern> compiled_here;
  const Pattern* compiled = nullptr;
  if (node.payload != kNoPattern) {
    compiled = program_.patterns[node.payload].get();
  } else {
    const int64_t weight = PatternWeight(pattern->as_string());
    if (!Charge(index, kPatternCost + weight / kPatternWeightPerCost)) return nullptr;
    std::string failure;
    compiled_here = Pattern::Compile(pattern->as_string(), &failure);
    if (compiled_here == nullptr) return Fail(index, std::move(failure));
    compiled = compiled_here.get();
  }
  const auto bytes = static_cast<int64_t>(text->as_string().size());
  if (!Charge(index, bytes * compiled->weight() / kMatchWorkPerCost)) return nullptr;
  return Give(Value::Bool(compiled->MatchesPartOf(text->as_string())), scratch);
}

const Value* Evaluator::ToText(const Node& node, NodeIndex index, Value* scratch) {
  const Value* operand = Evaluate(Link(node, 0), scratch);
  if (operand == nullptr || operand->is_string()) return operand;
  if (operand->is_number() || operand->is_bool()) {
    return Give(Value::String(ToJsonText(*operand)), scratch);
  }
  return Fail(index, absl::StrCat("can't make a string of a ", KindName(operand->kind())));
}

const Value* Evaluator::ToDouble(const Node& node, NodeIndex index, Value* scratch) {
  const Value* operand = Evaluate(Link(node, 0), scratch);
  if (operand == nullptr || operand->is_number()) return operand;
  if (!operand->is_string()) {
    return Fail(index, absl::StrCat("can't make a number of a ", KindName(operand->kind())));
  }
  if (!Charge(index, BytesCost(operand->as_string().size()))) return nullptr;
  const std::optional<double> number = NumberOf(operand->as_string());
  if (!number.has_value()) {
    return Fail(index, absl::StrCat(ToJsonText(*operand, kShownBytesMax), " is no number"));
  }
  return Give(Value::Number(*number), scratch);
}

const Value* Evaluator::ToInt(const Node& node, NodeIndex index, Value* scratch) {
  Value operand_scratch;
  const Value* operand = Evaluate(Link(node, 0), &operand_scratch);
  if (operand == nullptr) return nullptr;
  if (operand->is_number()) {
    const double number = operand->as_number();
    if (!(number >= -kExactIntegerMax && number <= kExactIntegerMax)) {
      return Fail(index, absl::StrCat(ToJsonText(*operand), " is beyond 2^53"));
    }
    return Give(Value::Number(static_cast<double>(static_cast<int64_t>(number))), scratch);
  }
  if (!operand->is_string()) {
    return Fail(index, absl::StrCat("can't make an integer of a ", KindName(operand->kind())));
  }
  const std::string& text = operand->as_string();
  if (!Charge(index, BytesCost(text.size()))) return nullptr;
  int64_t integer = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), integer);
  const bool is_integer = read.ptr == text.data() + text.size() && !text.empty() &&
                          read.ec != std::errc::invalid_argument;
  if (!is_integer) {
    return Fail(index, absl::StrCat(ToJsonText(*operand, kShownBytesMax), " is no integer"));
  }
  constexpr auto kMax = static_cast<int64_t>(kExactIntegerMax);
  if (read.ec != std::errc() || integer < -kMax || integer > kMax) {
    return Fail(index, absl::StrCat(ToJsonText(*operand, kShownBytesMax), " is beyond 2^53"));
  }
  return Give(Value::Number(static_cast<double>(integer)), scratch);
}

}  // namespace swoosh::expression_internal
