#ifndef SWOOSH_CORE_EXPRESSION_EXPLAINER_H_
#define SWOOSH_CORE_EXPRESSION_EXPLAINER_H_

#include <cstddef>
#include <string>

#include "core/expression_program.h"
#include "core/expression_scope.h"

namespace swoosh::expression_internal {

inline constexpr size_t kExplanationBytesMax = 1'024;

// Why the program's result is not true, with the values that decided it; at most
// kExplanationBytesMax bytes. Requires a resolved program. Thread-safe.
std::string ExplainNotTrue(const Program& program, const ExpressionScope& scope);

}  // namespace swoosh::expression_internal

#endif  // SWOOSH_CORE_EXPRESSION_EXPLAINER_H_
