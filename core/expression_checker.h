#ifndef SWOOSH_CORE_EXPRESSION_CHECKER_H_
#define SWOOSH_CORE_EXPRESSION_CHECKER_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/expression_program.h"

namespace swoosh::expression_internal {

// Resolves the names of a parsed program, refuses what can be known to be wrong (names, functions,
// operand counts, states, patterns, kinds of operands), and replaces constant parts by their
// values. `states` may be empty: then there is no state. kInvalidArgument with line and column; the
// program is then of no use. Thread-safe.
absl::Status CheckProgram(const std::function<int(absl::string_view)>& states, Program* program);

}  // namespace swoosh::expression_internal

#endif  // SWOOSH_CORE_EXPRESSION_CHECKER_H_
