#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/state_tree.h"
#include "core/state_tree_content_for_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

// The newest root, as the server would publish it.
class Published {
 public:
  void Set(StateRoot root) {
    absl::MutexLock lock(&mutex_);
    std::swap(root_, root);
  }
  StateRoot Get() const {
    absl::MutexLock lock(&mutex_);
    return root_;
  }

 private:
  mutable absl::Mutex mutex_;
  StateRoot root_ ABSL_GUARDED_BY(mutex_);
};

// Takes roots, holds up to `held_max` of them, and checks that each has the content that its hash
// says, when taken and again when dropped.
void Read(const Published& published, size_t held_max, const std::atomic<bool>& stop) {
  std::vector<StateRoot> held;
  const auto check = [](const StateRoot& root) {
    StateTree rebuilt;
    PutAll(ContentOf(root), &rebuilt);
    EXPECT_EQ(ToHex(rebuilt.Seal().hash()), ToHex(root.hash()));
  };
  while (!stop.load(std::memory_order_relaxed)) {
    held.push_back(published.Get());
    check(held.back());
    if (held.size() <= held_max) continue;
    check(held.front());
    held.erase(held.begin());
  }
}

TEST(StateTreeThreadsTest, ReadersOfHeldRootsAreNotDisturbedByTheWriter) {
  constexpr int kKeyCount = 150;
  constexpr int kGroupCount = 5'000;
  Published published;
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (size_t held_max : {0, 3, 40}) {
    readers.emplace_back([&published, held_max, &stop] { Read(published, held_max, stop); });
  }

  std::minstd_rand random(1);
  StateTree tree;
  for (int group = 0; group < kGroupCount; ++group) {
    for (int edit = 0; edit < 5; ++edit) {
      const std::string key = absl::StrCat("key-", random() % kKeyCount);
      if (random() % 4 == 0) {
        tree.Erase(key);
      } else {
        tree.Put(key, absl::StrCat("value-", group), "extra");
      }
    }
    published.Set(tree.Seal());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();

  StateTree fresh;
  PutAll(ContentOf(published.Get()), &fresh);
  published.Set(StateRoot());
  FreeSuperseded(&tree);
  EXPECT_EQ(tree.bytes_allocated(), fresh.bytes_allocated());
}

TEST(StateTreeThreadsTest, TheLastRootMayGoOnAnotherThreadAfterTheTree) {
  for (int round = 0; round < 100; ++round) {
    auto tree = std::make_unique<StateTree>();
    std::vector<std::thread> readers;
    for (int group = 0; group < 3; ++group) {
      for (int i = 0; i < 50; ++i) tree->Put(absl::StrCat(i), absl::StrCat(group), "");
      readers.emplace_back([root = tree->Seal()] { EXPECT_EQ(ContentOf(root).size(), 50u); });
    }
    tree.reset();
    for (std::thread& reader : readers) reader.join();
  }
}

}  // namespace
}  // namespace swoosh
