#include "core/state_root_builder.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/seeded_test.h"
#include "core/sha256.h"
#include "core/state_entry.h"
#include "core/state_tree.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

Digest RootOf(const StateRoot& root) {
  StateRootBuilder builder;
  StateCursor next;
  root.Walk(
      StateCursor(),
      [&builder](const StateEntry& entry) {
        EXPECT_TRUE(builder.Add(entry.key, entry.value));
        return true;
      },
      &next);
  EXPECT_EQ(builder.entry_count(), root.entry_count());
  return builder.Finish();
}

TEST(StateRootBuilder, HasTheRootOfTheTreeWhileItGrowsOneByOne) {
  StateTree tree;
  EXPECT_EQ(RootOf(tree.Seal()), tree.Seal().hash());
  for (int i = 0; i < 500; ++i) {
    tree.Put(absl::StrCat("key", i), absl::StrCat("value", i), "not hashed");
    const StateRoot root = tree.Seal();
    ASSERT_EQ(ToHex(RootOf(root)), ToHex(root.hash())) << i + 1 << " entries";
  }
}

TEST(StateRootBuilder, HasTheRootOfLargeTreesOfRandomContent) {
  std::mt19937 random(TestSeed());
  StateTree tree;
  for (int i = 0; i < 100'000; ++i) {
    tree.Put(absl::StrCat(random() % 70'000), std::string(random() % 40, 'v'), "");
    if (i % 10'000 == 0) {
      const StateRoot root = tree.Seal();
      ASSERT_EQ(ToHex(RootOf(root)), ToHex(root.hash())) << root.entry_count() << " entries";
    }
  }
  const StateRoot root = tree.Seal();
  EXPECT_EQ(ToHex(RootOf(root)), ToHex(root.hash()));
}

TEST(StateRootBuilder, RefusesEntriesOutOfOrderAndTwice) {
  // SHA-256 of "b" begins with 3e, that of "a" with ca.
  StateRootBuilder builder;
  ASSERT_TRUE(builder.Add("a", "1"));
  EXPECT_FALSE(builder.Add("b", "2"));
  EXPECT_FALSE(builder.Add("a", "1"));
  EXPECT_EQ(builder.entry_count(), 1u);
  StateTree tree;
  tree.Put("a", "1", "");
  EXPECT_EQ(ToHex(builder.Finish()), ToHex(tree.Seal().hash()));
}

TEST(StateRootBuilder, TellsAChangedEntry) {
  StateRootBuilder one;
  StateRootBuilder other;
  for (const char* key : {"b", "a"}) {
    ASSERT_TRUE(one.Add(key, "same"));
    ASSERT_TRUE(other.Add(key, *key == 'a' ? "another" : "same"));
  }
  EXPECT_NE(ToHex(one.Finish()), ToHex(other.Finish()));
}

}  // namespace
}  // namespace swoosh
