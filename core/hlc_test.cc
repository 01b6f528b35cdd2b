#include "core/hlc.h"

#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(HlcTest, FollowsTheClockWhenItMovesOn) { EXPECT_EQ(NextHlc({100, 7}, 101), (Hlc{101, 0})); }

TEST(HlcTest, CountsWhileTheClockStandsStill) { EXPECT_EQ(NextHlc({100, 7}, 100), (Hlc{100, 8})); }

TEST(HlcTest, NeverGoesBackWithTheClock) {
  const Hlc next = NextHlc({100, 7}, 3);
  EXPECT_EQ(next, (Hlc{100, 8}));
  EXPECT_TRUE((Hlc{100, 7}) < next);
}

TEST(HlcTest, AFullCounterCarriesIntoTheTime) {
  EXPECT_EQ(NextHlc({100, UINT32_MAX}, 100), (Hlc{101, 0}));
}

}  // namespace
}  // namespace swoosh
