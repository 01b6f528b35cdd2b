#ifndef SWOOSH_CORE_EXPRESSION_PARSER_H_
#define SWOOSH_CORE_EXPRESSION_PARSER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/expression_program.h"

namespace swoosh::expression_internal {

// The tree of a text: syntax alone, names unresolved. kInvalidArgument with line, column and what
// was expected, also for texts beyond kExpressionBytesMax or nested beyond kExpressionDepthMax.
// Uses a bounded stack, whatever the bytes are. Thread-safe.
absl::StatusOr<Program> ParseProgram(absl::string_view text);

}  // namespace swoosh::expression_internal

#endif  // SWOOSH_CORE_EXPRESSION_PARSER_H_
