#include "core/state_tree.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/state_tree_content_for_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

StateContent Numbered(int count) {
  StateContent content;
  for (int i = 0; i < count; ++i) {
    content[absl::StrCat("key-", i)] = {absl::StrCat("value-", i), absl::StrCat("extra-", i)};
  }
  return content;
}

StateRoot RootOf(const StateContent& content) {
  StateTree tree;
  PutAll(content, &tree);
  return tree.Seal();
}

std::vector<std::string> KeysInWalkOrder(const StateContent& content) {
  std::vector<std::string> keys;
  for (const auto& [key, kept] : content) keys.push_back(key);
  std::sort(keys.begin(), keys.end(),
            [](const auto& a, const auto& b) { return Sha256(a) < Sha256(b); });
  return keys;
}

// Two keys whose paths have the first `nibble_count` (even) nibbles in common.
std::pair<std::string, std::string> KeysWithCommonPath(size_t nibble_count) {
  std::map<std::string, std::string> key_of;
  for (int i = 0;; ++i) {
    const std::string key = absl::StrCat("near-", i);
    const Digest path = Sha256(key);
    const auto [at, added] =
        key_of.emplace(ToString(AsBytes(path).substr(0, nibble_count / 2)), key);
    if (!added) return {at->second, key};
  }
}

std::string FirstDifferenceOf(const StateRoot& a, const StateRoot& b) {
  std::string key;
  return StateRoot::FirstDifference(a, b, &key) ? key : "none";
}

TEST(StateTreeTest, APrefetchChangesNothingWhateverTheKeys) {
  StateTree tree;
  const StateKey absent = "absent";
  tree.Prefetch({});
  tree.Prefetch({&absent});
  std::vector<StateKey> keys;
  std::vector<const StateKey*> all = {&absent};
  for (int i = 0; i < 200; ++i) keys.emplace_back(absl::StrCat("key-", i));
  for (const StateKey& key : keys) {
    tree.Put(key, "value", "");
    all.push_back(&key);
  }
  const Digest hash = tree.Seal().hash();
  tree.Prefetch(all);
  EXPECT_EQ(tree.entry_count(), keys.size());
  EXPECT_EQ(tree.Seal().hash(), hash);
}

TEST(StateTreeTest, HashesAreThoseOfTheVectors) {
  std::ifstream file("core/testdata/state_tree.txt");
  ASSERT_TRUE(file.is_open());
  StateTree tree;
  std::string line;
  int root_count = 0;
  for (int number = 1; std::getline(file, line); ++number) {
    SCOPED_TRACE(absl::StrCat("line ", number));
    std::istringstream words(line);
    std::string verb, first, second;
    words >> verb >> first >> second;
    const auto bytes = [](const std::string& hex) {
      return hex == "-" ? "" : absl::HexStringToBytes(hex);
    };
    if (verb.empty() || verb[0] == '#') continue;
    if (verb == "put") {
      tree.Put(bytes(first), bytes(second), absl::StrCat("extra of line ", number));
    } else if (verb == "erase") {
      EXPECT_TRUE(tree.Erase(bytes(first)));
    } else {
      ASSERT_EQ(verb, "root");
      EXPECT_EQ(ToHex(tree.Seal().hash()), first);
      ++root_count;
    }
  }
  EXPECT_GE(root_count, 10);
}

TEST(StateTreeTest, AnEmptyTreeIsTheDefaultRoot) {
  const StateRoot none;
  StateTree tree;
  const StateRoot empty = tree.Seal();
  EXPECT_EQ(empty.hash(), none.hash());
  EXPECT_EQ(ToHex(none.hash()), ToHex(Sha256("\x02")));
  for (const StateRoot& root : {none, empty}) {
    StateEntry entry;
    EXPECT_FALSE(root.Find("key", &entry));
    EXPECT_EQ(root.entry_count(), 0u);
    EXPECT_EQ(ContentOf(root), StateContent());
  }
  EXPECT_EQ(FirstDifferenceOf(none, empty), "none");
  EXPECT_EQ(tree.bytes_allocated(), 0u);
}

