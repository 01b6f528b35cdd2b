#ifndef SWOOSH_CORE_EXPRESSION_PROGRAM_H_
#define SWOOSH_CORE_EXPRESSION_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/expression_pattern.h"
#include "core/value.h"

// An expression as a tree in a few vectors: made by the parser, resolved by the checker, walked by
// the evaluator.
namespace swoosh::expression_internal {

enum class Op : uint8_t {
  // Only between parser and checker. payload: names.
  kName,
  kCall,    // operands: the arguments
  kMethod,  // operands: the receiver, the arguments

  kConstant,  // payload: constants
  kContext,
  kEventName,
  kEventData,
  kEventActor,
  kEventTime,
  kHasEventData,
  kVariable,  // payload: slot
  kInState,   // payload: state index

  kSelect,  // payload: names. operand: map
  kHas,     // payload: names. operand: map
  kIndex,   // operands: list or map, index
  kList,    // operands: items
  kMap,     // operands: key, value, key, value, …

  kNot,
  kNegate,
  kMultiply,
  kDivide,
  kModulo,
  kAdd,
  kSubtract,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kEqual,
  kNotEqual,
  kIn,
  kAnd,          // two operands or more
  kOr,           // two operands or more
  kConditional,  // operands: condition, then, else

  kSize,
  kStartsWith,
  kEndsWith,
  kContains,
  kMatches,  // payload: patterns, or kNoPattern
  kToString,
  kToDouble,
  kToInt,

  // payload: slot of the variable. operands: list or map, body
  kAll,
  kExists,
  kExistsOne,
  kFilter,
  kMapEach,  // operands: list or map, predicate where there are three, body
};

// Bit i: Value::Kind i.
using KindSet = uint8_t;
constexpr KindSet SetOf(Value::Kind kind) {
  return static_cast<KindSet>(1 << static_cast<int>(kind));
}
inline constexpr KindSet kBoolOnly = SetOf(Value::Kind::kBool);
inline constexpr KindSet kNumberOnly = SetOf(Value::Kind::kNumber);
inline constexpr KindSet kStringOnly = SetOf(Value::Kind::kString);
inline constexpr KindSet kListOnly = SetOf(Value::Kind::kList);
inline constexpr KindSet kMapOnly = SetOf(Value::Kind::kMap);
inline constexpr KindSet kAnyKind = 0x3F;

// "number", or "string or list": for messages.
std::string KindSetText(KindSet kinds);

using NodeIndex = uint16_t;  // a text of kExpressionBytesMax makes fewer nodes

inline constexpr uint32_t kNoPattern = UINT32_MAX;

struct Node {
  Op op = Op::kConstant;
  KindSet kinds = kAnyKind;  // what the result can be, as far as is known without a scope
  uint16_t begin = 0;        // the text: bytes [begin, end)
  uint16_t end = 0;
  uint16_t at = 0;     // the operator or name in it: where a message points
  uint16_t first = 0;  // the operands: links [first, first + count)
  uint16_t count = 0;
  uint32_t payload = 0;
};

struct Program {
  std::string text;
  std::vector<Node> nodes;
  std::vector<NodeIndex> links;
  std::vector<Value> constants;
  std::vector<std::string> names;
  std::vector<std::unique_ptr<const Pattern>> patterns;
  NodeIndex root = 0;

  absl::Span<const NodeIndex> OperandsOf(const Node& node) const {
    return absl::MakeConstSpan(links).subspan(node.first, node.count);
  }
  const Node& Operand(const Node& node, size_t i) const { return nodes[links[node.first + i]]; }
  // The part of the text, on one line, cut in the middle to at most kShownBytesMax.
  std::string TextOf(const Node& node) const;
};

// More operators than this, one inside the other (a + b + c …, a.b.c …; operands of && and || stand
// side by side), are refused: that bounds the stack of everything that walks the tree. As the other
// bounds of the language it belongs to a reducer version.
inline constexpr int kTreeHeightMax = 256;

inline constexpr size_t kShownBytesMax = 64;  // of a subexpression or value, in messages

// The column of the byte at `offset` in its line, from 1, in code points. Requires UTF-8.
size_t ColumnOf(absl::string_view text, size_t offset);

// kInvalidArgument "line 1, column 14: MESSAGE". Requires UTF-8.
absl::Status ErrorAt(absl::string_view text, size_t offset, absl::string_view message);

}  // namespace swoosh::expression_internal

#endif  // SWOOSH_CORE_EXPRESSION_PROGRAM_H_
