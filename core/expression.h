#ifndef SWOOSH_CORE_EXPRESSION_H_
#define SWOOSH_CORE_EXPRESSION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/expression_scope.h"
#include "core/value.h"

// The expression language of guards and assigned values: CEL's syntax, a documented subset, over
// JSON values with one number type. core/expression.md describes it.
namespace swoosh {

// A parsed, checked expression. Immutable and thread-safe.
class Expression {
 public:
  // The index of a state id, or -1: used for In('id').
  using StateLookup = std::function<int(absl::string_view id)>;

  // kInvalidArgument with a message that has line, column and reason: a syntax error, an unknown
  // name or function, In() of an unknown state, an operand whose type can be known to be wrong, a
  // constant that always fails, more than kExpressionBytesMax bytes, nesting beyond
  // kExpressionDepthMax. `states` may be empty: then there is no state.
  static absl::StatusOr<Expression> Parse(absl::string_view text, const StateLookup& states);

  // kInvalidArgument: an operand of the wrong type, a missing field or index, division by zero, a
  // result that is not finite, a value of more than kContextBytesMax bytes or nested beyond
  // kValueDepthMax, a cost beyond kExpressionCostMax. The message names the subexpression.
  // Deterministic on every machine and compiler. Takes at most some milliseconds.
  absl::StatusOr<Value> Evaluate(const ExpressionScope& scope) const;

  // As Evaluate, for guards: kInvalidArgument when the result is no boolean.
  absl::StatusOr<bool> EvaluateBool(const ExpressionScope& scope) const;

  // Why a guard was false, with the values it saw: "context.amount (250) <= 100 is false".
  // Names the operands of the comparisons and operands of && and || that decided it. One line of at
  // most 1,024 bytes.
  std::string Explain(const ExpressionScope& scope) const;

  // The constant this always is, if that is known without a scope; else nullptr.
  const Value* constant() const;

  const std::string& text() const;

 private:
  struct Program;
  explicit Expression(std::shared_ptr<const Program> program);
  std::shared_ptr<const Program> program_;
};

// Where an assign writes: `context.a.b[expression]['c']`. Immutable and thread-safe.
class Location {
 public:
  // kInvalidArgument as for Expression; also what is not a path of at least one step below context.
  static absl::StatusOr<Location> Parse(absl::string_view text,
                                        const Expression::StateLookup& states);

  // The context with `value` put there. The last step may add a key to a map, or the next index to
  // a list; an index in the path must be within its list. The steps before it must exist.
  // kInvalidArgument otherwise, when an index is of the wrong type, and when the context would nest
  // beyond kValueDepthMax. Its size is the caller's to check (Value::encoded_bytes).
  absl::StatusOr<Value> Assign(const ExpressionScope& scope, const Value& value) const;

 private:
  struct Program;
  explicit Location(std::shared_ptr<const Program> program);
  std::shared_ptr<const Program> program_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_EXPRESSION_H_
