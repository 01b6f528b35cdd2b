#include "core/expression.h"

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/json_value_for_test.h"
#include "core/limits.h"
#include "core/seeded_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr char kTableFile[] = "core/testdata/expressions.txt";
constexpr absl::string_view kStates[] = {"open", "paid", "done_ok", "lint.running"};
constexpr uint64_t kActiveStates[] = {0b1001};

int StateIndex(absl::string_view id) {
  for (int i = 0; i < 4; ++i) {
    if (kStates[i] == id) return i;
  }
  return -1;
}

// A scope that owns what it shows.
class OwnedScope {
 public:
  explicit OwnedScope(absl::string_view context = "{}", absl::string_view data = "null")
      : context_(JsonValueForTest(context)), data_(JsonValueForTest(data)) {}

  ExpressionScope get() const {
    return {.context = &context_,
            .event_name = "pay",
            .event_data = &data_,
            .event_actor = "ann",
            .event_time_s = 1.5,
            .active_states = kActiveStates};
  }

 private:
  Value context_;
  Value data_;
};

// JSON, "error: …" or "refused: …".
std::string Outcome(absl::string_view text, const OwnedScope& scope) {
  const auto expression = Expression::Parse(text, StateIndex);
  if (!expression.ok()) {
    EXPECT_EQ(expression.status().code(), absl::StatusCode::kInvalidArgument);
    return absl::StrCat("refused: ", expression.status().message());
  }
  EXPECT_EQ(expression->text(), text);
  const auto value = expression->Evaluate(scope.get());
  if (!value.ok()) {
    EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument);
    return absl::StrCat("error: ", value.status().message());
  }
  if (expression->constant() != nullptr) {
    EXPECT_EQ(*expression->constant(), *value);
  }
  return ToJsonText(*value);
}

std::string Refusal(absl::string_view text) {
  const auto expression = Expression::Parse(text, StateIndex);
  return expression.ok() ? "" : std::string(expression.status().message());
}

std::string Repeated(absl::string_view text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) absl::StrAppend(&repeated, text);
  return repeated;
}

TEST(ExpressionTest, TheTableHolds) {
  std::ifstream file(kTableFile);
  OwnedScope scope;
  std::string context = "{}";
  int checked_count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (absl::StartsWith(line, "context: ")) {
      context = line.substr(9);
      scope = OwnedScope(context);
      continue;
    }
    if (absl::StartsWith(line, "data: ")) {
      scope = OwnedScope(context, line.substr(6));
      continue;
    }
    const size_t tab = line.rfind('\t');
    ASSERT_NE(tab, std::string::npos) << line;
    const std::string expected = line.substr(tab + 1);
    const std::string outcome = Outcome(line.substr(0, tab), scope);
    ++checked_count;
    bool as_expected = false;
    for (const absl::string_view kind : {"error: ", "refused: "}) {
      if (!absl::StartsWith(expected, kind)) continue;
      as_expected = absl::StartsWith(outcome, kind) &&
                    absl::StrContains(outcome, absl::StripPrefix(expected, kind));
    }
    const bool is_value =
        !absl::StartsWith(expected, "error: ") && !absl::StartsWith(expected, "refused: ");
    if (is_value) as_expected = outcome == ToJsonText(JsonValueForTest(expected));
    EXPECT_TRUE(as_expected) << line.substr(0, tab) << "\n  expected " << expected
                             << "\n  got      " << outcome;
  }
  EXPECT_GT(checked_count, 300);
}

TEST(ExpressionTest, PositionsCountLinesAndCodePoints) {
  EXPECT_TRUE(absl::StartsWith(Refusal("'é' +\n  // 日本\n  'é' < 1"), "line 3, column 7: "));
  EXPECT_TRUE(absl::StartsWith(Refusal("'日本' 1"), "line 1, column 6: "));
  EXPECT_EQ(Refusal(""), "line 1, column 1: the expression is empty");
  EXPECT_EQ(Refusal(" \n "), "line 2, column 2: the expression is empty");
}

