// The first failed write ends the writing.

#include "absl/synchronization/notification.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

class ExecutorFenceTest : public testing::Test {
 protected:
  ExecutorFenceTest() {
    ExecutorUnderTest::Options options;
    options.executor.on_fenced = [this](const absl::Status& error) {
      fenced_with_ = error;
      fenced_.Notify();
    };
    options.executor.oldest_snapshot_index = [] { return uint64_t{1'000'000}; };
    options.window_records = 40;
    server_ = std::make_unique<ExecutorUnderTest>(&log_, std::move(options));
    EXPECT_TRUE(server_->Call(RegisterCounter()).ok());
    EXPECT_TRUE(server_->Call(CreateCounter("a")).ok());
  }
  ~ExecutorFenceTest() override { log_.Open(); }

  static v1::ErrorReason ReasonIn(FutureAnswer& answer) {
    const Answer result = answer.get();
    EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable) << result.status();
    return ReasonOf(result.status());
  }

  MemoryLog memory_;
  GatedLog log_{&memory_};
  absl::Notification fenced_;
  absl::Status fenced_with_;
  std::unique_ptr<ExecutorUnderTest> server_;
};

TEST_F(ExecutorFenceTest, ItCanBeFencedFromOutsideAndNothingMoreIsWritten) {
  log_.Close();
  FutureAnswer writing = server_->Submit(SendTo("a", "inc"));
  log_.AwaitBlocked();
  FutureAnswer waiting = server_->Submit(SendTo("a", "inc"));
  server_->executor().FenceFor(absl::DataLossError("the state is wrong"));
  log_.Open();
  EXPECT_TRUE(writing.get().ok()) << "it was under way";
  EXPECT_EQ(ReasonIn(waiting), v1::NOT_APPLIED);
  fenced_.WaitForNotification();
  EXPECT_EQ(fenced_with_.message(), "the state is wrong");
  EXPECT_EQ(ReasonOf(server_->Call(SendTo("a", "inc")).status()), v1::FENCED);
  EXPECT_EQ(memory_.next_index(), 4u);
}

TEST_F(ExecutorFenceTest, AFailedAppendFencesAndReadsGoOn) {
  log_.FailAfter(0, absl::UnavailableError("no disk"));
  const Answer answer = server_->Call(SendTo("a", "inc"));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(answer.status()), v1::OUTCOME_UNKNOWN);
  EXPECT_TRUE(fenced_.HasBeenNotified()) << "before anyone is told";
  EXPECT_EQ(fenced_with_.message(), "no disk");
  EXPECT_TRUE(server_->executor().fenced());
  EXPECT_EQ(server_->Sample("swoosh_fenced"), 1);

  // It never unfences itself: the log would work again.
  const auto groups = log_.groups();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ReasonOf(server_->Call(SendTo("a", "inc")).status()), v1::FENCED);
  }
  EXPECT_EQ(log_.groups(), groups);
  EXPECT_EQ(memory_.next_index(), 3u);

  EXPECT_EQ(server_->executor().committed()->index(), 2u);
  EXPECT_TRUE(server_->executor().committed()->FindInstance("default", "a").has_value());
  EXPECT_TRUE(server_->feed().ReadOne(2).ok());
  server_->executor().Drain();
}

TEST_F(ExecutorFenceTest, WhatIsBehindTheFailedGroupWasNotApplied) {
  log_.Close();
  log_.FailAfter(0, absl::UnavailableError("no disk"));
  FutureAnswer in_flight = server_->Submit(WithRequestId(SendTo("a", "inc"), "r"));
  log_.AwaitBlocked();
  const int reduced = server_->reduced();
  FutureAnswer repeat = server_->Submit(WithRequestId(SendTo("a", "inc"), "r"));
  FutureAnswer built = server_->Submit(SendTo("a", "inc"));
  FutureAnswer refused = server_->Submit(SendTo("nobody", "inc"));
  server_->AwaitReduced(reduced + 2);
  log_.Open();
  EXPECT_EQ(ReasonIn(in_flight), v1::OUTCOME_UNKNOWN);
  EXPECT_EQ(ReasonIn(built), v1::NOT_APPLIED);
  EXPECT_EQ(ReasonIn(refused), v1::NOT_APPLIED);
  EXPECT_EQ(ReasonIn(repeat), v1::OUTCOME_UNKNOWN);
}

