#include "storage/pipeline.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr size_t kSlots = 4;
constexpr int kNever = -1;

// Numbers go through; each step adds its mark, so that a step left out or done twice shows. Nothing
// here is shared without the pipeline's own order: a thread sanitizer sees where that is missing.
class Numbers {
 public:
  explicit Numbers(int items) : items_(items) {}

  void StopAdvancingAt(int item) { last_advanced_ = item; }
  void StopRetiringAt(int item) { last_retired_ = item; }

  // The items retired, in that order.
  std::vector<int> Retired() {
    const auto caller = std::this_thread::get_id();
    PipelineSteps steps;
    steps.fill = [&](size_t slot) {
      EXPECT_NE(std::this_thread::get_id(), caller);
      if (filled_ == items_) return false;
      slots_[slot] = {filled_++, 1};
      under_way_max_ = std::max<int>(under_way_max_, ++under_way_);
      return true;
    };
    steps.advance = [&](size_t slot) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_EQ(slots_[slot].number, advanced_++);
      EXPECT_EQ(slots_[slot].steps++, 1);
      return slots_[slot].number != last_advanced_;
    };
    steps.finish = [&](size_t slot) {
      EXPECT_EQ(slots_[slot].steps++, 2);
      ++finished_;
    };
    steps.retire = [&](size_t slot) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_EQ(slots_[slot].steps++, 3);
      --under_way_;
      retired_.push_back(slots_[slot].number);
      return slots_[slot].number != last_retired_;
    };
    RunPipeline(kSlots, steps);
    return retired_;
  }
  int filled() const { return filled_; }
  int finished() const { return finished_; }
  int under_way_max() const { return under_way_max_; }

 private:
  struct Slot {
    int number = 0;
    int steps = 0;
  };

  const int items_;
  int last_advanced_ = kNever;
  int last_retired_ = kNever;
  std::vector<Slot> slots_{kSlots};
  std::vector<int> retired_;
  int filled_ = 0;
  int advanced_ = 0;
  std::atomic<int> finished_{0};
  std::atomic<int> under_way_{0};
  int under_way_max_ = 0;
};

std::vector<int> UpTo(int count) {
  std::vector<int> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(i);
  return numbers;
}

TEST(PipelineTest, EveryItemGoesThroughEveryStepOnceAndInOrder) {
  for (const int items : {0, 1, 2, 3, 4, 5, 100, 10'000}) {
    Numbers run(items);
    EXPECT_EQ(run.Retired(), UpTo(items));
    EXPECT_LE(run.under_way_max(), static_cast<int>(kSlots));
  }
}

TEST(PipelineTest, NothingIsAdvancedBehindTheLastItemAndAllBeforeItIsRetired) {
  for (const int last : {0, 1, 7, 500}) {
    Numbers run(1'000);
    run.StopAdvancingAt(last);
    EXPECT_EQ(run.Retired(), UpTo(last + 1));
    EXPECT_EQ(run.finished(), last + 1);
    EXPECT_LE(run.filled(), last + 1 + static_cast<int>(kSlots));
  }
}

TEST(PipelineTest, NothingIsRetiredBehindTheItemThatEndsIt) {
  for (const int last : {0, 1, 7, 500}) {
    Numbers run(1'000);
    run.StopRetiringAt(last);
    EXPECT_EQ(run.Retired(), UpTo(last + 1));
    EXPECT_LE(run.filled(), last + 1 + static_cast<int>(kSlots));
  }
}

}  // namespace
}  // namespace swoosh
