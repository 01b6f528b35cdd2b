// The log is trimmed between groups, and never above what a restart needs.

#include <atomic>
#include <future>
#include <thread>

#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

class ExecutorTrimTest : public testing::Test {
 protected:
  ~ExecutorTrimTest() override { log_.Open(); }

  void Start(uint64_t window_records, uint64_t retain_records = 0) {
    ExecutorUnderTest::Options options;
    options.window_records = window_records;
    options.executor.retain_records = retain_records;
    options.executor.oldest_snapshot_index = [this] { return snapshot_index_.load(); };
    server_ = std::make_unique<ExecutorUnderTest>(&log_, std::move(options));
    ASSERT_TRUE(server_->Call(RegisterCounter()).ok());
    ASSERT_TRUE(server_->Call(CreateCounter("a")).ok());
  }
  // Until there are records up to `index`.
  void FillTo(uint64_t index) {
    std::vector<FutureAnswer> answers;
    for (uint64_t at = log_.next_index(); at <= index; ++at) {
      answers.push_back(server_->Submit(SendTo("a", "inc")));
      if (answers.size() < 1'000) continue;
      for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
      answers.clear();
    }
    for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  }
  std::future<absl::StatusOr<uint64_t>> Trim(uint64_t first_kept) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<uint64_t>>>();
    auto future = promise->get_future();
    server_->executor().TrimTo(
        first_kept, [promise](absl::StatusOr<uint64_t> first) { promise->set_value(first); });
    return future;
  }

  MemoryLog memory_;
  GatedLog log_{&memory_};
  std::atomic<uint64_t> snapshot_index_{0};
  std::unique_ptr<ExecutorUnderTest> server_;
};

TEST_F(ExecutorTrimTest, NothingIsTrimmedWithoutASnapshotThatCounts) {
  Start(10);
  FillTo(50);
  EXPECT_EQ(*Trim(40).get(), 1u);
  EXPECT_EQ(memory_.first_index(), 1u);
}

TEST_F(ExecutorTrimTest, NeverAboveTheOldestSnapshotThatCounts) {
  Start(10);
  FillTo(50);
  snapshot_index_ = 20;
  EXPECT_EQ(*Trim(15).get(), 15u);
  EXPECT_EQ(*Trim(40).get(), 21u);
  EXPECT_EQ(*Trim(40).get(), 21u);
  EXPECT_EQ(*Trim(1).get(), 21u);
  EXPECT_EQ(memory_.first_index(), 21u);
}

TEST_F(ExecutorTrimTest, NeverIntoTheRequestWindow) {
  Start(10);
  FillTo(49);
  ASSERT_TRUE(server_->Call(WithRequestId(SendTo("a", "inc"), "oldest")).ok());  // record 50
  FillTo(59);
  snapshot_index_ = 59;
  EXPECT_EQ(*Trim(59).get(), 50u);
  EXPECT_TRUE(server_->Call(WithRequestId(SendTo("a", "inc"), "oldest"))->duplicate());
}

TEST_F(ExecutorTrimTest, RetainRecordsKeepsThatMany) {
  Start(10, 30);
  FillTo(100);
  server_->executor().TrimToRetained();
  EXPECT_EQ(*Trim(0).get(), 1u);  // no snapshot yet
  snapshot_index_ = 100;
  server_->executor().TrimToRetained();
  while (memory_.first_index() < 71) std::this_thread::yield();
  EXPECT_EQ(*Trim(0).get(), 71u);
  EXPECT_EQ(memory_.next_index() - memory_.first_index(), 30u);
}

TEST_F(ExecutorTrimTest, WithoutRetainRecordsNothingIsTrimmedByItself) {
  Start(10);
  FillTo(100);
  snapshot_index_ = 100;
  server_->executor().TrimToRetained();
  EXPECT_EQ(*Trim(0).get(), 1u);
}

TEST_F(ExecutorTrimTest, GoesInSmallStepsBetweenGroups) {
  Start(10);
  FillTo(3'500);
  snapshot_index_ = 3'400;
  log_.Close();
  auto trimmed = Trim(3'300);
  log_.AwaitBlocked();  // in its first step
  FutureAnswer answer = server_->Submit(SendTo("a", "inc"));
  log_.Open();
  EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(*trimmed.get(), 3'300u);
  EXPECT_EQ(log_.trims(), (std::vector<uint64_t>{1'001, 2'001, 3'001, 3'300}));
}

TEST_F(ExecutorTrimTest, GoesOnBesideRefusals) {
  Start(10);
  FillTo(20'500);
  snapshot_index_ = 20'400;
  std::atomic<bool> trimming{true};
  std::thread client([&] {
    while (trimming) {
      FutureAnswer first = server_->Submit(SendTo("nobody", "inc"));
      FutureAnswer second = server_->Submit(SendTo("nobody", "inc"));
      EXPECT_FALSE(first.get().ok());
      EXPECT_FALSE(second.get().ok());
    }
  });
  EXPECT_EQ(*Trim(20'300).get(), 20'300u);
  trimming = false;
  client.join();
}

TEST_F(ExecutorTrimTest, TheNumberOfRequestsThatWaitIsBounded) {
  Start(10);
  FillTo(50);
  snapshot_index_ = 40;
  log_.Close();
  std::vector<std::future<absl::StatusOr<uint64_t>>> trims;
  for (size_t i = 0; i < kTrimRequestsMax; ++i) trims.push_back(Trim(30));
  EXPECT_EQ(ReasonOf(Trim(30).get().status()), v1::LIMIT_REACHED);
  log_.Open();
  for (auto& trim : trims) EXPECT_EQ(*trim.get(), 30u);
}

TEST_F(ExecutorTrimTest, WhatIsPinnedStaysUntilThePinIsGone) {
  Start(10);
  FillTo(100);
  snapshot_index_ = 80;
  EXPECT_EQ(*Trim(20).get(), 20u);
  auto pin = server_->executor().PinLog();
  EXPECT_EQ(pin->first_index(), 20u);
  EXPECT_EQ(*Trim(70).get(), 20u);
  {
    auto later = server_->executor().PinLog();
    pin.reset();
    EXPECT_EQ(*Trim(70).get(), 20u);
  }
  EXPECT_EQ(*Trim(70).get(), 70u);
}

TEST_F(ExecutorTrimTest, APinBeginsAfterWhatIsAboutToBeTrimmed) {
  Start(10);
  FillTo(100);
  snapshot_index_ = 80;
  log_.Close();
  auto trimmed = Trim(60);
  const auto pin = server_->executor().PinLog();
  EXPECT_EQ(pin->first_index(), 60u);
  auto beyond = Trim(70);
  log_.Open();
  EXPECT_EQ(*trimmed.get(), 60u);
  EXPECT_EQ(*beyond.get(), 60u);
}

TEST_F(ExecutorTrimTest, AfterDrainingItIsRefused) {
  Start(10);
  server_->executor().Drain();
  EXPECT_EQ(ReasonOf(Trim(1).get().status()), v1::DRAINING);
}

}  // namespace
}  // namespace swoosh
