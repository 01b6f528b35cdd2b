#ifndef SWOOSH_CLI_CONVERSION_SCXML_TRANSLATOR_H_
#define SWOOSH_CLI_CONVERSION_SCXML_TRANSLATOR_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/ecmascript.h"
#include "cli/conversion/scxml_expressions.h"
#include "cli/conversion/scxml_term.h"

namespace swoosh {

// Some operands are translated twice, as a value and as a condition: this bounds what nesting can
// make of it.
inline constexpr int kEsReadsMax = 10'000;

// Translates one expression. Not thread-safe.
class EsTranslator {
 public:
  using Result = absl::StatusOr<EsTerm>;

  explicit EsTranslator(const EsScope& scope) : scope_(scope) {}

  Result Value(const EsNode& node) const;      // Whole(Read(node))
  Result Condition(const EsNode& node) const;  // a boolean
  Result Path(const EsNode& node) const;       // a place to assign to

 private:
  // May leave a presence.
  Result Read(const EsNode& node) const;
  Result ReadUnbounded(const EsNode& node) const;
  Result Name(const EsNode& node) const;
  Result EventField(absl::string_view name) const;
  Result ReadMember(const EsNode& node) const;
  Result Length(const EsTerm& base) const;
  Result ReadIndex(const EsNode& node) const;
  Result Call(const EsNode& node) const;
  Result StringMethod(const EsNode& node) const;
  Result Unary(const EsNode& node) const;
  Result Binary(const EsNode& node) const;
  Result Logic(const EsNode& node) const;
  Result Arithmetic(const EsNode& node) const;
  Result Sum(const EsNode& node) const;
  Result Relation(const EsNode& node) const;
  Result Equality(const EsNode& node) const;
  Result EqualsAbsent(const EsNode& node, const EsNode& absent, bool strict) const;
  Result TypeOf(const EsNode& operand, absl::string_view type) const;
  Result StrictlyEqual(const EsTerm& left, const EsTerm& right) const;
  Result LooselyEqual(const EsTerm& left, const EsTerm& right) const;
  Result In(const EsNode& node) const;
  Result Conditional(const EsNode& node) const;
  Result Array(const EsNode& node) const;
  Result Object(const EsNode& node) const;
  Result Truth(const EsTerm& term) const;

  const EsScope& scope_;
  mutable int reads_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_TRANSLATOR_H_
