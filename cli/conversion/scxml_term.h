#ifndef SWOOSH_CLI_CONVERSION_SCXML_TERM_H_
#define SWOOSH_CLI_CONVERSION_SCXML_TERM_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/ecmascript.h"
#include "cli/conversion/scxml_expressions.h"

// Pieces of our expressions, as the translation of ECMAScript's puts them together. Thread-safe.
namespace swoosh {

// How tightly a text holds together, the weakest first, as in core/expression.md's grammar.
enum EsBinding : int { kTernary, kOr, kAnd, kRelation, kSum, kProduct, kUnary, kAccess };

// A translation in the making.
struct EsTerm {
  std::string text;
  int binding = kAccess;
  EsKinds kinds = kEsAny;
  EsFails fails = EsFails::kNever;
  // A condition that tells whether what `text` reads is there; "" = it is. Where it isn't, the
  // value is null and `text` would fail. `fails` is that of the condition, and of `text` where the
  // condition holds.
  std::string presence;
  std::string base;      // what a member with a presence is of
  bool is_path = false;  // a place in context or event.data
};

EsTerm MakeEsTerm(std::string text, int binding, EsKinds kinds, EsFails fails);
// What holds together by itself, and never fails.
EsTerm EsAtom(std::string text, EsKinds kinds);
EsTerm EsBoolTerm(bool value);

// The text, in parentheses where it binds less tightly.
std::string Within(const EsTerm& term, int binding);
// As a whole value: null where it isn't there.
EsTerm Whole(EsTerm term);
// "presence && condition"; `presence` binds at least as tightly as &&, or is "".
EsTerm Guarded(absl::string_view presence, EsTerm condition);
EsTerm Not(EsTerm condition);

inline EsFails Either(EsFails a, EsFails b) { return a < b ? b : a; }
// Of what is evaluated only sometimes.
inline EsFails Sometimes(EsFails fails) { return fails == EsFails::kNever ? fails : EsFails::kMay; }
// The kinds of a value that is not null.
inline EsKinds Solid(const EsTerm& term) { return term.kinds & ~kEsNull; }

// Whether the name may follow a dot in our expressions.
bool IsPlainName(absl::string_view name);
// base.name, or base['name'].
std::string MemberText(absl::string_view base, absl::string_view name);
// A literal that reads back as the same double.
std::string NumberText(double number);

absl::Status UnsupportedEs(absl::string_view reason);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_TERM_H_
