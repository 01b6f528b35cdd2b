#include "core/value.h"

#include <limits>

#include "core/json_value_for_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(ValueTest, ADefaultValueIsNull) { EXPECT_TRUE(Value().is_null()); }

TEST(ValueTest, MinusZeroBecomesZero) {
  const Value zero = Value::Number(-0.0);
  EXPECT_EQ(1 / zero.as_number(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ToJsonText(zero), "0");
}

TEST(ValueDeathTest, ANumberIsFinite) {
  EXPECT_DEATH(Value::Number(std::numeric_limits<double>::quiet_NaN()), "check failed");
  EXPECT_DEATH(Value::Number(-std::numeric_limits<double>::infinity()), "check failed");
}

TEST(ValueDeathTest, AMapHasNoKeyTwice) {
  EXPECT_DEATH(Value::OfMap({{"a", Value()}, {"b", Value()}, {"a", Value()}}), "check failed");
}

TEST(ValueTest, AMapIsSortedByTheBytesOfItsKeys) {
  const Value map = Value::OfMap({{"é", Value()}, {"b", Value()}, {"B", Value()}, {"", Value()}});
  EXPECT_EQ(ToJsonText(map), R"({"":null,"B":null,"b":null,"é":null})");
}

TEST(ValueTest, FindFindsMembersOfMapsAlone) {
  const Value map = JsonValueForTest(R"({"b":1,"a":"x","c":[]})");
  ASSERT_NE(map.Find("b"), nullptr);
  EXPECT_EQ(map.Find("b")->as_number(), 1);
  EXPECT_EQ(map.Find("a")->as_string(), "x");
  EXPECT_EQ(map.Find("aa"), nullptr);
  EXPECT_EQ(map.Find("d"), nullptr);
  EXPECT_EQ(Value::String("a").Find("a"), nullptr);
}

TEST(ValueTest, EqualityIsDeepAndByKind) {
  const char* const kDistinct[] = {"null",   "false",     "true",      "0",        "1",    "\"\"",
                                   "\"0\"",  "[]",        "[0]",       "[1]",      "[[]]", "{}",
                                   "[null]", "{\"a\":1}", "{\"a\":2}", "{\"b\":1}"};
  for (const char* a : kDistinct) {
    for (const char* b : kDistinct) {
      EXPECT_EQ(JsonValueForTest(a) == JsonValueForTest(b), a == b) << a << " " << b;
    }
  }
  EXPECT_EQ(JsonValueForTest(R"({"a":[1,{"b":"x"}],"c":0})"),
            JsonValueForTest(R"({"c":0,"a":[1,{"b":"x"}]})"));
}

TEST(ValueTest, DepthCountsListsAndMaps) {
  EXPECT_EQ(JsonValueForTest("1").depth(), 0);
  EXPECT_EQ(JsonValueForTest("[]").depth(), 1);
  EXPECT_EQ(JsonValueForTest(R"([1,{"a":[]},[2]])").depth(), 3);
}

TEST(ValueTest, JsonTextReadsBackAsTheSameValue) {
  const char* const kTexts[] = {"null",
                                "true",
                                "0.1",
                                "-1.5",
                                "100000",
                                "99999999999999984",
                                "1e+17",
                                "1e-07",
                                "5e-324",
                                "1.7976931348623157e+308",
                                "0.30000000000000004",
                                R"("a\"b\\c\n\r\t\u0001é")",
                                R"([1,"x",[],{}])",
                                R"({"a":{"b":[null]},"c":false})"};
  for (const char* text : kTexts) {
    EXPECT_EQ(ToJsonText(JsonValueForTest(text)), text);
    EXPECT_EQ(JsonValueForTest(ToJsonText(JsonValueForTest(text))), JsonValueForTest(text));
  }
}

TEST(ValueTest, LongJsonTextIsCutBetweenCharacters) {
  const Value value = JsonValueForTest(R"(["ééé",2,3,4])");
  EXPECT_EQ(ToJsonText(value, 16), R"(["ééé",2,3,4])");
  EXPECT_EQ(ToJsonText(value, 15), "[\"ééé\",2,…");
  for (size_t bytes_max = 3; bytes_max < 16; ++bytes_max) {
    EXPECT_LE(ToJsonText(value, bytes_max).size(), bytes_max);
    EXPECT_EQ(ToJsonText(value, bytes_max).substr(ToJsonText(value, bytes_max).size() - 3), "…");
  }
  EXPECT_EQ(ToJsonText(value, 7), "[\"é…");
  EXPECT_EQ(ToJsonText(value, 6), "[\"…");
}

TEST(ValueTest, EncodedSizeOfContentSharedManyTimesDoesNotOverflow) {
  Value value = Value::String(std::string(1000, 'x'));
  for (int i = 0; i < 100; ++i) value = Value::OfList({value, value});
  EXPECT_EQ(value.encoded_bytes(), size_t{1} << 48);
}

}  // namespace
}  // namespace swoosh
