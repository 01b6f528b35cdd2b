#include "core/expression_pattern.h"

#include <iterator>
#include <random>

#include "absl/strings/match.h"
#include "core/seeded_test.h"
#include "gtest/gtest.h"
#include "re2/re2.h"

namespace swoosh::expression_internal {
namespace {

std::string Failure(absl::string_view text) {
  std::string failure;
  return Pattern::Compile(text, &failure) == nullptr ? failure : "";
}

// RE2's own count, of which the weight is an upper estimate.
int64_t InstructionCount(absl::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(int64_t{64} << 20);
  const RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), options);
  return compiled.ok() ? compiled.ProgramSize() : 0;
}

TEST(ExpressionPatternTest, AnyPartOfATextMayMatch) {
  std::string failure;
  const auto pattern = Pattern::Compile("^[a-zé]+[0-9]?$|日", &failure);
  ASSERT_NE(pattern, nullptr) << failure;
  EXPECT_TRUE(pattern->MatchesPartOf("abé7"));
  EXPECT_TRUE(pattern->MatchesPartOf("7日7"));
  EXPECT_FALSE(pattern->MatchesPartOf("7a"));
}

TEST(ExpressionPatternTest, PatternsInDailyUseAreLightEnough) {
  for (const char* text :
       {R"(^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$)", R"(^\d{4}-\d{2}-\d{2}$)",
        R"(^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$)", R"(^\w{1,64}$)",
        R"(^\pL+$)", R"(^(\d{1,3}\.){3}\d{1,3}$)", R"((?i)^(error|warning|info): .*$)"}) {
    EXPECT_EQ(Failure(text), "") << text << " weighs " << PatternWeight(text);
  }
}

TEST(ExpressionPatternTest, WhatIsNoPatternIsRefused) {
  for (const char* text : {"(", "a**\\", "[b-a]"}) {
    EXPECT_EQ(Failure(text), "the pattern is not RE2's") << text;
  }
  std::string failure;
  std::string library_says;
  EXPECT_EQ(Pattern::Compile("(", &failure, &library_says), nullptr);
  EXPECT_EQ(library_says, "missing ): (");
  EXPECT_EQ(Failure(std::string(kPatternBytesMax + 1, 'a')),
            "the pattern is longer than 512 bytes");
}

TEST(ExpressionPatternTest, PatternsThatGrowAreRefused) {
  for (const char* text : {"(a{100}){100}", "((a|b){20}){100}", "(.{10}){30}", R"((\pL|a){20})",
                           "a{100000}", "a{1000}b{1000}", "a{2000}", "[^a]{200}", "(a{99}b){99}"}) {
    EXPECT_TRUE(absl::StrContains(Failure(text), "too large")) << text << ": " << Failure(text);
  }
}

TEST(ExpressionPatternTest, TheWeightIsNeverFarBelowTheProgramsSize) {
  const char* const kPieces[] = {
      "a",     "b",          "(",         ")",         "(?:",   "|",         "*",
      "+",     "?",          "{3}",       "{2,}",      "{0,5}", "{,2}",      "{20}",
      "[a-z]", "[^b]",       "[]a]",      "[^]]",      ".",     "\\d",       "\\S",
      "\\pL",  "\\p{Greek}", "\\x{65e5}", "\\Qa(b\\E", "é",     "(?i)",      "[[:alpha:]-]",
      "\\b",   "^",          "$",         "{",         "}",     "[\\]é-日]", "\\(",
      "\\{4}"};
  std::mt19937 random(TestSeed());
  int compiled_count = 0;
  for (int i = 0; i < 4'000; ++i) {
    std::string text;
    const size_t count = 1 + random() % 10;
    for (size_t j = 0; j < count; ++j) text += kPieces[random() % std::size(kPieces)];
    const int64_t weight = PatternWeight(text);
    if (weight > kPatternWeightMax) continue;
    const int64_t instruction_count = InstructionCount(text);
    // A program begins and ends with a few instructions, and a literal has one a byte.
    ASSERT_LE(instruction_count, 3 * weight + 10) << text;
    if (instruction_count == 0) continue;
    ++compiled_count;
    ASSERT_EQ(Failure(text), "") << text;
  }
  EXPECT_GT(compiled_count, 200);
}

TEST(ExpressionPatternTest, ArbitraryBytesHaveAWeight) {
  std::mt19937 random(TestSeed());
  constexpr absl::string_view kBytes = "a()[]{}\\Qp:,19^*\xff";
  for (int i = 0; i < 50'000; ++i) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = kBytes[random() % kBytes.size()];
    const int64_t weight = PatternWeight(text);
    ASSERT_GE(weight, 0);
    ASSERT_LE(weight, kPatternWeightMax + 1);
  }
}

}  // namespace
}  // namespace swoosh::expression_internal
