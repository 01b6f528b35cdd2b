#include "cli/conversion/ecmascript_lexer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

// The longest first.
constexpr absl::string_view kOperators[] = {
    ">>>=", "===", "!==", ">>>", "<<=", ">>=", "**=", "...", "&&=", "||=", "?\?=", "==",
    "!=",   "<=",  ">=",  "&&",  "||",  "++",  "--",  "+=",  "-=",  "*=",  "/=",   "%=",
    "&=",   "|=",  "^=",  "<<",  ">>",  "**",  "=>",  "??",  "?.",  "<",   ">",    "!",
    "?",    ":",   "+",   "-",   "*",   "/",   "%",   "(",   ")",   "[",   "]",    "{",
    "}",    ",",   ".",   ";",   "=",   "&",   "|",   "^",   "~"};

constexpr uint32_t kHighSurrogate = 0xD800;
constexpr uint32_t kLowSurrogate = 0xDC00;
constexpr uint32_t kSurrogateEnd = 0xE000;

bool IsNameStart(char c) { return absl::ascii_isalpha(c) || c == '_' || c == '$'; }
bool IsNamePart(char c) { return IsNameStart(c) || absl::ascii_isdigit(c); }

class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<EsToken>> Read();

 private:
  char At(size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  // White space and comments.
  absl::Status Skip(EsToken* next);
  absl::Status ReadToken(EsToken* token);
  absl::Status ReadNumber(EsToken* token);
  absl::Status ReadString(EsToken* token);
  absl::Status ReadEscape(std::string* out);
  // `digits_max` hexadecimal digits at the cursor.
  absl::StatusOr<uint32_t> ReadHex(size_t digits);
  absl::StatusOr<uint32_t> ReadUnicodeEscape();

  const absl::string_view text_;
  size_t at_ = 0;
};

absl::StatusOr<std::vector<EsToken>> Lexer::Read() {
  std::vector<EsToken> tokens;
  while (true) {
    EsToken token;
    if (absl::Status status = Skip(&token); !status.ok()) return status;
    token.offset = at_;
    const bool end = at_ == text_.size();
    if (!end) {
      if (absl::Status status = ReadToken(&token); !status.ok()) return status;
    }
    tokens.push_back(std::move(token));
    if (end) return tokens;
  }
}

