#include "server/request_window.h"

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/seeded_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

const Digest kContent = Sha256("content");
const Digest kOther = Sha256("other");

TEST(RequestWindow, RemembersWhatWasAccepted) {
  RequestWindow window;
  EXPECT_TRUE(window.Add(7, "default", "a", kContent));
  const auto found = window.Find("default", "a", kContent);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->index, 7u);
  EXPECT_TRUE(found->same_content);
  EXPECT_FALSE(window.Find("default", "b", kContent).has_value());
}

TEST(RequestWindow, TellsAnotherContent) {
  RequestWindow window;
  EXPECT_TRUE(window.Add(1, "default", "a", kContent));
  const auto found = window.Find("default", "a", kOther);
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->same_content);
}

TEST(RequestWindow, IdsAreOfTheirNamespace) {
  RequestWindow window;
  EXPECT_TRUE(window.Add(1, "n", "sa", kContent));
  EXPECT_FALSE(window.Find("ns", "a", kContent).has_value());
  EXPECT_TRUE(window.Add(2, "ns", "a", kContent));
  EXPECT_EQ(window.Find("ns", "a", kContent)->index, 2u);
  EXPECT_EQ(window.Find("n", "sa", kContent)->index, 1u);
}

TEST(RequestWindow, ForgetsWhatLeavesTheWindow) {
  RequestWindow window(10);
  EXPECT_TRUE(window.Add(1, "default", "a", kContent));
  EXPECT_TRUE(window.Add(10, "default", "b", kContent));
  EXPECT_TRUE(window.Find("default", "a", kContent).has_value());
  EXPECT_TRUE(window.Add(11, "default", "", kContent));  // a record without a request
  EXPECT_FALSE(window.Find("default", "a", kContent).has_value());
  EXPECT_TRUE(window.Find("default", "b", kContent).has_value());
  EXPECT_TRUE(window.Add(12, "default", "a", kOther));  // and so it can be accepted anew
  EXPECT_EQ(window.Find("default", "a", kOther)->index, 12u);
}

TEST(RequestWindow, OthersMayLookWhileItIsAddedTo) {
  constexpr uint64_t kRecords = 20'000;
  RequestWindow window(100);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const auto found = window.Find("default", "7", kContent);
      if (found.has_value()) {
        EXPECT_EQ(found->index % 10, 7u);
      }
    }
  });
  for (uint64_t index = 1; index <= kRecords; ++index) {
    window.Add(index, "default", absl::StrCat(index % 10), kContent);
  }
  stop = true;
  reader.join();
  EXPECT_EQ(window.size(), 10u);
}

TEST(RequestWindow, ARememberedRequestIsNotAddedAgain) {
  RequestWindow window;
  EXPECT_TRUE(window.Add(1, "default", "a", kContent));
  EXPECT_FALSE(window.Add(2, "default", "a", kContent));
  EXPECT_EQ(window.Find("default", "a", kContent)->index, 1u);
  EXPECT_EQ(window.size(), 1u);
}

TEST(RequestWindow, WhatIsReadAtTheStartTakesThePlaceOfAnOlderRequest) {
  RequestWindow window(10);
  window.Restore(1, "default", "a", kContent);
  window.Restore(5, "default", "a", kOther);  // with a window of less than 5, this was accepted
  EXPECT_EQ(window.Find("default", "a", kOther)->index, 5u);
  EXPECT_TRUE(window.Find("default", "a", kOther)->same_content);
  window.Restore(11, "default", "b", kContent);  // the older one leaves the window
  EXPECT_EQ(window.Find("default", "a", kOther)->index, 5u);
  EXPECT_EQ(window.size(), 2u);
  window.Restore(15, "default", "", kContent);
  EXPECT_FALSE(window.Find("default", "a", kOther).has_value());
  EXPECT_EQ(window.size(), 1u);
}

TEST(RequestWindow, AgreesWithAMapOverManyRecords) {
  std::mt19937 random(TestSeed());
  constexpr uint64_t kWindow = 200;
  RequestWindow window(kWindow);
  std::map<std::string, std::pair<uint64_t, bool>> expected;  // id to index, of kContent
  uint64_t index = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = absl::StrCat("request-", random() % 300);
    const bool content = random() % 2 == 0;
    const auto known = expected.find(id);
    const auto found = window.Find("default", id, content ? kContent : kOther);
    ASSERT_EQ(found.has_value(), known != expected.end());
    if (found.has_value()) {
      ASSERT_EQ(found->index, known->second.first);
      ASSERT_EQ(found->same_content, content == known->second.second);
      continue;
    }
    index += 1 + random() % 3;
    ASSERT_TRUE(window.Add(index, "default", id, content ? kContent : kOther));
    expected[id] = {index, content};
    for (auto it = expected.begin(); it != expected.end();) {
      it = it->second.first + kWindow <= index ? expected.erase(it) : std::next(it);
    }
    ASSERT_EQ(window.size(), expected.size());
  }
}

}  // namespace
}  // namespace swoosh