TEST(ExpressionTest, BytesThatAreNoTextAreRefused) {
  EXPECT_EQ(Refusal("'\xff'"), "the expression is not valid UTF-8");
  EXPECT_TRUE(absl::StrContains(Refusal(absl::string_view("1 \0", 3)), "control character 0x00"));
  EXPECT_TRUE(absl::StrContains(Refusal("'a\nb'"), "does not end on its line"));
}

TEST(ExpressionTest, SizeIsBounded) {
  const std::string longest = Repeated(" ", kExpressionBytesMax - 1) + "1";
  EXPECT_EQ(Refusal(longest), "");
  EXPECT_EQ(Refusal(longest + " "), "the expression has 4097 bytes, more than 4096");
}

TEST(ExpressionTest, NestingIsBounded) {
  for (const char* open : {"(", "[", "{'a':", "!", "-", "- ", "[[1],", "size(", "true?1:", "(-("}) {
    const int count = static_cast<int>(kExpressionBytesMax / std::string(open).size());
    EXPECT_TRUE(absl::StrContains(Refusal(Repeated(open, count)), "nested more than 64 deep"))
        << open;
  }
  const int inside = kExpressionDepthMax;
  EXPECT_EQ(Refusal(Repeated("(", inside) + "1" + Repeated(")", inside)), "");
  EXPECT_NE(Refusal(Repeated("(", inside + 1) + "1" + Repeated(")", inside + 1)), "");
}

