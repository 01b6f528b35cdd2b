#include "cli/document.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/yaml_document.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

using Kind = Node::Kind;

// The tree as JSON with its strings unescaped, numbers as they are held.
std::string Show(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return node.boolean ? "true" : "false";
    case Kind::kNumber:
      return node.text;
    case Kind::kString:
      return absl::StrCat("'", node.text, "'");
    case Kind::kList: {
      std::string text = "[";
      for (const Node& item : node.items) absl::StrAppend(&text, Show(item), ",");
      return text + "]";
    }
    case Kind::kMap: {
      std::string text = "{";
      for (const Node::Member& member : node.members) {
        absl::StrAppend(&text, member.key, ":", Show(member.value), ",");
      }
      return text + "}";
    }
  }
  return "";
}

std::string ShowOrError(const absl::StatusOr<Node>& node) {
  return node.ok() ? Show(*node) : std::string(node.status().message());
}

std::string Repeated(absl::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) absl::StrAppend(&all, text);
  return all;
}

TEST(JsonDocument, ReadsEveryKindOfValue) {
  EXPECT_EQ(
      ShowOrError(ParseJson(
          R"( {"a": [1, -0.5e+3, true, false, null], "b": {"c": "x\n\u00e9\ud83d\ude00"}} )")),
      "{a:[1,-0.5e+3,true,false,null,],b:{c:'x\né😀',},}");
  EXPECT_EQ(ShowOrError(ParseJson("\xef\xbb\xbf[]")), "[]");
  EXPECT_EQ(ShowOrError(ParseJson("\"\\\"\\\\\\/\\b\\f\\r\\t\"")), "'\"\\/\b\f\r\t'");
}

TEST(JsonDocument, KnowsWhereEverythingStands) {
  const absl::StatusOr<Node> node = ParseJson("{\n  \"é\": [1,\n    2]}");
  ASSERT_TRUE(node.ok());
  const Node::Member& member = node->members[0];
  EXPECT_EQ(ToString(node->position), "1:1");
  EXPECT_EQ(ToString(member.position), "2:3");
  EXPECT_EQ(ToString(member.value.position), "2:8");
  EXPECT_EQ(ToString(member.value.items[1].position), "3:5");
}

struct BadText {
  const char* text;
  const char* error;  // a part of the message
};

TEST(JsonDocument, RefusesWhatIsNotJsonAndSaysWhere) {
  const BadText cases[] = {
      {"", "1:1: the text ends"},
      {"{", "1:2: expected a key"},
      {"{\"a\" 1}", "1:6: expected ':'"},
      {"{\"a\": 1,}", "1:9: expected a key"},
      {"[1 2]", "1:4: expected ',' or ']'"},
      {"[1,]", "1:4: expected a value"},
      {"{\"a\": 1, \"a\": 2}", "1:10: the key \"a\" stands twice"},
      {"{\"\\u0061\": 1, \"a\": 2}", "stands twice"},
      {"{a: 1}", "1:2: expected a key in double quotes"},
      {"['a']", "1:2: expected a value"},
      {"[yes]", "text stands in double quotes: \"yes\""},
      {"[01]", "may not begin with 0"},
      {"[1.]", "after the number's point"},
      {"[.5]", "expected a value"},
      {"[+1]", "expected a value"},
      {"[1e]", "exponent"},
      {"[NaN]", "expected a value"},
      {"[-]", "after '-'"},
      {"\"a\nb\"", "1:3: a control character"},
      {"\"abc", "ends within a string"},
      {"\"\\x\"", "unknown escape"},
      {"\"\\u12g4\"", "four hexadecimal digits"},
      {"\"\\ud800\"", "half of a surrogate pair"},
      {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
      {"\"\\udc00\"", "half of a surrogate pair"},
      {"1 2", "1:3: something follows"},
      {"\"\xff\"", "not valid UTF-8"},
      {"[1] // no", "something follows"},
  };
  for (const BadText& bad : cases) {
    const absl::StatusOr<Node> node = ParseJson(bad.text);
    ASSERT_FALSE(node.ok()) << bad.text;
    EXPECT_TRUE(absl::IsInvalidArgument(node.status()));
    EXPECT_TRUE(absl::StrContains(node.status().message(), bad.error))
        << bad.text << " gave: " << node.status().message();
  }
}

TEST(JsonDocument, BoundsNesting) {
  const std::string deepest = Repeated("[", kDocumentDepthMax) + Repeated("]", kDocumentDepthMax);
  EXPECT_TRUE(ParseJson(deepest).ok());
  const absl::Status status = ParseJson(Repeated("[", 1'000'000)).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "nested deeper")) << status;
}

TEST(YamlDocument, ResolvesPlainScalarsByTheCoreSchemaOfYaml12) {
  const std::pair<const char*, const char*> cases[] = {
      {"~", "null"},
      {"null", "null"},
      {"NULL", "null"},
      {"true", "true"},
      {"False", "false"},
      {"yes", "'yes'"},
      {"on", "'on'"},
      {"off", "'off'"},
      {"12", "12"},
      {"-12", "-12"},
      {"+12", "12"},
      {"007", "7"},
      {"0o14", "12"},
      {"0xC", "12"},
      {"1.5e3", "1.5e3"},
      {".5", "0.5"},
      {"1.", "1"},
      {"-.5", "-0.5"},
      {"12:30", "'12:30'"},
      {"1_000", "'1_000'"},
      {"0x", "'0x'"},
      {"1e", "'1e'"},
      {"2024-05-31", "'2024-05-31'"},
      {"'12'", "'12'"},
      {"\"true\"", "'true'"},
      {"!!str 12", "'12'"},
      {"context.a <= 3", "'context.a <= 3'"},
  };
  for (const auto& [text, shown] : cases) {
    EXPECT_EQ(ShowOrError(ParseYaml(absl::StrCat("[", text, "]"))), absl::StrCat("[", shown, ",]"))
        << text;
  }
}