TEST(StateTreeTest, FindGivesWhatWasPutLast) {
  StateTree tree;
  tree.Put("key", "old", "extra");
  tree.Put("key", "new", "");
  tree.Put("other", "", "kept");
  const StateRoot root = tree.Seal();
  StateEntry entry;
  ASSERT_TRUE(root.Find("key", &entry));
  EXPECT_EQ(entry.key, "key");
  EXPECT_EQ(entry.value, "new");
  EXPECT_EQ(entry.extra, "");
  ASSERT_TRUE(tree.Find("other", &entry));
  EXPECT_EQ(entry.value, "");
  EXPECT_EQ(entry.extra, "kept");
  EXPECT_FALSE(root.Find("absent", &entry));
  EXPECT_FALSE(tree.Find("", &entry));
  EXPECT_EQ(tree.entry_count(), 2u);
}

TEST(StateTreeTest, AnEntryThatWasFoundMayBePutBack) {
  StateTree tree;
  PutAll(Numbered(100), &tree);
  for (int round = 0; round < 2; ++round) {  // in the group that made it, and in a later one
    StateEntry entry;
    ASSERT_TRUE(tree.Find("key-7", &entry));
    tree.Put(entry.key, absl::string_view(entry.value).substr(1), entry.value);
    tree.Seal();
  }
  StateEntry entry;
  ASSERT_TRUE(tree.Find("key-7", &entry));
  EXPECT_EQ(entry.value, "lue-7");
  EXPECT_EQ(entry.extra, "alue-7");
}

TEST(StateTreeTest, ErasingAnAbsentEntryHasNoEffect) {
  StateTree tree;
  EXPECT_FALSE(tree.Erase("absent"));
  PutAll(Numbered(50), &tree);
  const StateRoot before = tree.Seal();
  const size_t bytes = tree.bytes_allocated();
  EXPECT_FALSE(tree.Erase("absent"));
  EXPECT_EQ(tree.bytes_allocated(), bytes);
  EXPECT_EQ(tree.Seal().hash(), before.hash());
}

TEST(StateTreeTest, ExtraIsNotHashed) {
  StateTree a, b;
  a.Put("key", "value", "one time");
  b.Put("key", "value", "another");
  EXPECT_EQ(a.Seal().hash(), b.Seal().hash());
}

TEST(StateTreeTest, TheHashTellsApartWhereKeyEndsAndValueBegins) {
  EXPECT_NE(RootOf({{"ab", {"c", ""}}}).hash(), RootOf({{"a", {"bc", ""}}}).hash());
}

TEST(StateTreeTest, HashAndShapeAreThoseOfTheContentWhateverTheEdits) {
  const auto [left, right] = KeysWithCommonPath(6);
  StateContent content = Numbered(40);
  content[left] = {"l", ""};
  StateTree fresh;
  PutAll(content, &fresh);
  const StateRoot expected = fresh.Seal();

  StateTree tree;
  tree.Put(right, "r", "");
  PutAll(content, &tree);
  EXPECT_NE(tree.Seal().hash(), expected.hash());
  EXPECT_TRUE(tree.Erase(right));
  EXPECT_EQ(tree.Seal().hash(), expected.hash());
  FreeSuperseded(&tree);
  EXPECT_EQ(tree.bytes_allocated(), fresh.bytes_allocated());
}

