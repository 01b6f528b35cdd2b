#ifndef SWOOSH_CORE_EXPRESSION_EVALUATOR_H_
#define SWOOSH_CORE_EXPRESSION_EVALUATOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/expression_program.h"
#include "core/expression_scope.h"
#include "core/limits.h"
#include "core/value.h"

namespace swoosh::expression_internal {

// Bound on a computed string, list or map, in canonical encoding. Without it a value that shares
// its parts could have a content exponential in the cost.
inline constexpr size_t kComputedBytesMax = kContextBytesMax;

// Costs, beside 1 for each evaluated node. core/expression.md lists them.
inline constexpr int64_t kBytesPerCost = 64;         // of strings compared, joined, searched
inline constexpr int64_t kMatchWorkPerCost = 256;    // of bytes of text times the pattern's weight
inline constexpr int64_t kPatternCost = 100;         // to compile a pattern in an evaluation, and
inline constexpr int64_t kPatternWeightPerCost = 4;  // so much of its weight

// Walks a resolved program once, or several times on one budget. Not thread-safe; one a thread and
// evaluation. Neither clock, randomness, locale nor libm is reached: additions, subtractions,
// multiplications, divisions and comparisons of doubles are IEEE 754's.
class Evaluator {
 public:
  // The arguments must outlive it.
  Evaluator(const Program& program, const ExpressionScope& scope,
            int64_t cost_max = kExpressionCostMax)
      : program_(program), scope_(scope), cost_max_(cost_max) {}
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // The node's value: either `*scratch`, or a value that lives as long as scope, program and bound
  // variables. nullptr on an error.
  const Value* Evaluate(NodeIndex node, Value* scratch);

  // The variable in `slot`, for Evaluate of a macro's body.
  void Bind(uint32_t slot, const Value* value) { slots_[slot] = value; }

  // kInvalidArgument "SUBEXPRESSION: REASON". Requires that Evaluate returned nullptr.
  absl::Status status() const;
  // Where and why, without the subexpression.
  NodeIndex failed_node() const { return failure_->node; }
  const std::string& failure_reason() const { return failure_->reason; }
  // Lets a caller go on after an error. False when the budget is used up, which no one may absorb.
  bool ForgetFailure();

 private:
  struct Failure {
    NodeIndex node;
    std::string reason;
  };

  const Value* Dispatch(const Node& node, NodeIndex index, Value* scratch);
  const Value* Fail(NodeIndex node, std::string reason);
  bool Charge(NodeIndex node, int64_t cost);
  const Value* Give(Value value, Value* scratch) { return &(*scratch = std::move(value)); }
  const Value* GiveComputed(NodeIndex node, Value value, Value* scratch);
  NodeIndex Link(const Node& node, size_t i) const { return program_.links[node.first + i]; }
  // The operand, which must be of `kind`; nullptr on an error.
  const Value* OperandOf(Value::Kind kind, NodeIndex operand, Value* scratch);

  // In expression_evaluator.cc: names, access, logic, macros.
  bool IsActive(uint32_t state) const;
  const Value* Select(const Node& node, NodeIndex index, Value* scratch);
  const Value* Has(const Node& node, Value* scratch);
  const Value* Index(const Node& node, NodeIndex index, Value* scratch);
  const Value* List(const Node& node, NodeIndex index, Value* scratch);
  const Value* Map(const Node& node, NodeIndex index, Value* scratch);
  const Value* Not(const Node& node, Value* scratch);
  const Value* Chain(const Node& node, bool decisive, Value* scratch);
  const Value* Conditional(const Node& node, Value* scratch);
  const Value* Macro(const Node& node, NodeIndex index, Value* scratch);
  struct Loop;
  bool Iterate(const Node& node, const Value& item, Loop* loop);

  // In expression_operators.cc: operators and functions on values.
  const Value* Arithmetic(const Node& node, NodeIndex index, Value* scratch);
  const Value* Add(const Node& node, NodeIndex index, Value* scratch);
  const Value* Join(NodeIndex index, const Value& a, const Value& b, Value* scratch);
  const Value* Modulo(NodeIndex index, double a, double b, Value* scratch);
  const Value* Finite(NodeIndex index, double number, Value* scratch);
  const Value* Compare(const Node& node, NodeIndex index, Value* scratch);
  const Value* Equality(const Node& node, NodeIndex index, Value* scratch);
  const Value* In(const Node& node, NodeIndex index, Value* scratch);
  // Nothing when the budget is used up.
  std::optional<bool> Equal(NodeIndex index, const Value& a, const Value& b);
  std::optional<bool> EqualItems(NodeIndex index, const Value& a, const Value& b);
  std::optional<bool> EqualMembers(NodeIndex index, const Value& a, const Value& b);
  const Value* Size(const Node& node, NodeIndex index, Value* scratch);
  const Value* Search(const Node& node, NodeIndex index, Value* scratch);
  const Value* Matches(const Node& node, NodeIndex index, Value* scratch);
  const Value* ToText(const Node& node, NodeIndex index, Value* scratch);
  const Value* ToDouble(const Node& node, NodeIndex index, Value* scratch);
  const Value* ToInt(const Node& node, NodeIndex index, Value* scratch);

  const Program& program_;
  const ExpressionScope& scope_;
  const int64_t cost_max_;
  int64_t cost_ = 0;
  std::optional<Failure> failure_;
  std::array<const Value*, kExpressionDepthMax> slots_;  // each macro nests once more
};

}  // namespace swoosh::expression_internal

#endif  // SWOOSH_CORE_EXPRESSION_EVALUATOR_H_
