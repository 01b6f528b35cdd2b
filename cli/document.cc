#include "cli/document.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/charconv.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/limits.h"
#include "core/utf8.h"

namespace swoosh {
namespace {

constexpr char kByteOrderMark[] = "\xef\xbb\xbf";

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Recursive descent over a text that is valid UTF-8. The first error ends it.
class JsonParser {
 public:
  explicit JsonParser(absl::string_view text) : rest_(text) {}

  absl::StatusOr<Node> Parse() {
    Node root;
    if (!ParseValue(0, &root)) return error_;
    SkipSpace();
    if (!rest_.empty()) {
      Fail("something follows the end of the value");
      return error_;
    }
    return root;
  }

 private:
  bool Fail(absl::string_view what) { return FailAt(position_, what); }
  bool FailAt(const Position& position, absl::string_view what) {
    error_ = TextError(position, what);
    return false;
  }

  // Steps over `count` bytes, keeping count of lines and characters.
  void Advance(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const unsigned char c = static_cast<unsigned char>(rest_[i]);
      if (c == '\n') {
        ++position_.line;
        position_.column = 1;
      } else if ((c & 0xc0) != 0x80) {
        ++position_.column;
      }
    }
    rest_.remove_prefix(count);
  }

  void SkipSpace() {
    size_t count = 0;
    while (count < rest_.size() && absl::StrContains(" \t\r\n", rest_[count])) ++count;
    Advance(count);
  }

  char Peek() const { return rest_.empty() ? '\0' : rest_[0]; }

  bool Consume(char c) {
    SkipSpace();
    if (Peek() != c || rest_.empty()) return false;
    Advance(1);
    return true;
  }

  bool ParseValue(int depth, Node* node) {
    SkipSpace();
    node->position = position_;
    if (rest_.empty()) return Fail("the text ends where a value should stand");
    if (++node_count_ > kDocumentNodesMax) {
      return Fail(absl::StrCat("more than ", kDocumentNodesMax, " values"));
    }
    switch (rest_[0]) {
      case '{':
        return ParseMap(depth + 1, node);
      case '[':
        return ParseList(depth + 1, node);
      case '"':
        node->kind = Node::Kind::kString;
        return ParseString(&node->text);
      default:
        return IsDigit(rest_[0]) || rest_[0] == '-' ? ParseNumber(node) : ParseWord(node);
    }
  }

  bool CheckDepth(int depth) {
    return depth <= kDocumentDepthMax ||
           Fail(absl::StrCat("nested deeper than ", kDocumentDepthMax, " lists and maps"));
  }

  bool ParseMap(int depth, Node* node) {
    if (!CheckDepth(depth)) return false;
    node->kind = Node::Kind::kMap;
    Advance(1);
    if (Consume('}')) return true;
    absl::flat_hash_set<std::string> keys;
    do {
      SkipSpace();
      Node::Member member;
      member.position = position_;
      if (Peek() != '"') return Fail("expected a key in double quotes");
      if (!ParseString(&member.key)) return false;
      if (!keys.insert(member.key).second) {
        return FailAt(member.position, absl::StrCat("the key \"", member.key, "\" stands twice"));
      }
      if (!Consume(':')) return Fail("expected ':' after the key");
      if (!ParseValue(depth, &member.value)) return false;
      node->members.push_back(std::move(member));
    } while (Consume(','));
    return Consume('}') || Fail("expected ',' or '}'");
  }

  bool ParseList(int depth, Node* node) {
    if (!CheckDepth(depth)) return false;
    node->kind = Node::Kind::kList;
    Advance(1);
    if (Consume(']')) return true;
    do {
      node->items.emplace_back();
      if (!ParseValue(depth, &node->items.back())) return false;
    } while (Consume(','));
    return Consume(']') || Fail("expected ',' or ']'");
  }

  bool ParseWord(Node* node) {
    size_t size = 0;
    while (size < rest_.size() && absl::ascii_isalpha(static_cast<unsigned char>(rest_[size]))) {
      ++size;
    }
    const absl::string_view word = rest_.substr(0, size);
    if (word == "true" || word == "false") {
      node->kind = Node::Kind::kBool;
      node->boolean = word == "true";
    } else if (word != "null") {
      return Fail(word.empty() ? "expected a value"
                               : absl::StrCat("expected a value; text stands in double quotes: \"",
                                              word, "\""));
    }
    Advance(size);
    return true;
  }

  size_t CountDigits(size_t from) const {
    size_t end = from;
    while (end < rest_.size() && IsDigit(rest_[end])) ++end;
    return end - from;
  }

