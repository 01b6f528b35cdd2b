#include "server/executor.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

bool IsReady(const FutureAnswer& answer) {
  return answer.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
}

class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() { Restart(); }
  ~ExecutorTest() override { log_.Open(); }

  void Restart(ExecutorUnderTest::Options options = {}) {
    server_.reset();
    server_ = std::make_unique<ExecutorUnderTest>(&log_, std::move(options));
  }
  // A server with a machine and instance "a".
  void Prepare() {
    ASSERT_TRUE(server_->Call(RegisterCounter()).ok());
    ASSERT_TRUE(server_->Call(CreateCounter("a")).ok());
  }
  uint64_t commit_index() { return server_->executor().committed()->index(); }

  MemoryLog memory_;
  GatedLog log_{&memory_};
  std::unique_ptr<ExecutorUnderTest> server_;
};

TEST_F(ExecutorTest, AnAcceptedProposalIsAnsweredWithItsRecord) {
  Prepare();
  const Answer answer =
      server_->Call(WithView(WithRequestId(SendTo("a", "inc"), "r1"), v1::VIEW_FULL));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->index(), 3u);
  EXPECT_EQ(answer->request_id(), "r1");
  EXPECT_FALSE(answer->duplicate());
  const auto record = server_->feed().ReadOne(3);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(answer->record_hash(), AsBytes((*record)->hash));
  EXPECT_EQ(answer->hlc().SerializeAsString(), (*record)->record.hlc().SerializeAsString());
  EXPECT_EQ((*record)->record.actor(), "tester");
  ASSERT_EQ(answer->results_size(), 1);
  const v1::Instance& instance = answer->results(0).instance();
  EXPECT_EQ(instance.id(), "a");
  EXPECT_EQ(instance.version(), 3u);
  EXPECT_EQ(CountIn(instance), 1);
  EXPECT_EQ(instance.enabled_events_size(), 3);
}