TEST_F(ExecutorFenceTest, ARepeatThatWasNotLookedAtIsToldOfTheFirst) {
  log_.Close();
  log_.FailAfter(0, absl::UnavailableError("no disk"));
  FutureAnswer in_flight = server_->Submit(WithRequestId(SendTo("a", "inc"), "r"));
  log_.AwaitBlocked();
  // Fill a group, so that what follows stays in the queue.
  std::vector<FutureAnswer> others;
  v1::SubmitRequest large = SendTo("a", "inc");
  auto* data = large.mutable_transitions(0)->mutable_send_event()->mutable_data();
  (*data->mutable_fields())["text"].set_string_value(std::string(60'000, 'x'));
  const int reduced = server_->reduced();
  for (int i = 0; i < 30; ++i) others.push_back(server_->Submit(large));
  FutureAnswer repeat = server_->Submit(WithRequestId(SendTo("a", "inc"), "r"));
  server_->AwaitReduced(reduced + 10);
  log_.Open();
  EXPECT_EQ(ReasonIn(in_flight), v1::OUTCOME_UNKNOWN);
  for (FutureAnswer& other : others) EXPECT_EQ(ReasonIn(other), v1::NOT_APPLIED);
  EXPECT_EQ(ReasonIn(repeat), v1::OUTCOME_UNKNOWN);
}

TEST_F(ExecutorFenceTest, ARefusalInTheFailedGroupIsUnavailable) {
  log_.Close();
  FutureAnswer first = server_->Submit(SendTo("a", "inc"));
  log_.AwaitBlocked();
  const int reduced = server_->reduced();
  FutureAnswer second = server_->Submit(SendTo("a", "end"));
  FutureAnswer refused = server_->Submit(SendTo("a", "inc"));  // because of the second
  server_->AwaitReduced(reduced + 2);
  log_.FailAfter(1, absl::UnavailableError("no disk"));
  log_.Open();
  EXPECT_TRUE(first.get().ok());
  EXPECT_EQ(ReasonIn(second), v1::OUTCOME_UNKNOWN);
  EXPECT_EQ(ReasonIn(refused), v1::NOT_APPLIED);
}

TEST_F(ExecutorFenceTest, ARepeatOfADurableRequestKeepsItsAnswer) {
  const Answer first = server_->Call(WithRequestId(SendTo("a", "inc"), "r"));
  ASSERT_TRUE(first.ok());
  log_.Close();
  log_.FailAfter(0, absl::UnavailableError("no disk"));
  FutureAnswer in_flight = server_->Submit(SendTo("a", "inc"));
  log_.AwaitBlocked();
  FutureAnswer repeat = server_->Submit(WithRequestId(SendTo("a", "inc"), "r"));
  log_.Open();
  EXPECT_EQ(ReasonIn(in_flight), v1::OUTCOME_UNKNOWN);
  const Answer again = repeat.get();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->duplicate());
  EXPECT_EQ(again->index(), first->index());
}

TEST_F(ExecutorFenceTest, WhenNothingWasWrittenThatIsSaid) {
  log_.FailAfter(0, absl::AbortedError("another writer"));
  const Answer answer = server_->Call(SendTo("a", "inc"));
  EXPECT_EQ(ReasonOf(answer.status()), v1::NOT_APPLIED);
  EXPECT_EQ(ReasonOf(server_->Call(SendTo("a", "inc")).status()), v1::FENCED);
}

TEST_F(ExecutorFenceTest, AFailedTrimFencesToo) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  log_.FailAfter(0, absl::UnavailableError("no disk"));
  std::promise<absl::Status> trimmed;
  server_->executor().TrimTo(
      2, [&](absl::StatusOr<uint64_t> first) { trimmed.set_value(first.status()); });
  EXPECT_EQ(ReasonOf(trimmed.get_future().get()), v1::FENCED);
  EXPECT_EQ(ReasonOf(server_->Call(SendTo("a", "inc")).status()), v1::FENCED);
  EXPECT_EQ(memory_.first_index(), 1u);
}

TEST_F(ExecutorFenceTest, AGroupThatWaitsForAFailingTrimWasNotApplied) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  log_.Close();
  log_.FailAfter(0, absl::UnavailableError("no disk"));
  server_->executor().TrimTo(2, nullptr);
  log_.AwaitBlocked();
  const int reduced = server_->reduced();
  FutureAnswer handed_over = server_->Submit(SendTo("a", "inc"));
  FutureAnswer built = server_->Submit(SendTo("a", "inc"));
  server_->AwaitReduced(reduced + 2);
  log_.Open();
  EXPECT_EQ(ReasonIn(handed_over), v1::NOT_APPLIED);
  EXPECT_EQ(ReasonIn(built), v1::NOT_APPLIED);
  EXPECT_EQ(server_->executor().waiting(), 0u);
}

TEST_F(ExecutorFenceTest, WhoeverWaitsForRoomIsTold) {
  log_.Close();
  log_.FailAfter(0, absl::UnavailableError("no disk"));
  std::vector<FutureAnswer> answers;
  for (size_t i = 0; i < kProposalsWaitingMax; ++i) {
    answers.push_back(server_->Submit(SendTo("a", "inc")));
  }
  absl::Notification room;
  server_->executor().WhenRoom([&] { room.Notify(); });
  log_.Open();
  room.WaitForNotification();
  for (FutureAnswer& answer : answers) {
    EXPECT_EQ(answer.get().status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(server_->executor().waiting(), 0u);
}

// Fails each append in turn: whatever was acknowledged is in the log, and the log replays.
TEST(ExecutorFence, WhicheverAppendFailsNothingAcknowledgedIsMissing) {
  for (int nth = 0; nth < 12; ++nth) {
    MemoryLog memory;
    GatedLog log(&memory);
    log.FailAfter(nth, absl::UnavailableError("no disk"));
    ExecutorUnderTest server(&log);
    std::vector<FutureAnswer> answers;
    answers.push_back(server.Submit(RegisterCounter()));
    answers.push_back(server.Submit(CreateCounter("a")));
    for (int i = 0; i < 8; ++i) {
      answers.push_back(server.Submit(SendTo("a", "inc")));
      if (i % 2 == 0) answers.back().wait();
    }
    uint64_t acknowledged = 0;
    for (FutureAnswer& answer : answers) {
      const Answer result = answer.get();
      if (result.ok()) acknowledged = std::max(acknowledged, result->index());
    }
    EXPECT_EQ(memory.next_index(), acknowledged + 1);
    EXPECT_EQ(server.executor().committed()->index(), acknowledged);
    EXPECT_EQ(ReplayAll(memory).hash(), server.executor().committed()->hash());
  }
}

}  // namespace
}  // namespace swoosh
