#include "cli/conversion/scxml_expressions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/ecmascript.h"
#include "core/expression.h"

namespace swoosh {
namespace {

EsScope Scope() {
  EsScope scope;
  scope.variables = {{"n", kEsNumber},
                     {"s", kEsString},
                     {"b", kEsBool},
                     {"l", kEsList},
                     {"m", kEsMap},
                     {"any", kEsAny},
                     {"un", kEsNumber | kEsNull},
                     {"in_", kEsMap},
                     {"loop", kEsNumber}};
  scope.states = {"a", "b.c"};
  scope.name = "machine";
  return scope;
}

// The translation, or "refused: why"; "!" in front when it always fails.
std::string Translate(absl::string_view text, bool condition, const EsScope& scope = Scope()) {
  const absl::StatusOr<EsNode> node = ParseEsExpression(text);
  if (!node.ok()) return absl::StrCat("syntax: ", node.status().message());
  const absl::StatusOr<EsTranslation> translation =
      condition ? TranslateEsCondition(*node, scope) : TranslateEsValue(*node, scope);
  if (!translation.ok()) return absl::StrCat("refused: ", translation.status().message());
  const auto lookup = [](absl::string_view /*id*/) { return 0; };
  EXPECT_EQ(Expression::Parse(translation->text, lookup).status(), absl::OkStatus()) << text;
  return absl::StrCat(translation->fails == EsFails::kAlways ? "!" : "", translation->text);
}
std::string ValueOf(absl::string_view text) { return Translate(text, /*condition=*/false); }
std::string ConditionOf(absl::string_view text) { return Translate(text, /*condition=*/true); }

bool IsRefused(const std::string& translation) {
  return translation.rfind("refused: ", 0) == 0 || translation.rfind("syntax: ", 0) == 0;
}

TEST(ScxmlExpressionsTest, LiteralsAreWhatTheyWere) {
  EXPECT_EQ(ValueOf("0x1F"), "31");
  EXPECT_EQ(ValueOf(".5"), "0.5");
  EXPECT_EQ(ValueOf("5."), "5");
  EXPECT_EQ(ValueOf("1e21"), "1e+21");
  EXPECT_EQ(ValueOf("\"it's\""), "'it\\'s'");
  EXPECT_EQ(ValueOf("'\\x41\\u00e4\\u{1F600}\\uD83D\\uDE00'"),
            "'A\xc3\xa4\xf0\x9f\x98\x80\xf0\x9f\x98\x80'");
  EXPECT_EQ(ValueOf("[1, 'a', [true,],]"), "[1, 'a', [true]]");
  EXPECT_EQ(ValueOf("{a: 1, 'b c': {}}"), "{'a': 1, 'b c': {}}");
  EXPECT_EQ(ValueOf("undefined"), "null");
}

TEST(ScxmlExpressionsTest, NamesAreFieldsOfContextAndEvent) {
  EXPECT_EQ(ValueOf("n"), "context.n");
  EXPECT_EQ(ValueOf("loop"), "context['loop']");
  EXPECT_EQ(ValueOf("_event.name"), "event.name");
  EXPECT_EQ(ValueOf("_event.data"), "event.data");
  EXPECT_EQ(ValueOf("_name"), "'machine'");
  EXPECT_EQ(ConditionOf("In('b.c')"), "In('b.c')");
  EXPECT_EQ(ConditionOf("In('nowhere')"), "false");
}

TEST(ScxmlExpressionsTest, ANameThatIsNotDeclaredAlwaysFails) {
  EXPECT_EQ(ValueOf("other"), "!context.other");
  EXPECT_EQ(ValueOf("other.x + 1"), "!context.other.x + 1");
  EXPECT_EQ(ConditionOf("typeof other === 'undefined'"), "true");
}

TEST(ScxmlExpressionsTest, AMemberThatIsNotThereIsNull) {
  EXPECT_EQ(ValueOf("m.x"), "has(context.m.x) ? context.m.x : null");
  EXPECT_EQ(ValueOf("m['x y']"), "'x y' in context.m ? context.m['x y'] : null");
  EXPECT_EQ(ValueOf("l[0]"), "0 < size(context.l) ? context.l[0] : null");
  EXPECT_EQ(ValueOf("l[n]"),
            "(context.n < size(context.l) ? context.n >= 0 : false) ? context.l[context.n] : null");
  EXPECT_EQ(ValueOf("_event.data.a.b"), "has(event.data.a.b) ? event.data.a.b : null");
  EXPECT_EQ(ConditionOf("_event.data.x === 1"), "has(event.data.x) && event.data.x == 1");
  EXPECT_EQ(ConditionOf("_event.data.x !== 1"), "!(has(event.data.x) && event.data.x == 1)");
  EXPECT_EQ(ConditionOf("_event.data.x > 1"), "has(event.data.x) && event.data.x > 1");
  EXPECT_EQ(ConditionOf("typeof _event.data.x === 'undefined'"),
            "has(event.data.x) ? event.data.x == null : true");
}

TEST(ScxmlExpressionsTest, ConditionsTakeAnyValue) {
  EXPECT_EQ(ConditionOf("b"), "context.b");
  EXPECT_EQ(ConditionOf("n"), "context.n != 0");
  EXPECT_EQ(ConditionOf("s"), "context.s != ''");
  EXPECT_EQ(ConditionOf("!any"), "!!(context.any in [null, false, 0, ''])");
  EXPECT_EQ(ConditionOf("_event.data.ok"),
            "has(event.data.ok) && !(event.data.ok in [null, false, 0, ''])");
}

TEST(ScxmlExpressionsTest, LogicAbsorbsNoErrorOfItsLeftSide) {
  EXPECT_EQ(ConditionOf("b && In('a')"), "context.b && In('a')");
  EXPECT_EQ(ConditionOf("b || n > 1 && !b"), "context.b || context.n > 1 && !context.b");
  EXPECT_EQ(ConditionOf("(b || n > 1) && b"), "(context.b || context.n > 1) && context.b");
  EXPECT_EQ(ConditionOf("_event.data.x === 1 && b"),
            "has(event.data.x) && event.data.x == 1 ? context.b : false");
  EXPECT_EQ(ConditionOf("other || b"),
            "!!(context.other in [null, false, 0, '']) ? true : context.b");
  EXPECT_EQ(ValueOf("n || 5"), "context.n != 0 ? context.n : 5");
}

TEST(ScxmlExpressionsTest, ArithmeticIsOnNumbersAndPlusAlsoOnStrings) {
  EXPECT_EQ(ValueOf("(n + 1) * -n % 3"), "(context.n + 1) * -context.n % 3");
  EXPECT_EQ(ValueOf("n - (n - 1)"), "context.n - (context.n - 1)");
  EXPECT_EQ(ValueOf("un + 1"), "context.un + 1");
  EXPECT_EQ(ValueOf("s + s"), "context.s + context.s");
  EXPECT_EQ(ValueOf("'x' + n"), "'x' + string(context.n)");
  EXPECT_EQ(ValueOf("n + 1 + 'x'"), "string(context.n + 1) + 'x'");
  EXPECT_EQ(ValueOf("n + _event.data"), "context.n + event.data");
  EXPECT_TRUE(IsRefused(ValueOf("any + any")));
  EXPECT_TRUE(IsRefused(ValueOf("b + 1")));
  EXPECT_TRUE(IsRefused(ValueOf("s * 2")));
  EXPECT_TRUE(IsRefused(ValueOf("l + l")));
}

TEST(ScxmlExpressionsTest, AComparisonWithWhatHasNoValueIsFalse) {
  EXPECT_EQ(ConditionOf("un < 3"), "context.un != null && context.un < 3");
  EXPECT_EQ(ConditionOf("n <= 3"), "context.n <= 3");
  EXPECT_EQ(ConditionOf("_event.data.x < _event.data.y"),
            "has(event.data.x) && has(event.data.y) && event.data.x < event.data.y");
  // What fails on the other side must still fail.
  EXPECT_EQ(ConditionOf("m.x < _event.data.y"),
            "has(event.data.y) && (has(context.m.x) ? context.m.x : null) < event.data.y");
  EXPECT_EQ(ConditionOf("m.x === n + 1"),
            "(has(context.m.x) ? context.m.x : null) == context.n + 1");
  EXPECT_TRUE(IsRefused(ConditionOf("s < 3")));
  EXPECT_TRUE(IsRefused(ConditionOf("b < b")));
  EsScope scope = Scope();
  scope.has_null = true;  // null < 3 is true
  EXPECT_EQ(Translate("un < 3", true, scope), "context.un < 3");
}

TEST(ScxmlExpressionsTest, EqualityConvertsNothingSilently) {
  EXPECT_EQ(ConditionOf("n === 1"), "context.n == 1");
  EXPECT_EQ(ConditionOf("n === s"), "context.n == context.s");
  EXPECT_EQ(ConditionOf("un == 1"), "context.un == 1");
  EXPECT_EQ(ConditionOf("any == null"), "context.any == null");
  EXPECT_EQ(ConditionOf("any != undefined"), "!(context.any == null)");
  EXPECT_EQ(ConditionOf("_event.data == 'foo'"), "event.data == 'foo'");
  EXPECT_EQ(ConditionOf("_event.data == 21"), "event.data != null && double(event.data) == 21");
  EXPECT_TRUE(IsRefused(ConditionOf("n == s")));
  EXPECT_TRUE(IsRefused(ConditionOf("_event.data == '21'")));
  EXPECT_TRUE(IsRefused(ConditionOf("any == true")));
  EXPECT_TRUE(IsRefused(ConditionOf("any === null")));
}

TEST(ScxmlExpressionsTest, IdentityOfListsAndObjectsIsRefused) {
  EXPECT_TRUE(IsRefused(ConditionOf("l === l")));
  EXPECT_TRUE(IsRefused(ConditionOf("any === any")));
  EXPECT_TRUE(IsRefused(ConditionOf("m == m")));
  EXPECT_FALSE(IsRefused(ConditionOf("any === n")));
}

TEST(ScxmlExpressionsTest, LengthIsOfListsOnly) {
  EXPECT_EQ(ValueOf("l.length"), "size(context.l)");
  EXPECT_EQ(ValueOf("_event.data.l.length"), "size(event.data.l + [])");
  EXPECT_TRUE(IsRefused(ValueOf("s.length")));  // UTF-16's units there, characters here
}

TEST(ScxmlExpressionsTest, WhatHasNoEqualIsRefused) {
  for (const char* text : {"Math.pow(n, 2)",
                           "f()",
                           "n | 1",
                           "++n",
                           "n = 1",
                           "function() {}",
                           "new Date()",
                           "`x`",
                           "/x/",
                           "_sessionid",
                           "_event",
                           "_event.type",
                           "_event.origin",
                           "_ioprocessors",
                           "NaN",
                           "typeof n",
                           "l instanceof Array",
                           "n, n",
                           "a ?? b",
                           "m?.x",
                           "'x' in l",
                           "[...l]",
                           "n ** 2",
                           "return 1",
                           "'a\\\nb'",
                           "010",
                           "1n",
                           "{a}",
                           "{a: 1, a: 2}",
                           "{__proto__: m}",
                           "",
                           "(",
                           "s.length",
                           "In(s)",
                           "this",
                           "void 0"}) {
    EXPECT_TRUE(IsRefused(ValueOf(text))) << text << " gives " << ValueOf(text);
  }
}

TEST(ScxmlExpressionsTest, PlacesAreBelowContext) {
  const auto place = [](absl::string_view text) {
    const absl::StatusOr<EsTranslation> translation =
        TranslateEsLocation(*ParseEsExpression(text), Scope());
    if (!translation.ok()) return std::string("refused");
    return absl::StrCat(translation->fails == EsFails::kAlways ? "!" : "", translation->text);
  };
  EXPECT_EQ(place("n"), "context.n");
  EXPECT_EQ(place("m.x['y z'][n]"), "context.m.x['y z'][context.n]");
  EXPECT_EQ(place("other.x"), "!context.other");
  EXPECT_EQ(place("_name"), "!context._name");
  EXPECT_EQ(place("_event.data"), "!context._event");
  EXPECT_EQ(place("n + 1"), "refused");
  EXPECT_EQ(place("m[any]"), "refused");
  EXPECT_EQ(place("l.length"), "refused");
}

TEST(ScxmlExpressionsTest, NestingIsBounded) {
  EXPECT_TRUE(IsRefused(ValueOf(std::string(1'000'000, '('))));
  EXPECT_TRUE(IsRefused(ValueOf(std::string(1'000'000, '!') + "b")));
  EXPECT_TRUE(IsRefused(ValueOf(std::string(1'000'000, '['))));
  std::string chain = "n";
  for (int i = 0; i < 100'000; ++i) chain += "+1";
  EXPECT_TRUE(IsRefused(ValueOf(chain)));
  std::string doubling = "any";
  for (int i = 0; i < 30; ++i) doubling = absl::StrCat("((", doubling, ") || any)");
  EXPECT_TRUE(IsRefused(ValueOf(doubling)));
}

TEST(ScxmlExpressionsTest, AScriptOfAssignmentsIsRead) {
  const auto count = [](absl::string_view text) {
    const auto script = ParseEsAssignments(text);
    return script.ok() ? static_cast<int>(script->size()) : -1;
  };
  EXPECT_EQ(count(""), 0);
  EXPECT_EQ(count("x = 1; y.z = x + 1;; l[0] += 2\nx++; y--"), 5);
  EXPECT_EQ(count("var x = 1"), -1);
  EXPECT_EQ(count("f()"), -1);
  EXPECT_EQ(count("x = 1 y = 2"), -1);
  EXPECT_EQ(count("if (x) y = 1"), -1);
  EXPECT_EQ(count("x = y = 1"), -1);
}

}  // namespace
}  // namespace swoosh
