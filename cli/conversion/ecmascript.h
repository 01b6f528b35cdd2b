#ifndef SWOOSH_CLI_CONVERSION_ECMASCRIPT_H_
#define SWOOSH_CLI_CONVERSION_ECMASCRIPT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The syntax of that part of ECMAScript's expressions that has a chance to mean something in ours.
namespace swoosh {

// Of parentheses, brackets, operators one inside the other.
inline constexpr int kEsDepthMax = 64;

struct EsNode {
  enum class Kind : uint8_t {
    kNull,
    kBool,         // number is 0 or 1
    kNumber,       // number
    kString,       // text, in UTF-8
    kName,         // text; also `undefined`
    kMember,       // children[0].text, or children[0]['text']
    kIndex,        // children[0][children[1]]
    kCall,         // children[0](the other children)
    kUnary,        // text is the operator: ! - + typeof
    kBinary,       // text is the operator; "++": addition of numbers only
    kConditional,  // children[0] ? children[1] : children[2]
    kArray,        // the children
    kObject,       // keys[i]: children[i]
  };
  Kind kind = Kind::kNull;
  double number = 0;
  std::string text;
  std::vector<EsNode> children;
  std::vector<std::string> keys;
};

// kInvalidArgument, "at character N: reason": a syntax error, or syntax that is not in the subset,
// which is what EsNode can say. Thread-safe.
absl::StatusOr<EsNode> ParseEsExpression(absl::string_view text);

// A sequence of statements `place = expression`, with semicolons between them: pairs of place and
// expression. Also `place += e` (and -=, *=, /=, %=), `place++` and `place--`, as the assignment
// that they stand for. Errors as of ParseEsExpression, also for all other statements.
absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> ParseEsAssignments(absl::string_view text);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_ECMASCRIPT_H_
