#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/seeded_test.h"
#include "core/state_tree.h"
#include "core/state_tree_content_for_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

struct HeldRoot {
  StateRoot root;
  Digest hash;
  StateContent content;
};

// A tree and its model, edited, sealed, held and dropped at random.
class History {
 public:
  explicit History(uint32_t seed) : random_(seed) {
    key_count_ = 1 + Pick(Chance(50) ? 20 : 1'000);
    percent_of_seals_ = 1 + Pick(30);
    percent_of_erases_ = Pick(60);
  }

  void Step() {
    if (Chance(percent_of_seals_)) {
      Seal();
    } else if (Chance(percent_of_erases_)) {
      const std::string key = AnyKey();
      ASSERT_EQ(tree_.Erase(key), model_.erase(key) == 1);
    } else {
      const std::string key = AnyKey();
      model_[key] = {AnyBytes(), AnyBytes()};
      tree_.Put(key, model_[key].value, model_[key].extra);
    }
    ASSERT_EQ(tree_.entry_count(), model_.size());
    if (Chance(5)) tree_.Hash();
    CheckFind();
    if (!held_.empty() && Chance(5)) CheckHeld(held_[Pick(held_.size())]);
    if (!held_.empty() && Chance(percent_of_seals_)) Drop();
  }

  // With nothing held the tree has the hash, and the bytes, of one freshly built.
  void Finish() {
    for (const HeldRoot& held : held_) CheckHeld(held);
    while (!held_.empty()) Drop();
    StateTree fresh;
    std::vector<StateContent::const_iterator> order;
    for (auto at = model_.cbegin(); at != model_.cend(); ++at) order.push_back(at);
    std::shuffle(order.begin(), order.end(), random_);
    for (const auto& at : order) fresh.Put(at->first, at->second.value, at->second.extra);
    EXPECT_EQ(ToHex(tree_.Seal().hash()), ToHex(fresh.Seal().hash()));
    FreeSuperseded(&tree_);
    EXPECT_EQ(tree_.bytes_allocated(), fresh.bytes_allocated());
  }

 private:
  size_t Pick(size_t count) { return random_() % count; }
  bool Chance(size_t percent) { return Pick(100) < percent; }
  std::string AnyKey() { return absl::StrCat("key-", Pick(key_count_)); }
  std::string AnyBytes() {
    return std::string(Pick(Chance(10) ? 400 : 20), static_cast<char>(Pick(256)));
  }

  void Seal() {
    const Digest hash = tree_.Hash();
    const StateRoot root = tree_.Seal();
    ASSERT_EQ(root.hash(), hash);
    ASSERT_EQ(root.entry_count(), model_.size());
    if (Chance(50)) held_.push_back({root, root.hash(), model_});
  }

  void Drop() {
    const size_t at = Pick(held_.size());
    std::swap(held_[at], held_.back());
    held_.pop_back();
  }

  void CheckFind() {
    const std::string key = AnyKey();
    const auto expected = model_.find(key);
    StateEntry entry;
    ASSERT_EQ(tree_.Find(key, &entry), expected != model_.end());
    if (expected == model_.end()) return;
    ASSERT_EQ(ToString(entry.value), expected->second.value);
    ASSERT_EQ(ToString(entry.extra), expected->second.extra);
  }

  void CheckHeld(const HeldRoot& held) {
    ASSERT_EQ(held.root.hash(), held.hash);
    ASSERT_EQ(ContentOf(held.root), held.content);
    StateTree fresh;
    PutAll(held.content, &fresh);
    const StateRoot rebuilt = fresh.Seal();
    ASSERT_EQ(rebuilt.hash(), held.hash);
    const HeldRoot& other = held_[Pick(held_.size())];
    CheckFirstDifference(held, other);
  }

  void CheckFirstDifference(const HeldRoot& a, const HeldRoot& b) {
    std::string expected;
    const auto consider = [&expected](const StateContent& from, const StateContent& other) {
      for (const auto& [key, kept] : from) {
        const auto match = other.find(key);
        if (match != other.end() && match->second.value == kept.value) continue;
        if (expected.empty() || Sha256(key) < Sha256(expected)) expected = key;
      }
    };
    consider(a.content, b.content);
    consider(b.content, a.content);
    std::string key;
    ASSERT_EQ(StateRoot::FirstDifference(a.root, b.root, &key), !expected.empty());
    ASSERT_EQ(key, expected);
  }

  std::mt19937_64 random_;
  size_t key_count_;
  size_t percent_of_seals_;
  size_t percent_of_erases_;
  StateTree tree_;
  StateContent model_;
  std::vector<HeldRoot> held_;
};

TEST(StateTreeRandomTest, EveryHistoryAgreesWithTheModel) {
  constexpr uint32_t kHistoryCount = 30;
  for (uint32_t i = 0; i < kHistoryCount; ++i) {
    SCOPED_TRACE(absl::StrCat("--seed=", TestSeed() + i, " fails at once"));
    History history(TestSeed() + i);
    for (int step = 0; step < 2'000; ++step) {
      history.Step();
      if (testing::Test::HasFatalFailure()) return;
    }
    history.Finish();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace swoosh
