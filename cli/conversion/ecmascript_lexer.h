#ifndef SWOOSH_CLI_CONVERSION_ECMASCRIPT_LEXER_H_
#define SWOOSH_CLI_CONVERSION_ECMASCRIPT_LEXER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// ECMAScript's tokens, without regular expressions, templates and names beyond ASCII.
namespace swoosh {

struct EsToken {
  enum class Kind : uint8_t { kEnd, kName, kNumber, kString, kOperator };
  Kind kind = Kind::kEnd;
  size_t offset = 0;  // of its first byte
  std::string text;   // of a string: its value, in UTF-8
  double number = 0;
  bool after_line_break = false;  // whether a line ended before it
};

// The tokens, of which the last is kEnd. kInvalidArgument, "at character N: reason". Thread-safe.
absl::StatusOr<std::vector<EsToken>> ReadEsTokens(absl::string_view text);

// "at character N: reason", N counted from 1.
absl::Status EsError(size_t offset, absl::string_view reason);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_ECMASCRIPT_LEXER_H_