TEST(YamlDocument, EscapesThatComeToBeNoUtf8AreRefused) {
  for (const char* text : {R"(a: "x\_y")", R"("x\Ny": 1)", R"(a: ["\_"])"}) {
    const absl::Status status = ParseYaml(text).status();
    EXPECT_TRUE(absl::StrContains(status.message(), "not understood")) << text << ": " << status;
  }
  EXPECT_EQ(ShowOrError(ParseYaml(R"(["\u00a0\xa0\L"])")), "['\u00a0\u00a0\u2028',]");
}

TEST(YamlDocument, SaysWhichByteIsNoEscape) {
  EXPECT_TRUE(absl::EndsWith(ParseYaml("\"\\\u00e9\"").status().message(),
                             ": unknown escape character: \\xc3"));
}

TEST(YamlDocument, ReadsBlocksAndExpandsAliases) {
  EXPECT_EQ(ShowOrError(ParseYaml("on:\n  - &e {event: a, target: [x]}\n  - *e\n1: |\n  t\n")),
            "{on:[{event:'a',target:['x',],},{event:'a',target:['x',],},],1:'t\n',}");
  EXPECT_EQ(ShowOrError(ParseYaml("a:\nb: &n ~\nc: *n\n")), "{a:null,b:null,c:null,}");
}

TEST(YamlDocument, RefusesWhatJsonCouldNotSay) {
  const BadText cases[] = {
      {"", "there is no document"},
      {"a: 1\na: 2", "2:1: the key \"a\" stands twice"},
      {"a: 1\n\"a\": 2", "stands twice"},
      {"a: .inf", "1:4: .inf is no JSON number"},
      {"a: -.INF", "no JSON number"},
      {"a: .nan", "no JSON number"},
      {"[a]: 1", "a key must be text"},
      {"{a: 1}: 1", "a key must be text"},
      {"~: 1", "a key can't be null"},
      {"a: &x [*x]", "an alias within what it names"},
      {"a: *y", "1:"},
      {"a: !!binary aGk=", "the tag tag:yaml.org,2002:binary is not supported"},
      {"a: !mine 1", "not supported"},
      {"a: !mine [1]", "not supported"},
      {"a: 1\n---\nb: 2", "a second document"},
      {"a: [1", "1:"},
      {"a: b: c", "1:"},
      {"\ta: 1", "1:"},
      {"a: \"\xff\"", "not valid UTF-8"},
      {"a: 1\nb: \x01", "2:4: a control character"},
  };
  for (const BadText& bad : cases) {
    const absl::StatusOr<Node> node = ParseYaml(bad.text);
    ASSERT_FALSE(node.ok()) << bad.text;
    EXPECT_TRUE(absl::StrContains(node.status().message(), bad.error))
        << bad.text << " gave: " << node.status().message();
  }
}

TEST(YamlDocument, BoundsWhatAliasesStandFor) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&bomb, "*a", i - 1, ", ");
    absl::StrAppend(&bomb, "]\n");
  }
  const absl::Status status = ParseYaml(bomb).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "aliases expanded")) << status;
}

TEST(YamlDocument, BoundsNesting) {
  for (const int depth : {kDocumentDepthMax + 1, 100'000}) {
    EXPECT_FALSE(ParseYaml(Repeated("[", depth) + Repeated("]", depth)).ok());
  }
  // Every step doubles the depth of what it names.
  std::string nested = "a0: &a0 [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\n";
  for (int i = 1; i < 12; ++i) {
    absl::StrAppend(&nested, "a", i, ": &a", i, " [[[[[[[[[[[[[[[[[[[[*a", i - 1,
                    "]]]]]]]]]]]]]]]]]]]]\n");
  }
  const absl::Status status = ParseYaml(nested).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "nested deeper")) << status;
}

TEST(Numbers, AreThoseThatADoubleTellsFromItsNeighbours) {
  const std::pair<const char*, double> good[] = {
      {"0", 0},
      {"-0", 0},
      {"0.1", 0.1},
      {"1e15", 1e15},
      {"0e999", 0},
      {"9007199254740991", 9007199254740991.0},
      {"-9007199254740991", -9007199254740991.0},
      {"4503599627370496.5", 4503599627370496.5},
  };
  for (const auto& [text, value] : good) {
    const absl::StatusOr<double> number = ToDouble(text);
    ASSERT_TRUE(number.ok()) << text;
    EXPECT_EQ(*number, value) << text;
  }
  for (const char* text : {"9007199254740992", "9007199254740993", "-9007199254740993",
                           "9007199254740992.5", "1e16", "1e308", "1e309", "-1e999999999999"}) {
    const absl::Status status = ToDouble(text).status();
    EXPECT_TRUE(absl::StrContains(status.message(), "2^53")) << text << " gave " << status;
  }
  for (const char* text : {"1e-400", "-0.000001e-400"}) {
    EXPECT_TRUE(absl::StrContains(ToDouble(text).status().message(), "too small")) << text;
  }
}

}  // namespace
}  // namespace swoosh