TEST(StateTreeTest, ErasingAllLeavesNothing) {
  const StateContent content = Numbered(1'000);
  StateTree tree;
  PutAll(content, &tree);
  tree.Seal();
  for (const auto& [key, kept] : content) EXPECT_TRUE(tree.Erase(key));
  EXPECT_EQ(tree.Seal().hash(), StateRoot().hash());
  FreeSuperseded(&tree);
  EXPECT_EQ(tree.entry_count(), 0u);
  EXPECT_EQ(tree.bytes_allocated(), 0u);
}

TEST(StateTreeTest, WalkVisitsAllInOrderOfPath) {
  const StateContent content = Numbered(500);
  std::vector<std::string> walked;
  StateCursor next;
  EXPECT_FALSE(RootOf(content).Walk(
      {},
      [&walked](const StateEntry& entry) {
        walked.push_back(ToString(entry.key));
        return true;
      },
      &next));
  EXPECT_EQ(walked, KeysInWalkOrder(content));
}

TEST(StateTreeTest, PagesOfAnySizeMeetWithoutGapOrRepeatWhileTheTreeMovesOn) {
  const auto [left, right] = KeysWithCommonPath(6);
  StateContent content = Numbered(60);
  content[left] = content[right] = {"near", ""};
  StateTree tree;
  PutAll(content, &tree);
  const StateRoot root = tree.Seal();
  for (size_t page_size = 1; page_size <= content.size() + 1; ++page_size) {
    std::vector<std::string> walked;
    StateCursor cursor;
    size_t page_count = 0;
    for (bool more = true; more; ++page_count) {
      size_t left_in_page = page_size;
      more = root.Walk(
          cursor,
          [&](const StateEntry& entry) {
            walked.push_back(ToString(entry.key));
            return --left_in_page > 0;
          },
          &cursor);
      tree.Erase(walked.back());
      tree.Put(absl::StrCat("new-", page_size, "-", page_count), "v", "");
      tree.Seal();
    }
    EXPECT_EQ(walked, KeysInWalkOrder(content)) << page_size;
    EXPECT_EQ(page_count, (content.size() + page_size - 1) / page_size);
  }
}

TEST(StateTreeTest, ACursorBetweenEntriesStartsAtTheNextOne) {
  const StateContent content = Numbered(100);
  const std::vector<std::string> order = KeysInWalkOrder(content);
  const StateRoot root = RootOf(content);
  for (int i = 0; i < 200; ++i) {
    const StateCursor from = {Sha256(absl::StrCat("absent-", i))};
    const auto expected = std::find_if(order.begin(), order.end(),
                                       [&from](const auto& key) { return from.at < Sha256(key); });
    std::optional<std::string> first;
    StateCursor next;
    root.Walk(
        from,
        [&first](const StateEntry& entry) {
          first = ToString(entry.key);
          return false;
        },
        &next);
    EXPECT_EQ(first, expected == order.end() ? std::nullopt : std::optional(*expected));
  }
}

TEST(StateTreeTest, FirstDifferenceNamesTheFirstEntryInWalkOrder) {
  const auto [left, right] = KeysWithCommonPath(6);
  StateContent content = Numbered(300);
  content[left] = {"l", ""};
  const StateRoot root = RootOf(content);
  const std::vector<std::string> order = KeysInWalkOrder(content);
  for (size_t i = 0; i + 1 < order.size(); i += 7) {
    StateContent other = content;
    other[order[i + 1]].value = "changed as well";
    other[order[i]].value = "changed";
    EXPECT_EQ(FirstDifferenceOf(root, RootOf(other)), order[i]);
    other.erase(order[i]);
    EXPECT_EQ(FirstDifferenceOf(root, RootOf(other)), order[i]);
    EXPECT_EQ(FirstDifferenceOf(RootOf(other), root), order[i]);
  }
  StateContent other = content;
  other[right] = {"r", ""};
  EXPECT_EQ(FirstDifferenceOf(root, RootOf(other)), right);
  EXPECT_EQ(FirstDifferenceOf(RootOf(other), root), right);
}

TEST(StateTreeTest, FirstDifferenceOfEqualAndOfEmptyTrees) {
  const StateContent content = Numbered(30);
  StateContent other_times = content;
  for (auto& [key, kept] : other_times) kept.extra = "another time";
  EXPECT_EQ(FirstDifferenceOf(RootOf(content), RootOf(other_times)), "none");
  EXPECT_EQ(FirstDifferenceOf(RootOf(content), StateRoot()), KeysInWalkOrder(content)[0]);
  EXPECT_EQ(FirstDifferenceOf(StateRoot(), RootOf(content)), KeysInWalkOrder(content)[0]);
  EXPECT_EQ(FirstDifferenceOf(RootOf({{"a", {"1", ""}}}), RootOf({{"a", {"2", ""}}})), "a");
  const std::string first = Sha256("a") < Sha256("b") ? "a" : "b";
  EXPECT_EQ(FirstDifferenceOf(RootOf({{"a", {"1", ""}}}), RootOf({{"b", {"1", ""}}})), first);
}

TEST(StateTreeTest, AHashWithoutAnEndOfTheGroupIsThatOfTheContent) {
  StateTree tree;
  EXPECT_EQ(tree.Hash(), StateRoot().hash());
  StateContent content;
  for (int i = 0; i < 2'000; ++i) {
    const std::string key = absl::StrCat("key-", i % 700);
    if (i % 5 == 4) {
      tree.Erase(key);
      content.erase(key);
    } else {
      const std::string value = absl::StrCat("value-", i);
      tree.Put(key, value, "");
      content[key] = {value, ""};
    }
    if (i % 37 == 0) {
      StateTree fresh;
      PutAll(content, &fresh);
      ASSERT_EQ(tree.Hash(), fresh.Seal().hash()) << i;
    }
  }
  const Digest hash = tree.Hash();
  EXPECT_EQ(tree.Seal().hash(), hash);
}

TEST(StateTreeTest, ARootStaysAsItWasSealed) {
  StateTree tree;
  const StateContent content = Numbered(200);
  PutAll(content, &tree);
  const StateRoot root = tree.Seal();
  const Digest hash = root.hash();
  for (int group = 0; group < 50; ++group) {
    for (int i = 0; i < 200; i += 3) tree.Put(absl::StrCat("key-", i), absl::StrCat(group), "");
    tree.Erase(absl::StrCat("key-", group));
    tree.Seal();
  }
  EXPECT_EQ(root.hash(), hash);
  EXPECT_EQ(root.entry_count(), content.size());
  EXPECT_EQ(ContentOf(root), content);
}

TEST(StateTreeTest, ARootOutlivesItsTree) {
  const StateContent content = Numbered(200);
  StateRoot root;
  {
    StateTree tree;
    PutAll(content, &tree);
    root = tree.Seal();
    tree.Put("key-1", "superseded", "");
    const StateRoot goes_first = tree.Seal();
    tree.Put("key-2", "not sealed", "");
  }
  EXPECT_EQ(ContentOf(root), content);
}

TEST(StateTreeTest, ARootHeldForLongKeepsOnlyItsOwnNodes) {
  StateTree tree;
  PutAll(Numbered(1'000), &tree);
  const StateRoot held = tree.Seal();
  const size_t bytes = tree.bytes_allocated();
  StateRoot committed;  // as the server's: the root before the newest one
  size_t bytes_max = 0;
  for (int group = 0; group < 3'000; ++group) {
    tree.Put(absl::StrCat("key-", group % 1'000), absl::StrCat("group-", group), "extra");
    committed = tree.Seal();
    bytes_max = std::max(bytes_max, tree.bytes_allocated());
  }
  // The whole of the held tree, the whole of the newest, and a few paths between them.
  EXPECT_LT(bytes_max, 2 * bytes + bytes / 5);
}

TEST(StateTreeTest, AllIsFreedOnceNoRootIsHeld) {
  StateTree tree;
  std::vector<StateRoot> held;
  for (int group = 0; group < 100; ++group) {
    for (int i = 0; i < 50; ++i) tree.Put(absl::StrCat("key-", i * group % 331), "value", "extra");
    held.push_back(tree.Seal());
  }
  StateTree fresh;
  PutAll(ContentOf(held.back()), &fresh);
  EXPECT_GT(tree.bytes_allocated(), fresh.bytes_allocated());
  held.clear();
  FreeSuperseded(&tree);
  EXPECT_EQ(tree.bytes_allocated(), fresh.bytes_allocated());
}

}  // namespace
}  // namespace swoosh
