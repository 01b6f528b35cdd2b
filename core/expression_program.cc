#include "core/expression_program.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/utf8.h"

namespace swoosh::expression_internal {

std::string KindSetText(KindSet kinds) {
  std::string text;
  for (int i = 0; i < 6; ++i) {
    const auto kind = static_cast<Value::Kind>(i);
    if ((kinds & SetOf(kind)) == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : " or ", KindName(kind));
  }
  return text;
}

std::string Program::TextOf(const Node& node) const {
  const absl::string_view whole = absl::string_view(text).substr(node.begin, node.end - node.begin);
  std::string shown(whole);
  if (whole.size() > kShownBytesMax) {
    const size_t half = (kShownBytesMax - 6) / 2;  // "…" has three bytes, a cut character too
    shown = absl::StrCat(whole.substr(0, Utf8PrefixBytes(whole, half)), "…",
                         whole.substr(Utf8PrefixBytes(whole, whole.size() - half)));
  }
  std::replace_if(shown.begin(), shown.end(), absl::ascii_iscntrl, ' ');
  return shown;
}

size_t ColumnOf(absl::string_view text, size_t offset) {
  const absl::string_view before = text.substr(0, offset);
  const size_t newline = before.rfind('\n');
  const size_t line_begin = newline == absl::string_view::npos ? 0 : newline + 1;
  return CodePointCount(before.substr(line_begin)) + 1;
}

absl::Status ErrorAt(absl::string_view text, size_t offset, absl::string_view message) {
  const absl::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ", column ", ColumnOf(text, offset), ": ", message));
}

}  // namespace swoosh::expression_internal
