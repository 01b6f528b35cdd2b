#include "server/root_leases.h"

#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

class RootLeasesTest : public testing::Test {
 protected:
  // A state at an index, made of as many empty records.
  static std::shared_ptr<const State> StateAt(uint64_t index) {
    StateWriter writer("history");
    for (uint64_t i = 1; i <= index; ++i)
      writer.Apply(Effect(), 1, Hlc{static_cast<int64_t>(i), 0});
    writer.Seal();
    return std::make_shared<const State>(writer.Sealed());
  }

  absl::Time now_ = absl::UnixEpoch();
  RootLeases leases_{[this] { return now_; }};
};

TEST_F(RootLeasesTest, AHeldStateIsFoundByItsIndex) {
  const auto state = StateAt(3);
  leases_.Hold(state);
  const auto found = leases_.Find(3);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, state);
  const auto missing = leases_.Find(2);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(missing.status()), v1::PAGE_EXPIRED);
}

TEST_F(RootLeasesTest, IsLetGoAfterItsTimeUnlessItIsRead) {
  leases_.Hold(StateAt(1));
  now_ += kRootLeaseDuration - absl::Seconds(1);
  EXPECT_TRUE(leases_.Find(1).ok());
  now_ += kRootLeaseDuration - absl::Seconds(1);
  EXPECT_TRUE(leases_.Find(1).ok());
  now_ += kRootLeaseDuration;
  EXPECT_EQ(ReasonOf(leases_.Find(1).status()), v1::PAGE_EXPIRED);
}

TEST_F(RootLeasesTest, SweepLetsTheStateGo) {
  auto state = StateAt(1);
  const std::weak_ptr<const State> watched = state;
  leases_.Hold(std::move(state));
  leases_.Sweep();
  EXPECT_FALSE(watched.expired());
  now_ += kRootLeaseDuration;
  leases_.Sweep();
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(leases_.size(), 0u);
}

TEST_F(RootLeasesTest, TheOneUsedLongestAgoMakesRoom) {
  for (uint64_t index = 1; index <= kRootLeasesMax; ++index) {
    leases_.Hold(StateAt(index));
    now_ += absl::Milliseconds(1);
  }
  EXPECT_TRUE(leases_.Find(1).ok());
  leases_.Hold(StateAt(kRootLeasesMax + 1));
  EXPECT_EQ(leases_.size(), kRootLeasesMax);
  EXPECT_TRUE(leases_.Find(1).ok());
  EXPECT_FALSE(leases_.Find(2).ok());
  EXPECT_TRUE(leases_.Find(kRootLeasesMax + 1).ok());
}

TEST_F(RootLeasesTest, HoldingTheSameIndexAgainTakesNoMoreRoom) {
  leases_.Hold(StateAt(1));
  leases_.Hold(StateAt(1));
  EXPECT_EQ(leases_.size(), 1u);
}

}  // namespace
}  // namespace swoosh
