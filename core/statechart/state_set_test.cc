#include "core/statechart/state_set.h"

#include <vector>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::vector<int> Rising(const StateSet& set) {
  std::vector<int> states;
  set.ForEach([&](int state) { states.push_back(state); });
  return states;
}

std::vector<int> InExitOrder(const StateSet& set) {
  std::vector<int> states;
  set.ForEachInExitOrder([&](int state) { states.push_back(state); });
  return states;
}

TEST(StateSetTest, HoldsWhatWasInsertedAcrossWords) {
  StateSet set(300);
  for (const int state : {0, 63, 64, 127, 128, 299}) EXPECT_TRUE(set.Insert(state));
  EXPECT_FALSE(set.Insert(64));
  set.Erase(127);
  EXPECT_TRUE(set.Contains(299));
  EXPECT_FALSE(set.Contains(127));
  EXPECT_EQ(Rising(set), (std::vector<int>{0, 63, 64, 128, 299}));
  EXPECT_EQ(InExitOrder(set), (std::vector<int>{299, 128, 64, 63, 0}));
}

TEST(StateSetTest, FindsTheFirstFromAnyPlace) {
  StateSet set(130);
  set.Insert(5);
  set.Insert(129);
  EXPECT_EQ(set.FirstFrom(0), 5);
  EXPECT_EQ(set.FirstFrom(5), 5);
  EXPECT_EQ(set.FirstFrom(6), 129);
  EXPECT_EQ(set.FirstFrom(129), 129);
  EXPECT_EQ(set.FirstFrom(130), -1);
  EXPECT_EQ(set.FirstFrom(192), -1);
  EXPECT_TRUE(set.ContainsAnyOf(2, 6));
  EXPECT_FALSE(set.ContainsAnyOf(6, 129));
}

TEST(StateSetTest, ElementsMayBeErasedWhileVisited) {
  StateSet set(70);
  for (const int state : {1, 2, 69}) set.Insert(state);
  set.ForEachInExitOrder([&](int state) { set.Erase(state); });
  EXPECT_TRUE(Rising(set).empty());
}

}  // namespace
}  // namespace swoosh
