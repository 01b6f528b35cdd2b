#include "server/answer_budget.h"

#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(AnswerBudgetTest, LargeAnswersLeaveHalfToSmallOnesAndWhatIsGivenBackCanBeTakenAgain) {
  AnswerBudget budget;
  constexpr size_t kLarge = kAnswersBytesMax / 4;
  EXPECT_TRUE(budget.TryTake(kLarge));
  EXPECT_TRUE(budget.TryTake(kLarge));
  EXPECT_FALSE(budget.TryTake(kSmallAnswerBytesMax + 1));
  size_t small = 0;
  while (budget.TryTake(kSmallAnswerBytesMax)) ++small;
  EXPECT_EQ(small, kAnswersBytesMax / 2 / kSmallAnswerBytesMax);
  EXPECT_TRUE(budget.exhausted());
  budget.Give(kSmallAnswerBytesMax);
  EXPECT_FALSE(budget.exhausted());
  EXPECT_TRUE(budget.TryTake(kSmallAnswerBytesMax));
  EXPECT_FALSE(budget.TryTake(1));
}

TEST(AnswerBudgetTest, WhatCanNotBeWithheldIsTakenBeyondTheBound) {
  AnswerBudget budget;
  budget.Take(2 * kAnswersBytesMax);
  EXPECT_TRUE(budget.exhausted());
  EXPECT_FALSE(budget.TryTake(1));
  budget.Give(2 * kAnswersBytesMax);
  EXPECT_FALSE(budget.exhausted());
}

}  // namespace
}  // namespace swoosh
