#include "tests/fuzz/mutator.h"

#include <set>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(MutatorTest, TheSameSeedGivesTheSameInputs) {
  const std::vector<std::string> corpus = {"", "abc", std::string(5'000, 'x')};
  Mutator one(corpus, 7);
  Mutator other(corpus, 7);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(one.Next(), other.Next());
}

TEST(MutatorTest, InputsDifferAndAreBounded) {
  const std::vector<std::string> corpus = {"", "abc", std::string(Mutator::kInputBytesMax, 'x')};
  Mutator mutator(corpus, 7);
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const std::string input = mutator.Next();
    EXPECT_LE(input.size(), Mutator::kInputBytesMax);
    seen.insert(input);
  }
  EXPECT_GT(seen.size(), 300u);
}

// Else the tests of this folder would run other inputs on another machine.
TEST(MutatorTest, AnInputIsWhatItWas) {
  const std::vector<std::string> corpus = {"{\"a\": [1, 2]}"};
  EXPECT_EQ(Mutator(corpus, 1).Next(), "{\"a\"8 [1, 2]}");
}

}  // namespace
}  // namespace swoosh
