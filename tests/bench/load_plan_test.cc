#include "tests/bench/load_plan.h"

#include "gtest/gtest.h"

namespace swoosh {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'000);

TEST(LoadPlanTest, AsFastAsCanBeAMessageIsDueWheneverThereIsRoom) {
  LoadPlan plan(kStart, absl::Seconds(1), absl::Seconds(2), 0);
  absl::Time due;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(plan.Take(kStart + absl::Seconds(1), &due));
    EXPECT_EQ(due, kStart + absl::Seconds(1));
  }
  EXPECT_FALSE(plan.Ended(kStart + absl::Seconds(1)));
  EXPECT_FALSE(plan.Take(kStart + absl::Seconds(3), &due));
}

TEST(LoadPlanTest, AtARateWhatCouldNotBeSentIsStillDueWhenItWas) {
  LoadPlan plan(kStart, absl::ZeroDuration(), absl::Seconds(1), 10);
  absl::Time due;
  int count = 0;
  while (plan.Take(kStart + absl::Hours(1), &due)) {
    EXPECT_EQ(due, kStart + count * absl::Milliseconds(100));
    ++count;
  }
  EXPECT_EQ(count, 10);
  EXPECT_TRUE(plan.Ended(kStart + absl::Hours(1)));
  EXPECT_EQ(plan.next(), absl::InfiniteFuture());
}

TEST(LoadPlanTest, AtARateNothingIsDueBeforeItsTime) {
  LoadPlan plan(kStart, absl::ZeroDuration(), absl::Seconds(1), 10);
  absl::Time due;
  EXPECT_TRUE(plan.Take(kStart, &due));
  EXPECT_FALSE(plan.Take(kStart + absl::Milliseconds(99), &due));
  EXPECT_EQ(plan.next(), kStart + absl::Milliseconds(100));
  EXPECT_TRUE(plan.Take(plan.next(), &due));
}

TEST(LoadPlanTest, WhatIsStoppedHasNothingMoreDue) {
  for (const double rate : {0.0, 10.0}) {
    LoadPlan plan(kStart, absl::ZeroDuration(), absl::Seconds(1), rate);
    absl::Time due;
    EXPECT_TRUE(plan.Take(kStart, &due));
    plan.Stop();
    EXPECT_FALSE(plan.Take(kStart + absl::Milliseconds(500), &due));
    EXPECT_TRUE(plan.Ended(kStart));
  }
}

TEST(LoadTallyTest, MeasuresWhatIsDueAfterTheWarmUpHoweverLateItIsAnswered) {
  LoadPlan plan(kStart, absl::Seconds(1), absl::Seconds(1), 0);
  LoadTally tally;
  tally.Answered(plan, kStart, kStart + absl::Seconds(1));                     // due in the warm-up
  tally.Answered(plan, kStart + absl::Seconds(1), kStart + absl::Seconds(5));  // answered late
  EXPECT_EQ(tally.answered, 2u);
  EXPECT_EQ(tally.answered_measured, 1u);
  EXPECT_EQ(tally.latency.count(), 1u);
  EXPECT_EQ(tally.latency.max(), absl::Seconds(4));
}

TEST(LoadTallyTest, IsALineOfJson) {
  LoadPlan plan(kStart, absl::ZeroDuration(), absl::Seconds(2), 0);
  LoadTally tally;
  tally.Answered(plan, kStart, kStart + absl::Milliseconds(1));
  tally.Failed("a \"bad\"\nline");
  tally.Failed("another");
  const std::string json = tally.ToJson(plan);
  EXPECT_NE(json.find(R"("rate": 0.50, "count": 1, "answered": 1, "errors": 2, )"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("first_error": "a \"bad\" line")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("p50_us": 1000.0)"), std::string::npos) << json;
}

}  // namespace
}  // namespace swoosh