  bool ParseNumber(Node* node) {
    size_t size = rest_[0] == '-' ? 1 : 0;
    const size_t integer_digits = CountDigits(size);
    if (integer_digits == 0) return Fail("expected a digit after '-'");
    if (integer_digits > 1 && rest_[size] == '0') return Fail("a number may not begin with 0");
    size += integer_digits;
    if (size < rest_.size() && rest_[size] == '.') {
      const size_t fraction_digits = CountDigits(size + 1);
      if (fraction_digits == 0) return Fail("expected a digit after the number's point");
      size += 1 + fraction_digits;
    }
    if (size < rest_.size() && (rest_[size] == 'e' || rest_[size] == 'E')) {
      ++size;
      if (size < rest_.size() && (rest_[size] == '+' || rest_[size] == '-')) ++size;
      const size_t exponent_digits = CountDigits(size);
      if (exponent_digits == 0) return Fail("expected a digit in the number's exponent");
      size += exponent_digits;
    }
    node->kind = Node::Kind::kNumber;
    node->text = std::string(rest_.substr(0, size));
    Advance(size);
    return true;
  }

  bool ParseString(std::string* text) {
    Advance(1);
    while (true) {
      size_t plain = 0;
      while (plain < rest_.size() && rest_[plain] != '"' && rest_[plain] != '\\' &&
             static_cast<unsigned char>(rest_[plain]) >= 0x20) {
        ++plain;
      }
      text->append(rest_.data(), plain);
      Advance(plain);
      if (rest_.empty()) return Fail("the text ends within a string");
      if (rest_[0] == '"') break;
      if (rest_[0] != '\\')
        return Fail("a control character within a string; write \\n or \\u000a");
      if (!ParseEscape(text)) return false;
    }
    Advance(1);
    return true;
  }

  bool ParseEscape(std::string* text) {
    static constexpr char kLetters[] = "\"\\/bfnrt";
    static constexpr char kMeanings[] = "\"\\/\b\f\n\r\t";
    if (rest_.size() < 2) return Fail("the text ends within a string");
    if (rest_[1] == 'u') return ParseUnicodeEscape(text);
    const absl::string_view letters = kLetters;
    const size_t at = letters.find(rest_[1]);
    if (at == absl::string_view::npos) return Fail("an unknown escape after '\\'");
    text->push_back(kMeanings[at]);
    Advance(2);
    return true;
  }

  // \uXXXX at the beginning of the rest.
  bool ReadCodeUnit(uint32_t* unit) const {
    return absl::StartsWith(rest_, "\\u") && rest_.size() >= 6 &&
           rest_.substr(2, 4).find_first_not_of("0123456789abcdefABCDEF") ==
               absl::string_view::npos &&
           absl::SimpleHexAtoi(rest_.substr(2, 4), unit);
  }

  bool ParseUnicodeEscape(std::string* text) {
    const Position start = position_;
    uint32_t unit = 0;
    if (!ReadCodeUnit(&unit)) return Fail("expected four hexadecimal digits after '\\u'");
    Advance(6);
    if (unit >= 0xd800 && unit < 0xdc00) {
      uint32_t low = 0;
      if (!ReadCodeUnit(&low) || low < 0xdc00 || low > 0xdfff) {
        return FailAt(start, "half of a surrogate pair");
      }
      Advance(6);
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    return AppendCodePoint(unit, text) || FailAt(start, "half of a surrogate pair");
  }

  absl::string_view rest_;
  Position position_ = {1, 1};
  size_t node_count_ = 0;
  absl::Status error_;
};

}  // namespace

std::string ToString(const Position& position) {
  return absl::StrCat(position.line, ":", position.column);
}

absl::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
      return "a boolean";
    case Node::Kind::kNumber:
      return "a number";
    case Node::Kind::kString:
      return "text";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

absl::Status TextError(const Position& position, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(ToString(position), ": ", what));
}

absl::StatusOr<Node> ParseJson(absl::string_view text) {
  if (text.size() > kDocumentBytesMax) {
    return TextError({1, 1}, absl::StrCat("the text has ", text.size(), " bytes; at most ",
                                          kDocumentBytesMax, " are read"));
  }
  if (!IsValidUtf8(text)) return TextError({1, 1}, "the text is not valid UTF-8");
  if (absl::StartsWith(text, kByteOrderMark)) text.remove_prefix(sizeof(kByteOrderMark) - 1);
  return JsonParser(text).Parse();
}

absl::StatusOr<double> ToDouble(absl::string_view number) {
  double value = 0;
  const auto result = absl::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ptr != number.data() + number.size()) {
    return absl::InvalidArgumentError(absl::StrCat(number, " is no number"));
  }
  if (std::abs(value) >= kExactIntegerMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number ", number,
                     " is 2^53 or beyond, where a double can't hold every integer; write it as "
                     "text"));
  }
  const absl::string_view mantissa = number.substr(0, number.find_first_of("eE"));
  if (value == 0 && mantissa.find_first_of("123456789") != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number ", number, " is too small for a double"));
  }
  return value == 0 ? 0.0 : value;  // -0 is 0
}

}  // namespace swoosh
