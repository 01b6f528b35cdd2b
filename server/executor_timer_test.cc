// Timers, from the state to the log.
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "server/executor.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr absl::Duration kSoon = absl::Seconds(20);

constexpr char kJob[] = R"({"name":"job","root":{"id":"job","initial":["waiting"],"states":[
  {"id":"waiting","after":[{"delayExpression":"context.s","target":["late"]}],
   "on":[{"event":"poke","actions":[{"send":{"event":"echo"}}]},
         {"event":"echo","target":["echoed"]}]},
  {"id":"late","after":[{"delay":"10s","target":["later"]}]},
  {"id":"later"},{"id":"echoed"}]}})";

class ExecutorTimerTest : public testing::Test {
 protected:
  ExecutorTimerTest() { Restart(); }

  void Restart() {
    server_.reset();
    server_ = std::make_unique<ExecutorUnderTest>(&log_);
  }
  static v1::SubmitRequest Request(const std::string& transition) {
    v1::SubmitRequest request;
    request.set_namespace_("default");
    const auto parsed =
        google::protobuf::util::JsonStringToMessage(transition, request.add_transitions());
    EXPECT_TRUE(parsed.ok()) << parsed.ToString();
    return request;
  }
  void Accept(const std::string& transition) {
    const Answer answer = server_->Call(Request(transition));
    ASSERT_TRUE(answer.ok()) << answer.status();
  }
  void Register(const std::string& machine = kJob) {
    Accept(absl::StrCat(R"({"registerMachine":{"machine":)", machine, "}}"));
  }
  static std::string Creation(const std::string& id, int seconds) {
    return absl::StrCat(R"({"createInstance":{"instanceId":")", id,
                        R"(","machine":"job","context":{"s":)", seconds, "}}}");
  }
  static std::string Event(const std::string& id, const std::string& event) {
    return absl::StrCat(R"({"sendEvent":{"instanceId":")", id, R"(","event":")", event, R"("}})");
  }
  Answer Advance(int64_t seconds) {
    std::promise<Answer> promise;
    server_->executor().AdvanceClock(kTestTimeUs + seconds * kSecondUs,
                                     [&](Answer answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }
  // The innermost state.
  std::string StateOf(const std::string& id) {
    const auto state = server_->executor().committed();
    const std::optional<Instance> instance = state->FindInstance("default", id);
    if (!instance.has_value()) return "";
    return state->machines().Find("default", "job", 0)->states()[instance->atomic_states[0]].id;
  }
  // Whether it comes to be in `state` soon.
  bool Becomes(const std::string& id, const std::string& state) {
    const absl::Time end = absl::Now() + kSoon;
    while (StateOf(id) != state && absl::Now() < end) absl::SleepFor(absl::Milliseconds(1));
    return StateOf(id) == state;
  }
  v1::Record RecordAt(uint64_t index) { return (*server_->feed().ReadOne(index))->record; }

  MemoryLog log_;
  std::unique_ptr<ExecutorUnderTest> server_;
};

TEST_F(ExecutorTimerTest, AdvancingTheClockFiresEachTimerAtItsOwnTime) {
  Register();
  Accept(Creation("a", 30));
  Accept(Creation("b", 5));
  const Answer answer = Advance(40);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(StateOf("a"), "later") << "due 30 s after it began, and again 10 s later";
  EXPECT_EQ(StateOf("b"), "later");
  ASSERT_EQ(answer->index(), 8u);
  std::vector<std::string> fired;
  for (uint64_t index = 4; index < 8; ++index) {
    const v1::Record record = RecordAt(index);
    ASSERT_EQ(record.changes_size(), 1);
    fired.push_back(absl::StrCat(record.changes(0).instance_id(), "@",
                                 record.hlc().time().seconds() - kTestTimeUs / kSecondUs));
  }
  EXPECT_EQ(fired, (std::vector<std::string>{"b@5", "b@15", "a@30", "a@40"}));
  EXPECT_EQ(RecordAt(8).changes_size(), 0) << "the record of the new time itself";
  EXPECT_EQ(answer->hlc().time().seconds(), kTestTimeUs / kSecondUs + 40);
}

TEST_F(ExecutorTimerTest, TheClockDoesNotGoBack) {
  Register();
  ASSERT_TRUE(Advance(10).ok());
  EXPECT_EQ(Advance(9).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ExecutorTimerTest, AnEventSentWithoutDelayComesByItself) {
  Register();
  Accept(Creation("a", 1'000));
  Accept(Event("a", "poke"));
  EXPECT_TRUE(Becomes("a", "echoed"));
}

TEST_F(ExecutorTimerTest, WhatIsOverdueAfterARestartFiresAtOnceInOrder) {
  Register();
  Accept(Creation("a", 7));
  Accept(Creation("b", 5));
  const Digest before = server_->executor().committed()->hash();
  Restart();
  EXPECT_EQ(server_->executor().committed()->hash(), before);
  ASSERT_TRUE(server_->clock().AdvanceTo(kTestTimeUs + 8 * kSecondUs).ok());
  Accept(Creation("c", 100));  // wakes it, as the system's clock does by itself
  ASSERT_TRUE(Becomes("a", "late"));
  ASSERT_TRUE(Becomes("b", "late"));
  uint64_t index = 4;
  if (RecordAt(index).transitions(0).has_create_instance()) ++index;
  const v1::Record record = RecordAt(index);
  ASSERT_EQ(record.changes_size(), 2);
  EXPECT_EQ(record.changes(0).instance_id(), "b");
  EXPECT_EQ(record.changes(1).instance_id(), "a");
  EXPECT_EQ(server_->Sample("swoosh_timer_lateness_seconds_count"), 2);
  EXPECT_GT(server_->Sample("swoosh_timer_lateness_seconds_sum"), 3.9);
}

TEST_F(ExecutorTimerTest, ABurstOfTimersLetsProposalsBetween) {
  Register();
  constexpr int kTimers = 5'000;
  std::vector<FutureAnswer> answers;
  for (int i = 0; i < kTimers; ++i) {
    answers.push_back(server_->Submit(Request(Creation(absl::StrCat("i", i), 5))));
    if (answers.size() < 1'000) continue;
    for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
    answers.clear();
  }
  for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  ASSERT_TRUE(server_->clock().AdvanceTo(kTestTimeUs + 5 * kSecondUs).ok());
  for (int i = 0; i < 3; ++i) answers.push_back(server_->Submit(Request(Event("i0", "echo"))));
  for (FutureAnswer& answer : answers) answer.wait();
  const auto fired = [this] { return server_->Sample("swoosh_timer_lateness_seconds_count"); };
  const absl::Time end = absl::Now() + kSoon;
  while (fired() < kTimers - 1 && absl::Now() < end) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_GE(fired(), kTimers - 1);
  // The first of the three came after at most two records of timers.
  uint64_t first_fired = 0;
  for (uint64_t index = kTimers + 2; first_fired == 0; ++index) {
    if (RecordAt(index).transitions(0).has_advance_time()) first_fired = index;
  }
  EXPECT_LE(RecordAt(first_fired).changes_size(), 100);
  ReplayAll(log_);
}

TEST_F(ExecutorTimerTest, TimersOfOtherNamespacesFireInRecordsOfTheirOwn) {
  for (const char* ns : {"one", "two"}) {
    for (const std::string& transition :
         {absl::StrCat(R"({"registerMachine":{"machine":)", kJob, "}}"), Creation("x", 5)}) {
      v1::SubmitRequest request = Request(transition);
      request.set_namespace_(ns);
      ASSERT_TRUE(server_->Call(std::move(request)).ok());
    }
  }
  ASSERT_TRUE(Advance(5).ok());
  EXPECT_EQ(RecordAt(5).namespace_(), "one");
  EXPECT_EQ(RecordAt(6).namespace_(), "two");
}

}  // namespace
}  // namespace swoosh