TEST(ExpressionTest, OperatorsInARowAreBoundedButForChains) {
  EXPECT_EQ(Outcome(Repeated("1+", 255) + "1", OwnedScope()), "256");
  EXPECT_TRUE(absl::StrContains(Refusal(Repeated("1+", 2'000) + "1"), "more than 256 operators"));
  EXPECT_TRUE(absl::StrContains(Refusal("context" + Repeated(".a", 2'000)), "more than 256"));
  EXPECT_TRUE(absl::StrContains(Refusal("context" + Repeated("[0]", 1'000)), "more than 256"));
  EXPECT_EQ(Outcome(Repeated("true&&", 600) + "true", OwnedScope()), "true");
  EXPECT_EQ(Outcome(Repeated("false||", 500) + "true", OwnedScope()), "true");
}

TEST(ExpressionTest, CostIsBounded) {
  const OwnedScope scope("{\"l\":" + ToJsonText(JsonValueForTest("[" + Repeated("1,", 99) + "1]")) +
                         ",\"t\":\"" + Repeated("x", 60'000) + "\"}");
  EXPECT_EQ(Outcome("context.l.all(x, x == 1)", scope), "true");
  EXPECT_TRUE(absl::StrContains(
      Outcome("context.l.all(x, context.l.all(y, context.l.all(z, x == y)))", scope), "error: "));
  // An error of the budget is not absorbed, on either side.
  for (const char* text :
       {"context.l.all(x, context.l.all(y, x == y)) || true",
        "true && context.l.all(x, context.l.all(y, x == y))",
        "context.l.exists(x, context.l.exists(y, y > x))",
        "[1].map(x, context.t.contains(context.t))[0]", "context.t.matches(r'(a|b|c){9}$')",
        "context.l.all(x, 'a'.matches('a' + string(x)) || true)"}) {
    EXPECT_TRUE(absl::StrContains(Outcome(text, scope), "the evaluation costs more than 10000"))
        << text << ": " << Outcome(text, scope);
  }
}

TEST(ExpressionTest, ComputedValuesAreBounded) {
  const OwnedScope scope("{\"t\":\"" + Repeated("x", 40'000) + "\"}");
  EXPECT_EQ(Outcome("context.t + context.t", scope),
            "error: context.t + context.t: the string is larger than 65536 bytes");
  // Sharing makes values whose content is exponential in the cost.
  std::string text = "[[1,1,1,1,1,1,1,1]]";
  for (int i = 0; i < 10; ++i) text += ".map(a,[a,a,a,a,a,a,a,a])";
  EXPECT_TRUE(absl::StrContains(Outcome(text, scope), "larger than 65536 bytes"));
  text = "[context.t.size()]";
  for (int i = 1; i < kValueDepthMax; ++i) text += ".map(a,[a])";
  EXPECT_EQ(Outcome(text, scope).substr(0, kValueDepthMax + 1),
            std::string(kValueDepthMax, '[') + "4");
  EXPECT_TRUE(absl::StrContains(Outcome(text + ".map(a,[a])", scope), "nest more than 24 deep"));
  text = "context.t.size()";
  for (int i = 0; i < 25; ++i) text = "[" + text + "]";
  EXPECT_TRUE(absl::StrContains(Outcome(text, scope), "nest more than 24 deep"));
}

TEST(ExpressionTest, CostDoesNotDependOnSharing) {
  const Value shared = JsonValueForTest("[1,2,3]");
  const Value with_sharing = Value::OfMap({{"a", shared}, {"b", shared}});
  const Value without = JsonValueForTest(R"({"a":[1,2,3],"b":[1,2,3]})");
  // Counts how often the comparison fits into the budget.
  const auto expression = Expression::Parse(
      "[0,1,2,3,4,5,6,7,8,9].all(i, [0,1,2,3,4,5,6,7,8,9].all(j, "
      "[0,1,2,3,4,5,6,7].all(k, context.a == context.b)))",
      StateIndex);
  ASSERT_TRUE(expression.ok());
  const auto a = expression->Evaluate({.context = &with_sharing});
  const auto b = expression->Evaluate({.context = &without});
  EXPECT_EQ(a.ok(), b.ok());
  EXPECT_EQ(a.status(), b.status());
}

TEST(ExpressionTest, ConstantsAreKnownWithoutAScope) {
  const auto is_constant = [](absl::string_view text) {
    const auto expression = Expression::Parse(text, StateIndex);
    EXPECT_TRUE(expression.ok()) << text << ": " << expression.status();
    return expression.ok() && expression->constant() != nullptr;
  };
  for (const char* text : {"true", "1 + 2 == 3", "[1, {'a': !false}]", "[1, 2].all(x, x > 0)",
                           "has(event.name)", "{'a': 1}.a", "false && 1 / 0 == 1"}) {
    EXPECT_TRUE(is_constant(text)) << text;
  }
  for (const char* text : {"context", "context.b || true", "event.time", "In('open')",
                           "[1].map(x, context.n)", "has(event.data)"}) {
    EXPECT_FALSE(is_constant(text)) << text;
  }
}

TEST(ExpressionTest, AGuardMustBeBoolean) {
  const OwnedScope scope(R"({"n":3,"b":true})");
  const auto number = Expression::Parse("context.n", StateIndex);
  const auto boolean = Expression::Parse("context.b", StateIndex);
  const auto missing = Expression::Parse("context.c", StateIndex);
  ASSERT_TRUE(number.ok() && boolean.ok() && missing.ok());
  EXPECT_EQ(number->EvaluateBool(scope.get()).status().message(),
            "context.n: is a number, where a boolean is wanted");
  EXPECT_TRUE(*boolean->EvaluateBool(scope.get()));
  EXPECT_EQ(missing->EvaluateBool(scope.get()).status().message(),
            "context.c: there is no key \"c\"");
}

TEST(ExpressionTest, WithoutAnEventItsDataIsNull) {
  const Value context = JsonValueForTest("{}");
  const auto data = Expression::Parse("event.data == null && !has(event.data)", StateIndex);
  const auto name = Expression::Parse("event.name", StateIndex);
  ASSERT_TRUE(data.ok() && name.ok());
  EXPECT_TRUE(*data->EvaluateBool({.context = &context}));
  EXPECT_EQ(name->Evaluate({.context = &context})->as_string(), "");
}

TEST(ExpressionTest, AStateBeyondTheActiveWordsIsInactive) {
  const auto expression = Expression::Parse("In('far')", [](absl::string_view) { return 200; });
  ASSERT_TRUE(expression.ok());
  const uint64_t words[] = {~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, uint64_t{1} << 8};
  EXPECT_FALSE(*expression->EvaluateBool({.active_states = absl::MakeConstSpan(words, 3)}));
  EXPECT_TRUE(*expression->EvaluateBool({.active_states = words}));
}

TEST(ExpressionTest, WithoutStatesNoStateIsKnown) {
  const auto expression = Expression::Parse("In('open')", nullptr);
  EXPECT_EQ(expression.status().message(), "line 1, column 4: there is no state 'open'");
}

TEST(ExpressionTest, ExplanationsNameWhatDecidedWithItsValue) {
  const OwnedScope scope(
      R"({"amount":250,"refund":true,"ready":false,"a":1,"b":2,"name":"bob","n":3,
          "members":["x","y"],"items":[{"price":3},{"price":0}],"long":"0123456789012345678901234567890123456789012345678901234567890123456789"})");
  const std::vector<std::pair<std::string, std::string>> kCases = {
      {"context.amount <= 100", "context.amount (250) <= 100 is false"},
      {"100 >= context.amount", "100 >= context.amount (250) is false"},
      {"context.ready", "context.ready is false"},
      {"!context.refund", "context.refund is true, wanted false"},
      {"!(context.a < 5)", "context.a (1) < 5 is true, wanted false"},
      {"context.a<context.n && context.b == 3", "context.b (2) == 3 is false"},
      {"context.a > 5 && context.b > 5 && context.refund",
       "context.a (1) > 5 is false and context.b (2) > 5 is false"},
      {"context.a > 5 || context.b > 5",
       "context.a (1) > 5 is false and context.b (2) > 5 is false"},
      {"!(context.a > 5 || context.b < 5)", "context.b (2) < 5 is true, wanted false"},
      {"!(context.a < 5 && context.b < 5)",
       "context.a (1) < 5 is true, wanted false and context.b (2) < 5 is true, wanted false"},
      {"context.missing && context.a > 5", "context.a (1) > 5 is false"},
      {"context.missing == 1", "context.missing: there is no key \"missing\""},
      {"context.missing && context.refund", "context.missing: there is no key \"missing\""},
      {"context.n && context.refund", "context.n: is a number, where a boolean is wanted"},
      {"context.n", "context.n is 3, where a boolean is wanted"},
      {"event.actor in context.members",
       R"(event.actor ("ann") in context.members (["x","y"]) is false)"},
      {"context.name.startsWith('x')",
       R"(context.name.startsWith('x') is false (context.name is "bob"))"},
      {"context.items.all(i, i.price > 0)",
       R"(context.items.all(i, i.price > 0) is false: for {"price":0}, i.price (0) > 0 is false)"},
      {"context.members.exists(m, m == 'z')",
       R"(context.members.exists(m, m == 'z') is false (context.members is ["x","y"]))"},
      {"context.refund ? context.a > 5 : true",
       "context.refund (true) is true, and context.a (1) > 5 is false"},
      {"In('paid')", "In('paid') is false"},
      {"!In('open')", "In('open') is true, wanted false"},
      {"has(context.zip)", "has(context.zip) is false"},
      {"false", "false is false"},
      {"context.ready ==\n\t(true ==\n true)", "context.ready (false) == (true ==  true) is false"},
      {"context.long == ''",
       "context.long (\"012345678901234567890123456789012345678901234567890123456789…) == '' is "
       "false"},
  };
  for (const auto& [text, expected] : kCases) {
    const auto expression = Expression::Parse(text, StateIndex);
    ASSERT_TRUE(expression.ok()) << text << ": " << expression.status();
    EXPECT_EQ(expression->Explain(scope.get()), expected) << text;
  }
}

TEST(ExpressionTest, ExplanationsAreBounded) {
  const OwnedScope scope(R"({"é":false,"a":1,"l":[1,2,3,4,5,6,7,8,9,10]})");
  const auto wide =
      Expression::Parse(Repeated("context.a > 7 || ", 200) + "context.a > 8", StateIndex);
  ASSERT_TRUE(wide.ok());
  EXPECT_LE(wide->Explain(scope.get()).size(), 1'024u);
  EXPECT_TRUE(absl::EndsWith(wide->Explain(scope.get()), "…"));
  const auto costly = Expression::Parse(
      Repeated("!", 19) + "context.l.all(i, context.l.all(j, context.l.all(k, i < 0 || j > 0)))",
      StateIndex);
  ASSERT_TRUE(costly.ok());
  EXPECT_TRUE(absl::StrContains(costly->Explain(scope.get()), "too costly to explain"))
      << costly->Explain(scope.get());
}

// Text made of the language's own pieces reaches far deeper than random bytes.
TEST(ExpressionTest, ArbitraryTextGivesAValueOrAnError) {
  const char* const kPieces[] = {
      "context",    "event", ".name",      ".data",   ".a",      "['a']",   "[0]",
      "(",          ")",     "[",          "]",       "{",       "}",       ",",
      ":",          "?",     "&&",         "||",      "!",       "-",       "+",
      "*",          "/",     "%",          "<",       "<=",      "==",      "!=",
      "in",         " ",     "1",          "0",       "1.5",     "'a'",     "true",
      "null",       "has(",  "In('open')", "size(",   ".size()", ".all(x,", ".map(y,",
      ".filter(x,", "x",     "y",          "string(", "int(",    "double(", ".matches('a')",
      ".contains(", "'",     "\\",         "\n",      "//",      "é"};
  std::mt19937 random(TestSeed());
  const OwnedScope scope(R"({"a":[{"a":1},"a",true],"name":"x"})", R"({"a":2})");
  int value_count = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string text;
    const size_t count = 1 + random() % 12;
    for (size_t j = 0; j < count; ++j) text += kPieces[random() % std::size(kPieces)];
    const auto expression = Expression::Parse(text, StateIndex);
    if (!expression.ok()) continue;
    const auto value = expression->Evaluate(scope.get());
    const auto again = expression->Evaluate(scope.get());
    ASSERT_EQ(value.ok(), again.ok()) << text;
    if (value.ok()) {
      ASSERT_EQ(*value, *again) << text;
      ++value_count;
    }
    ASSERT_FALSE(expression->Explain(scope.get()).empty()) << text;
  }
  EXPECT_GT(value_count, 30);
}

TEST(ExpressionTest, ArbitraryBytesAreRefusedWithoutHarm) {
  std::mt19937 random(TestSeed());
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 64, '\0');
    for (char& c : text) c = static_cast<char>(random());
    (void)Refusal(text);
  }
}

std::string Assigned(absl::string_view location, absl::string_view context,
                     absl::string_view value) {
  const auto parsed = Location::Parse(location, StateIndex);
  if (!parsed.ok()) return absl::StrCat("refused: ", parsed.status().message());
  const OwnedScope scope(context, R"({"i":1,"k":"key"})");
  const Value before = *scope.get().context;
  const auto after = parsed->Assign(scope.get(), JsonValueForTest(value));
  EXPECT_EQ(before, JsonValueForTest(context)) << "the old context was changed";
  if (!after.ok()) {
    EXPECT_EQ(after.status().code(), absl::StatusCode::kInvalidArgument);
    return absl::StrCat("error: ", after.status().message());
  }
  return ToJsonText(*after);
}

TEST(LocationTest, AssigningPutsTheValueThereAndNowhereElse) {
  EXPECT_EQ(Assigned("context.a", R"({"a":1,"b":2})", "3"), R"({"a":3,"b":2})");
  EXPECT_EQ(Assigned("context.c", R"({"a":1,"d":2})", "3"), R"({"a":1,"c":3,"d":2})");
  EXPECT_EQ(Assigned("context['c d']", "{}", "3"), R"({"c d":3})");
  EXPECT_EQ(Assigned("context.votes[event.actor]", R"({"votes":{"bob":"no"}})", "\"yes\""),
            R"({"votes":{"ann":"yes","bob":"no"}})");
  EXPECT_EQ(Assigned("context.l[event.data.i]", R"({"l":[1,2,3]})", "null"), R"({"l":[1,null,3]})");
  EXPECT_EQ(Assigned("context.l[1]", R"({"l":[1]})", "2"), R"({"l":[1,2]})");
  EXPECT_EQ(Assigned("context.l[0].x.y", R"({"l":[{"x":{"y":1,"z":2}}]})", "[]"),
            R"({"l":[{"x":{"y":[],"z":2}}]})");
  EXPECT_EQ(Assigned("context.m[event.data.k + 's'].n", R"({"m":{"keys":{}}})", "1"),
            R"({"m":{"keys":{"n":1}}})");
}

TEST(LocationTest, WhatIsNotThereIsAnError) {
  EXPECT_EQ(Assigned("context.a.b", "{}", "1"), "error: context.a: is not there");
  EXPECT_EQ(Assigned("context.a.b", R"({"a":1})", "1"),
            "error: context.a.b: what is to hold it is a number, not a map");
  EXPECT_EQ(Assigned("context.a[0]", R"({"a":{}})", "1"),
            "error: context.a[0]: what is to hold it is a map, not a list");
  EXPECT_EQ(Assigned("context.a.b", R"({"a":[]})", "1"),
            "error: context.a.b: what is to hold it is a list, not a map");
  EXPECT_EQ(Assigned("context.a[2]", R"({"a":[1]})", "1"),
            "error: context.a[2]: there is no index 2 in a list of 1");
  EXPECT_EQ(Assigned("context.a[1].b", R"({"a":[{}]})", "1"),
            "error: context.a[1]: there is no index 1 in a list of 1");
  EXPECT_EQ(Assigned("context.a[0 - 1]", R"({"a":[1]})", "1"),
            "error: context.a[0 - 1]: an index is a string, or an integer from 0, not -1");
  EXPECT_EQ(Assigned("context.a[0.5]", R"({"a":[1]})", "1"),
            "error: context.a[0.5]: an index is a string, or an integer from 0, not 0.5");
  EXPECT_EQ(Assigned("context[context.none]", "{}", "1"),
            "error: context.none: there is no key \"none\"");
  EXPECT_EQ(Assigned("context[event.data]", "{}", "1"),
            "error: context[event.data]: an index is a string, or an integer from 0, not "
            R"({"i":1,"k":"key"})");
}

TEST(LocationTest, OnlyPathsBelowContextAreLocations) {
  for (const char* text : {"context", "event.data", "event.data.x", "1", "'a'", "context.a + 1",
                           "[1][0]", "size(context)", "{'a':context}.a"}) {
    EXPECT_TRUE(absl::StrContains(Assigned(text, "{}", "1"), "a location is a path below context"))
        << text << ": " << Assigned(text, "{}", "1");
  }
  EXPECT_EQ(Assigned("ctx.a", "{}", "1").substr(0, 8), "refused:");
  EXPECT_EQ(Assigned("context.a[", "{}", "1").substr(0, 8), "refused:");
  EXPECT_EQ(Assigned("context.a[true]", "{}", "1").substr(0, 8), "refused:");
}

TEST(LocationTest, NestingOfTheContextIsBounded) {
  std::string deep = "1";
  for (int i = 0; i < kValueDepthMax - 1; ++i) deep = "[" + deep + "]";
  EXPECT_EQ(Assigned("context.a", "{}", deep), "{\"a\":" + deep + "}");
  EXPECT_TRUE(absl::StrContains(Assigned("context.a", "{}", "[" + deep + "]"),
                                "would nest more than 24 deep"));
}

}  // namespace
}  // namespace swoosh
