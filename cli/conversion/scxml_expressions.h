#ifndef SWOOSH_CLI_CONVERSION_SCXML_EXPRESSIONS_H_
#define SWOOSH_CLI_CONVERSION_SCXML_EXPRESSIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/ecmascript.h"

// ECMAScript's expressions as expressions of ours (core/expression.md), so that they mean the same.
//
// What ECMAScript gives, the translation gives, or it fails with an error, or it is refused here;
// it never gives another value. In particular:
//   - `undefined` is null, and a member that is not there is null.
//   - What would be NaN or an infinity fails. So does what would convert a value whose kind is not
//     known here, as in `_event.data.count < 5` when a client sends a string; where the kind is
//     known and would be converted, the expression is refused.
//   - Conditions take any value, as in ECMAScript: what is null, false, 0 or '' is false.
//   - && and || do not absorb errors of their left side, as ours do: they become ?: where it may
//     fail.
//   - A name that the datamodel doesn't declare always fails, as in SCXML.
// Known to differ: lists and maps with one item, converted to text for `==`; the text of numbers of
// 1e17 and more in a concatenation; the order of strings with characters beyond U+FFFF.
namespace swoosh {

// A set of kinds of values: what an expression may give.
using EsKinds = uint8_t;
inline constexpr EsKinds kEsNull = 1;
inline constexpr EsKinds kEsBool = 2;
inline constexpr EsKinds kEsNumber = 4;
inline constexpr EsKinds kEsString = 8;
inline constexpr EsKinds kEsList = 16;
inline constexpr EsKinds kEsMap = 32;
inline constexpr EsKinds kEsAny = 63;

// What a chart's expressions can name.
struct EsScope {
  absl::flat_hash_map<std::string, EsKinds> variables;  // of the datamodel
  absl::flat_hash_set<std::string> states;
  std::optional<std::string> name;  // _name
  // Whether a value may be null other than for being undefined; then what tells them apart is
  // refused.
  bool has_null = false;
};

enum class EsFails : uint8_t { kNever, kMay, kAlways };

// An expression of ours.
struct EsTranslation {
  std::string text;
  EsKinds kinds = kEsAny;
  EsFails fails = EsFails::kNever;
};

// Each: kInvalidArgument with the reason when there is no equal expression. Thread-safe.

absl::StatusOr<EsTranslation> TranslateEsValue(const EsNode& node, const EsScope& scope);

// One that gives a boolean.
absl::StatusOr<EsTranslation> TranslateEsCondition(const EsNode& node, const EsScope& scope);

// A place to assign to, as `context.x.y`. For a place that SCXML forbids, as `_name` or what is not
// declared, `fails` is kAlways, and `text` as a value always fails.
absl::StatusOr<EsTranslation> TranslateEsLocation(const EsNode& node, const EsScope& scope);

// The name at the root of a place: "x" of x.y[0]; "" when there is none.
absl::string_view EsRootName(const EsNode& node);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_EXPRESSIONS_H_