TEST_F(ExecutorTest, AnswersAreBasicUnlessMoreIsAskedFor) {
  Prepare();
  const Answer answer = server_->Call(SendTo("a", "inc"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(CountIn(answer->results(0).instance()), -1);
  EXPECT_EQ(answer->results(0).instance().configuration_size(), 2);
}

TEST_F(ExecutorTest, AcknowledgedIsDurableAndSoIsWhatIsVisible) {
  Prepare();
  const auto cursor = server_->feed().Open(0);
  ASSERT_TRUE(cursor.ok());
  std::atomic<bool> woken{false};
  absl::Notification wake;
  (*cursor)->WhenReady([&] {
    woken = true;
    wake.Notify();
  });
  log_.Close();
  FutureAnswer answer = server_->Submit(SendTo("a", "inc"));
  log_.AwaitBlocked();
  EXPECT_FALSE(IsReady(answer));
  EXPECT_EQ(commit_index(), 2u);
  EXPECT_EQ(server_->executor().committed()->FindInstance("default", "a")->version, 2u);
  EXPECT_FALSE(woken);
  EXPECT_TRUE((*cursor)->Next(SIZE_MAX, SIZE_MAX)->empty());
  EXPECT_EQ(ReasonOf(server_->feed().ReadOne(3).status()), v1::INDEX_AHEAD);

  log_.Open();
  ASSERT_TRUE(answer.get().ok());
  EXPECT_EQ(memory_.next_index(), 4u);
  EXPECT_EQ(commit_index(), 3u);
  wake.WaitForNotification();
  EXPECT_EQ((*cursor)->Next(SIZE_MAX, SIZE_MAX)->size(), 1u);
}

TEST_F(ExecutorTest, WhatWasAcknowledgedIsSeenByTheReadAfterIt) {
  Prepare();
  for (int i = 0; i < 200; ++i) {
    const Answer answer = server_->Call(SendTo("a", "inc"));
    ASSERT_TRUE(answer.ok());
    ASSERT_GE(commit_index(), answer->index());
    ASSERT_GE(server_->feed().next_index(), answer->index() + 1);
  }
}

TEST_F(ExecutorTest, ARefusalWaitsForTheRecordsBeforeIt) {
  Prepare();
  log_.Close();
  FutureAnswer in_flight = server_->Submit(SendTo("a", "end"));
  log_.AwaitBlocked();
  // Refused because of what is not durable yet.
  FutureAnswer refused = server_->Submit(SendTo("a", "inc"));
  EXPECT_FALSE(IsReady(refused));
  log_.Open();
  EXPECT_TRUE(in_flight.get().ok());
  const Answer refusal = refused.get();
  EXPECT_EQ(refusal.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(refusal.status()), v1::INSTANCE_NOT_RUNNING);
}

TEST_F(ExecutorTest, ARefusalIsAnsweredAtOnceWhenNothingIsInFlight) {
  Prepare();
  const auto groups = log_.groups();
  EXPECT_EQ(server_->Call(SendTo("nobody", "inc")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(log_.groups(), groups);
  EXPECT_EQ(commit_index(), 2u);
}

TEST_F(ExecutorTest, AGroupIsWhatCameWhileTheOneBeforeWasSynced) {
  Prepare();
  log_.Close();
  std::vector<FutureAnswer> answers;
  answers.push_back(server_->Submit(SendTo("a", "inc")));
  log_.AwaitBlocked();
  const int reduced = server_->reduced();
  for (int i = 0; i < 50; ++i) answers.push_back(server_->Submit(SendTo("a", "inc")));
  FutureAnswer refused = server_->Submit(SendTo("nobody", "inc"));  // the last one to be reduced
  server_->AwaitReduced(reduced + 51);
  log_.Open();
  EXPECT_FALSE(refused.get().ok());
  for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  EXPECT_EQ(log_.groups(), (std::vector<size_t>{1, 1, 1, 50}));
  EXPECT_EQ(server_->Sample("swoosh_wal_group_records_count"), 4);
}

TEST_F(ExecutorTest, AnswersOfOneSubmitterComeInOrder) {
  Prepare();
  std::vector<uint64_t> indexes;
  absl::BlockingCounter left(500);
  for (int i = 0; i < 500; ++i) {
    Submission submission;
    *submission.request = SendTo("a", i % 10 == 3 ? "nothing" : "inc");
    submission.done = [&](Answer answer) {
      if (answer.ok()) indexes.push_back(answer->index());
      left.DecrementCount();
    };
    ASSERT_TRUE(server_->executor().TrySubmit(&submission).ok());
  }
  left.Wait();
  EXPECT_EQ(indexes.size(), 450u);
  EXPECT_TRUE(std::is_sorted(indexes.begin(), indexes.end()));
}

// Small groups, which the threads that wrote them answer.
TEST_F(ExecutorTest, AnswersComeOneAtATimeInTheOrderOfTheRecords) {
  Prepare();
  std::vector<uint64_t> indexes;  // no lock: never two at once
  std::vector<std::thread> clients;
  for (int c = 0; c < 3; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        absl::Notification answered;
        Submission submission;
        *submission.request = SendTo("a", "inc");
        submission.done = [&](Answer answer) {
          if (answer.ok()) indexes.push_back(answer->index());
          answered.Notify();
        };
        ASSERT_TRUE(server_->executor().TrySubmit(&submission).ok());
        answered.WaitForNotification();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  server_->executor().Drain();
  EXPECT_EQ(indexes.size(), 900u);
  EXPECT_TRUE(std::is_sorted(indexes.begin(), indexes.end()));
}

TEST_F(ExecutorTest, ReplayOfWhatWasWrittenGivesTheSameHashAndEveryGroupEndsWithIt) {
  Prepare();
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([this, c] {
      const std::string id = absl::StrCat("client-", c);
      ASSERT_TRUE(server_->Call(CreateCounter(id)).ok());
      std::vector<FutureAnswer> answers;
      for (int i = 0; i < 300; ++i) answers.push_back(server_->Submit(SendTo(id, "inc")));
      for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
    });
  }
  for (std::thread& client : clients) client.join();
  const std::shared_ptr<const State> state = server_->executor().committed();
  std::vector<uint64_t> hashes;
  const State replayed = ReplayAll(memory_, &hashes);
  EXPECT_EQ(replayed.hash(), state->hash());
  EXPECT_EQ(replayed.position().record_hash, state->position().record_hash);
  std::vector<uint64_t> group_ends;
  uint64_t end = 0;
  for (const size_t records : log_.groups()) group_ends.push_back(end += records);
  EXPECT_EQ(end, 2u + 4u * 301u);
  EXPECT_EQ(hashes, group_ends);
}

TEST_F(ExecutorTest, ARecordInTheRingIsTheOneInTheLog) {
  Prepare();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  const ChangeFeed from_log(&memory_, memory_.next_index(), 0);
  for (uint64_t index = 1; index < memory_.next_index(); ++index) {
    const auto ring = server_->feed().ReadOne(index);
    const auto log = from_log.ReadOne(index);
    ASSERT_TRUE(ring.ok() && log.ok());
    EXPECT_EQ((*ring)->stored, (*log)->stored);
    EXPECT_EQ((*ring)->hash, (*log)->hash);
    EXPECT_EQ((*ring)->Whole().SerializeAsString(), (*log)->Whole().SerializeAsString());
  }
}

TEST_F(ExecutorTest, ValidateLeavesNoTraceAndAnswersAsSubmitWould) {
  Prepare();
  v1::SubmitRequest request = WithView(SendTo("a", "inc"), v1::VIEW_CONTEXT);
  const auto validated = server_->executor().Validate(request, "tester");
  ASSERT_TRUE(validated.ok()) << validated.status();
  EXPECT_EQ(validated->index(), 0u);
  EXPECT_EQ(commit_index(), 2u);
  const Answer answer = server_->Call(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(validated->results(0).SerializeAsString(), answer->results(0).SerializeAsString());
  EXPECT_EQ(server_->executor().Validate(SendTo("b", "inc"), "").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ExecutorTest, ValidateKnowsTheMachineThatTheSameProposalRegisters) {
  v1::SubmitRequest request = RegisterCounter();
  *request.add_transitions() = CreateCounter("a").transitions(0);
  const auto validated = server_->executor().Validate(request, "");
  ASSERT_TRUE(validated.ok()) << validated.status();
  EXPECT_EQ(validated->results(0).machine().version(), 1u);
  EXPECT_FALSE(validated->results(0).machine().has_root());
  EXPECT_EQ(validated->results(1).instance().machine(), "counter");
}

TEST_F(ExecutorTest, ARecordThatWouldBeTooLargeIsRefusedAndChangesNothing) {
  Prepare();
  v1::SubmitRequest request;
  request.set_namespace_("default");
  for (int i = 0; i < 100; ++i) {
    auto* create = request.add_transitions()->mutable_create_instance();
    create->set_instance_id(absl::StrCat("large-", i));
    create->set_machine("counter");
    (*create->mutable_context()->mutable_fields())["text"].set_string_value(
        std::string(60'000, 'x'));
  }
  const Digest before = server_->executor().committed()->hash();
  const Answer answer = server_->Call(request);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(answer.status()), v1::LIMIT_REACHED);
  ASSERT_TRUE(server_->Call(SendTo("a", "say")).ok());
  EXPECT_EQ(commit_index(), 3u);
  EXPECT_NE(server_->executor().committed()->hash(), before);
  EXPECT_EQ(ReplayAll(memory_).hash(), server_->executor().committed()->hash());
  EXPECT_FALSE(server_->executor().committed()->FindInstance("default", "large-0").has_value());
}

TEST_F(ExecutorTest, GroupsKeepWithinTheLogsLimits) {
  MemoryLog small(Log::Limits{3, 20'000});
  GatedLog gated(&small);
  ExecutorUnderTest server(&gated);
  ASSERT_TRUE(server.Call(RegisterCounter()).ok());
  ASSERT_TRUE(server.Call(CreateCounter("a")).ok());
  gated.Close();
  std::vector<FutureAnswer> answers;
  for (int i = 0; i < 40; ++i) {
    v1::SubmitRequest request = SendTo("a", "inc");
    auto* data = request.mutable_transitions(0)->mutable_send_event()->mutable_data();
    (*data->mutable_fields())["text"].set_string_value(std::string(i % 2 == 0 ? 10 : 9'000, 'x'));
    answers.push_back(server.Submit(request));
  }
  gated.AwaitBlocked();
  gated.Open();
  for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  for (const size_t records : gated.groups()) EXPECT_LE(records, 3u);
  EXPECT_EQ(ReplayAll(small).hash(), server.executor().committed()->hash());
}

TEST_F(ExecutorTest, TimeNeverGoesBackWhenTheClockDoes) {
  // A manual clock can't go back; one that stands still shows the same.
  Prepare();
  Hlc last;
  for (int i = 0; i < 5; ++i) {
    const Answer answer = server_->Call(SendTo("a", "inc"));
    ASSERT_TRUE(answer.ok());
    const Hlc hlc{kTestTimeUs, answer->hlc().counter()};
    EXPECT_TRUE(last < hlc);
    last = hlc;
  }
  ASSERT_TRUE(server_->clock().AdvanceTo(kTestTimeUs + 1'000'000).ok());
  const Answer later = server_->Call(SendTo("a", "inc"));
  EXPECT_EQ(later->hlc().counter(), 0u);
  EXPECT_EQ(later->hlc().time().seconds(), kTestTimeUs / 1'000'000 + 1);
}

TEST_F(ExecutorTest, AFullQueueIsRefusedAndWhoeverWaitsIsToldOfRoom) {
  Prepare();
  log_.Close();
  std::vector<FutureAnswer> answers;
  for (size_t i = 0; i < kProposalsWaitingMax; ++i) {
    answers.push_back(server_->Submit(SendTo("a", "inc")));
  }
  Submission submission;
  *submission.request = SendTo("a", "inc");
  absl::Notification answered;
  submission.done = [&](Answer answer) {
    EXPECT_TRUE(answer.ok());
    answered.Notify();
  };
  const absl::Status full = server_->executor().TrySubmit(&submission);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(full), v1::QUEUE_FULL);
  EXPECT_EQ(submission.request->transitions_size(), 1);  // as it was
  EXPECT_EQ(server_->Sample("swoosh_proposals_total{result=\"queue_full\"}"), 1);
  absl::Notification room;
  server_->executor().WhenRoom([&] { room.Notify(); });
  EXPECT_FALSE(room.HasBeenNotified());
  log_.Open();
  room.WaitForNotification();
  ASSERT_TRUE(server_->executor().TrySubmit(&submission).ok());
  answered.WaitForNotification();
  for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  for (const size_t records : log_.groups()) EXPECT_LE(records, kGroupRecordsMax);
  EXPECT_EQ(ReplayAll(memory_).hash(), server_->executor().committed()->hash());
}

TEST_F(ExecutorTest, ANearlyFullDiskRefusesProposalsAndNothingElse) {
  std::atomic<uint64_t> free_bytes{100};
  DiskSpace space([&] { return free_bytes.load(); }, 50, absl::ZeroDuration());
  ExecutorUnderTest::Options options;
  options.executor.disk_space = &space;
  Restart(std::move(options));
  Prepare();
  free_bytes = 49;
  const Answer answer = server_->Call(SendTo("a", "inc"));
  EXPECT_EQ(ReasonOf(answer.status()), v1::DISK_NEARLY_FULL);
  EXPECT_TRUE(server_->feed().ReadOne(2).ok());
  free_bytes = 50;
  EXPECT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  server_.reset();
}

TEST_F(ExecutorTest, WhatWaitsIsNotWrittenIntoTheLastSpaceEither) {
  std::atomic<uint64_t> free_bytes{100};
  DiskSpace space([&] { return free_bytes.load(); }, 50, absl::ZeroDuration());
  ExecutorUnderTest::Options options;
  options.executor.disk_space = &space;
  options.start = false;
  Prepare();
  Restart(std::move(options));
  std::vector<FutureAnswer> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(server_->Submit(SendTo("a", "inc")));
  free_bytes = 49;
  server_->executor().Start();
  for (FutureAnswer& answer : answers) {
    EXPECT_EQ(ReasonOf(answer.get().status()), v1::DISK_NEARLY_FULL);
  }
  EXPECT_EQ(server_->executor().committed()->index(), 2u);
  EXPECT_EQ(server_->Sample("swoosh_proposals_total{result=\"unavailable\"}"), 10);
  free_bytes = 50;
  EXPECT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  server_.reset();
}

TEST_F(ExecutorTest, DrainingFinishesWhatWasTakenAndRefusesTheRest) {
  Prepare();
  log_.Close();
  std::vector<FutureAnswer> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(server_->Submit(SendTo("a", "inc")));
  log_.AwaitBlocked();
  std::thread drain([this] { server_->executor().Drain(); });
  // What comes before draining has begun is taken, and so is carried out.
  while (true) {
    FutureAnswer answer = server_->Submit(SendTo("a", "inc"));
    if (IsReady(answer)) {
      EXPECT_EQ(ReasonOf(answer.get().status()), v1::DRAINING);
      break;
    }
    answers.push_back(std::move(answer));
  }
  log_.Open();
  drain.join();
  for (FutureAnswer& answer : answers) {
    ASSERT_TRUE(IsReady(answer));
    EXPECT_TRUE(answer.get().ok());
  }
  EXPECT_EQ(ReasonOf(server_->Call(SendTo("a", "inc")).status()), v1::DRAINING);
  EXPECT_EQ(server_->Call(SendTo("a", "inc")).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(commit_index(), 2 + answers.size());
  server_->executor().Drain();
}

TEST_F(ExecutorTest, WhoeverWaitsForRoomIsToldWhenTheServerDrains) {
  Prepare();
  log_.Close();
  for (size_t i = 0; i < kProposalsWaitingMax; ++i) server_->Submit(SendTo("a", "inc"));
  absl::Notification room;
  server_->executor().WhenRoom([&] { room.Notify(); });
  std::thread drain([this] { server_->executor().Drain(); });
  room.WaitForNotification();
  log_.Open();
  drain.join();
  absl::Notification late;
  server_->executor().WhenRoom([&] { late.Notify(); });
  EXPECT_TRUE(late.HasBeenNotified());
}

TEST_F(ExecutorTest, MetricsTellWhatHappened) {
  Prepare();
  EXPECT_TRUE(server_->Call(WithRequestId(SendTo("a", "inc"), "r")).ok());
  EXPECT_TRUE(server_->Call(WithRequestId(SendTo("a", "inc"), "r")).ok());
  EXPECT_FALSE(server_->Call(SendTo("nobody", "inc")).ok());
  server_->executor().Drain();
  EXPECT_EQ(server_->Sample("swoosh_proposals_total{result=\"accepted\"}"), 3);
  EXPECT_EQ(server_->Sample("swoosh_proposals_total{result=\"duplicate\"}"), 1);
  EXPECT_EQ(server_->Sample("swoosh_proposals_total{result=\"refused\"}"), 1);
  EXPECT_EQ(server_->Sample("swoosh_reduce_duration_seconds_count"), 4);
  EXPECT_EQ(server_->Sample("swoosh_wal_append_duration_seconds_count"), 3);
  EXPECT_EQ(server_->Sample("swoosh_commit_index"), 3);
  EXPECT_EQ(server_->Sample("swoosh_instances"), 1);
}

}  // namespace
}  // namespace swoosh
