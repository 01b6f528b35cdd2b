#include "core/near_name.h"

#include <vector>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(NearNameTest, AMisspeltNameFindsTheNearest) {
  const std::vector<absl::string_view> known = {"startsWith", "endsWith", "size", "exists"};
  EXPECT_EQ(NearestName("startswith", known), "startsWith");
  EXPECT_EQ(NearestName("endWith", known), "endsWith");
  EXPECT_EQ(NearestName("szie", known), "size");
  EXPECT_EQ(NearestName("exist", known), "exists");
  EXPECT_EQ(NearestName("length", known), "");
  EXPECT_EQ(NearestName("", known), "");
  EXPECT_EQ(NearestName(std::string(1000, 's'), known), "");
}

TEST(NearNameTest, ANameOneEditAwayIsFoundByAsking) {
  const auto is_known = [](absl::string_view name) { return name == "done_ok"; };
  for (const char* name : {"doneok", "done__ok", "dnoe_ok", "done_oK", "done_o", "one_ok"}) {
    EXPECT_EQ(NeighbouringName(name, is_known), "done_ok") << name;
  }
  EXPECT_EQ(NeighbouringName("doneko", is_known), "");
  EXPECT_EQ(NeighbouringName("", is_known), "");
}

TEST(NearNameTest, WithoutANearNameNothingIsSuggested) {
  EXPECT_EQ(DidYouMean(""), "");
  EXPECT_EQ(DidYouMean("size"), " (did you mean 'size'?)");
}

}  // namespace
}  // namespace swoosh
