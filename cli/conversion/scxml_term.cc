#include "cli/conversion/scxml_term.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/conversion/literal.h"
#include "core/limits.h"

namespace swoosh {

absl::Status UnsupportedEs(absl::string_view reason) { return absl::InvalidArgumentError(reason); }

// CEL's words that can't follow a dot.
bool IsPlainName(absl::string_view name) {
  constexpr absl::string_view kWords[] = {
      "as",       "break",   "const",  "continue", "else", "false", "for",
      "function", "if",      "import", "in",       "let",  "loop",  "namespace",
      "null",     "package", "return", "true",     "var",  "void",  "while"};
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  const auto is_part = [](char c) { return absl::ascii_isalnum(c) || c == '_'; };
  return std::all_of(name.begin(), name.end(), is_part) &&
         std::find(std::begin(kWords), std::end(kWords), name) == std::end(kWords);
}

std::string MemberText(absl::string_view base, absl::string_view name) {
  return IsPlainName(name) ? absl::StrCat(base, ".", name)
                           : absl::StrCat(base, "[", StringLiteral(name), "]");
}

std::string NumberText(double number) {
  if (number == std::floor(number) && std::abs(number) <= kExactIntegerMax) {
    return absl::StrFormat("%.0f", number);
  }
  for (int digits = 15; digits < 17; ++digits) {
    std::string text = absl::StrFormat("%.*g", digits, number);
    double back = 0;
    if (absl::SimpleAtod(text, &back) && back == number) return text;
  }
  return absl::StrFormat("%.17g", number);
}

std::string Within(const EsTerm& term, int binding) {
  return term.binding < binding ? absl::StrCat("(", term.text, ")") : term.text;
}

EsTerm MakeEsTerm(std::string text, int binding, EsKinds kinds, EsFails fails) {
  EsTerm term;
  term.text = std::move(text);
  term.binding = binding;
  term.kinds = kinds;
  term.fails = fails;
  return term;
}

EsTerm EsAtom(std::string text, EsKinds kinds) {
  return MakeEsTerm(std::move(text), kAccess, kinds, EsFails::kNever);
}

EsTerm EsBoolTerm(bool value) { return EsAtom(value ? "true" : "false", kEsBool); }

EsTerm Whole(EsTerm term) {
  if (term.presence.empty()) return term;
  return MakeEsTerm(absl::StrCat(term.presence, " ? ", term.text, " : null"), kTernary,
                    term.kinds | kEsNull, term.fails);
}

EsTerm Guarded(absl::string_view presence, EsTerm condition) {
  if (presence.empty()) return condition;
  condition.text = absl::StrCat(presence, " && ", Within(condition, kAnd));
  condition.binding = kAnd;
  return condition;
}

EsTerm Not(EsTerm term) {
  if (term.text == "true" || term.text == "false") return EsBoolTerm(term.text == "false");
  term.text = absl::StrCat("!", Within(term, kUnary));
  term.binding = kUnary;
  return term;
}

}  // namespace swoosh
