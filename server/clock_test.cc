#include "server/clock.h"

#include "absl/strings/match.h"
#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

class SystemClockTest : public testing::Test {
 protected:
  // Lets `monotonic` pass, and shows the wall clock that much on plus `step`.
  int64_t After(int64_t monotonic, int64_t step = 0) {
    monotonic_us_ += monotonic;
    wall_us_ += monotonic + step;
    return clock_.NowUs();
  }

  int64_t wall_us_ = kStart;
  int64_t monotonic_us_ = 5 * kSecond;
  SystemClock clock_{{[this] { return wall_us_; }, [this] { return monotonic_us_; }}};
};

TEST_F(SystemClockTest, GoesWithTheWallClock) {
  EXPECT_EQ(clock_.NowUs(), kStart);
  EXPECT_EQ(After(kSecond), kStart + kSecond);
  // Small corrections are followed, also many of them, which together exceed a jump's bound.
  for (int i = 0; i < 10; ++i) {
    After(kSecond, 50 * kSecond);
    EXPECT_EQ(clock_.NowUs(), wall_us_);
  }
  EXPECT_EQ(clock_.forward_jumps(), 0u);
}

TEST_F(SystemClockTest, ALongTimeWithoutACallIsNoJump) {
  EXPECT_EQ(After(3'600 * kSecond), kStart + 3'600 * kSecond);
  EXPECT_EQ(clock_.forward_jumps(), 0u);
}

TEST_F(SystemClockTest, AJumpForwardCountsOnlyAfterItHasLasted) {
  const int64_t jump = kForwardJumpUsMin + kSecond;
  EXPECT_EQ(After(kSecond, jump), kStart + kSecond);
  EXPECT_EQ(After(kForwardJumpLastsUsMin - 1), kStart + kSecond + kForwardJumpLastsUsMin - 1);
  EXPECT_EQ(After(1), wall_us_);
  EXPECT_EQ(wall_us_, kStart + kSecond + jump + kForwardJumpLastsUsMin);
  EXPECT_EQ(After(kSecond), wall_us_);
  EXPECT_EQ(clock_.forward_jumps(), 1u);
}

TEST_F(SystemClockTest, AJumpThatIsTakenBackLeavesNoTrace) {
  const int64_t jump = 3'600 * kSecond;
  EXPECT_EQ(After(kSecond, jump), kStart + kSecond);
  EXPECT_EQ(After(kSecond, -jump), kStart + 2 * kSecond);
  // The next one has to last by itself.
  EXPECT_EQ(After(kForwardJumpLastsUsMin, jump), kStart + 2 * kSecond + kForwardJumpLastsUsMin);
  EXPECT_EQ(clock_.forward_jumps(), 2u);
  EXPECT_EQ(clock_.backward_steps(), 0u);
}

TEST_F(SystemClockTest, AStepBackIsPassedOnAndCounted) {
  EXPECT_EQ(After(kSecond, -30 * kSecond), kStart - 29 * kSecond);
  EXPECT_EQ(clock_.backward_steps(), 1u);
  EXPECT_EQ(After(kSecond), kStart - 28 * kSecond);
  EXPECT_EQ(clock_.backward_steps(), 1u);
}

TEST(SystemClock, ReadsTheMachinesClock) {
  SystemClock clock;
  const int64_t before = OperatingSystemTime().wall_us();
  const int64_t now = clock.NowUs();
  EXPECT_GE(now, before);
  EXPECT_LE(now, OperatingSystemTime().wall_us());
}

TEST(ManualClock, StandsStillUntilAdvanced) {
  ManualClock clock(Hlc{}, kStart);
  EXPECT_EQ(clock.NowUs(), kStart);
  EXPECT_TRUE(clock.AdvanceTo(kStart + 5).ok());
  EXPECT_TRUE(clock.AdvanceTo(kStart + 5).ok());
  EXPECT_EQ(clock.NowUs(), kStart + 5);
}

TEST(ManualClock, OnlyGoesForward) {
  ManualClock clock(Hlc{}, kStart);
  const absl::Status back = clock.AdvanceTo(kStart - 1);
  EXPECT_EQ(back.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(back), v1::INVALID_FIELD);
  EXPECT_TRUE(absl::StartsWith(back.message(), "to: ")) << back;
  EXPECT_EQ(clock.NowUs(), kStart);
}

TEST(ManualClock, GoesOnFromTheLastRecord) {
  ManualClock clock(Hlc{kStart + 7, 3}, kStart);
  EXPECT_EQ(clock.NowUs(), kStart + 7);
}

TEST(LastRecordTime, MoreThanAnHourAheadIsRefusedUnlessAccepted) {
  const Hlc last{kStart, 0};
  EXPECT_TRUE(CheckLastRecordTime(last, kStart - 3'600 * kSecond, false).ok());
  const absl::Status refused = CheckLastRecordTime(last, kStart - 3'601 * kSecond, false);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(refused.message(), "3601 s ahead")) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "--accept_clock_ahead")) << refused;
  EXPECT_TRUE(CheckLastRecordTime(last, kStart - 3'601 * kSecond, true).ok());
}

}  // namespace
}  // namespace swoosh