absl::Status Lexer::Skip(EsToken* next) {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (absl::ascii_isspace(c)) {
      if (c == '\n' || c == '\r') next->after_line_break = true;
      ++at_;
    } else if (absl::StartsWith(text_.substr(at_), "//")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (absl::StartsWith(text_.substr(at_), "/*")) {
      const size_t end = text_.find("*/", at_ + 2);
      if (end == absl::string_view::npos) return EsError(at_, "a comment without an end");
      if (absl::StrContains(text_.substr(at_, end - at_), '\n')) next->after_line_break = true;
      at_ = end + 2;
    } else {
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status Lexer::ReadToken(EsToken* token) {
  const char c = text_[at_];
  if (IsNameStart(c)) {
    token->kind = EsToken::Kind::kName;
    while (IsNamePart(At(at_))) token->text.push_back(text_[at_++]);
    return absl::OkStatus();
  }
  if (absl::ascii_isdigit(c) || (c == '.' && absl::ascii_isdigit(At(at_ + 1)))) {
    return ReadNumber(token);
  }
  if (c == '\'' || c == '"') return ReadString(token);
  for (const absl::string_view each : kOperators) {
    if (!absl::StartsWith(text_.substr(at_), each)) continue;
    token->kind = EsToken::Kind::kOperator;
    token->text = std::string(each);
    at_ += each.size();
    return absl::OkStatus();
  }
  return EsError(at_, "a character that is not in the subset of ECMAScript");
}

absl::Status Lexer::ReadNumber(EsToken* token) {
  token->kind = EsToken::Kind::kNumber;
  const size_t begin = at_;
  if (At(at_) == '0' && absl::ascii_tolower(At(at_ + 1)) == 'x') {
    at_ += 2;
    uint64_t whole = 0;
    while (absl::ascii_isxdigit(At(at_))) ++at_;
    if (!absl::SimpleHexAtoi(text_.substr(begin, at_ - begin), &whole) || at_ - begin > 15) {
      return EsError(begin, "a number that can't be read");
    }
    token->number = static_cast<double>(whole);
  } else {
    while (absl::ascii_isdigit(At(at_))) ++at_;
    if (At(at_) == '.') ++at_;
    while (absl::ascii_isdigit(At(at_))) ++at_;
    if (absl::ascii_tolower(At(at_)) == 'e') {
      ++at_;
      if (At(at_) == '+' || At(at_) == '-') ++at_;
      while (absl::ascii_isdigit(At(at_))) ++at_;
    }
    const absl::string_view digits = text_.substr(begin, at_ - begin);
    const bool octal = digits.size() > 1 && digits[0] == '0' && absl::ascii_isdigit(digits[1]);
    if (octal || !absl::SimpleAtod(digits, &token->number) || !std::isfinite(token->number)) {
      return EsError(begin, "a number that can't be read");
    }
  }
  if (IsNamePart(At(at_))) return EsError(begin, "a number that can't be read");
  token->text = std::string(text_.substr(begin, at_ - begin));
  return absl::OkStatus();
}

absl::Status Lexer::ReadString(EsToken* token) {
  token->kind = EsToken::Kind::kString;
  const size_t begin = at_;
  const char quote = text_[at_++];
  while (true) {
    const char c = At(at_);
    if (at_ >= text_.size() || c == '\n' || c == '\r') {
      return EsError(begin, "a string without an end");
    }
    ++at_;
    if (c == quote) return absl::OkStatus();
    if (c != '\\') {
      token->text.push_back(c);
    } else if (absl::Status status = ReadEscape(&token->text); !status.ok()) {
      return status;
    }
  }
}

absl::Status Lexer::ReadEscape(std::string* out) {
  constexpr absl::string_view kLetters = "ntbrvf";
  constexpr absl::string_view kMeanings = "\n\t\b\r\v\f";
  const size_t begin = at_ - 1;
  const char c = At(at_);
  if (at_ >= text_.size() || c == '\n' || c == '\r' || absl::ascii_isdigit(c)) {
    return EsError(begin, "an escape that is not in the subset of ECMAScript");
  }
  ++at_;
  if (c == 'x' || c == 'u') {
    const absl::StatusOr<uint32_t> code = c == 'x' ? ReadHex(2) : ReadUnicodeEscape();
    if (!code.ok()) return code.status();
    if (!AppendCodePoint(*code, out)) return EsError(begin, "an escape that is no character");
    return absl::OkStatus();
  }
  const size_t letter = kLetters.find(c);
  out->push_back(letter == absl::string_view::npos ? c : kMeanings[letter]);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> Lexer::ReadHex(size_t digits) {
  uint32_t code = 0;
  const absl::string_view hex = text_.substr(std::min(at_, text_.size()), digits);
  if (hex.size() != digits || !std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit) ||
      !absl::SimpleHexAtoi(hex, &code)) {
    return EsError(at_, "an escape without its digits");
  }
  at_ += digits;
  return code;
}

// After \u: four digits, with a second such escape when they are a high surrogate, or {digits}.
absl::StatusOr<uint32_t> Lexer::ReadUnicodeEscape() {
  if (At(at_) == '{') {
    const size_t end = text_.find('}', at_);
    if (end == absl::string_view::npos || end - at_ < 2 || end - at_ > 7) {
      return EsError(at_, "an escape without its digits");
    }
    ++at_;
    const absl::StatusOr<uint32_t> code = ReadHex(end - at_);
    ++at_;
    return code;
  }
  const absl::StatusOr<uint32_t> high = ReadHex(4);
  if (!high.ok() || *high < kHighSurrogate || *high >= kLowSurrogate) return high;
  if (At(at_) != '\\' || At(at_ + 1) != 'u') return high;
  at_ += 2;
  const absl::StatusOr<uint32_t> low = ReadHex(4);
  if (!low.ok() || *low < kLowSurrogate || *low >= kSurrogateEnd) {
    return EsError(at_, "an escape that is no character");
  }
  return 0x10000 + ((*high - kHighSurrogate) << 10) + (*low - kLowSurrogate);
}

}  // namespace

absl::StatusOr<std::vector<EsToken>> ReadEsTokens(absl::string_view text) {
  return Lexer(text).Read();
}

absl::Status EsError(size_t offset, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat("at character ", offset + 1, ": ", reason));
}

}  // namespace swoosh
