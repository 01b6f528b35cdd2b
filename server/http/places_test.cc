#include "server/http/places.h"

#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(PlacesTest, ThereAreAsManyAsWereGiven) {
  Places places(2);
  const Places::Taken first(&places);
  {
    const Places::Taken second(&places);
    const Places::Taken third(&places);
    EXPECT_TRUE(first.ok());
    EXPECT_TRUE(second.ok());
    EXPECT_FALSE(third.ok());
  }
  EXPECT_TRUE(Places::Taken(&places).ok());
}

TEST(PlacesTest, WhoWaitsForAllIsToldWhenTheLastIsFree) {
  Places places(2);
  EXPECT_TRUE(places.AwaitAllFree(absl::ZeroDuration()));
  auto taken = std::make_unique<Places::Taken>(&places);
  EXPECT_FALSE(places.AwaitAllFree(absl::ZeroDuration()));
  std::thread leaving([&taken] { taken.reset(); });
  EXPECT_TRUE(places.AwaitAllFree(absl::Minutes(1)));
  leaving.join();
}

}  // namespace
}  // namespace swoosh
