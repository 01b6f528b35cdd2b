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

  void Restart(ExecutorUnderTest::Options options = {}) {
    server_.reset();
    server_ = std::make_unique<ExecutorUnderTest>(&log_, std::move(options));
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
  v1::Record RecordAt(uint64_t index) { return (*server_->feed().ReadOne(index))->Whole(); }

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
  constexpr uint64_t kTimers = 1'000;
  std::vector<FutureAnswer> answers;
  for (uint64_t i = 0; i < kTimers; ++i) {
    answers.push_back(server_->Submit(Request(Creation(absl::StrCat("i", i), 5))));
  }
  for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  answers.clear();

  ExecutorUnderTest::Options options;
  options.start = false;
  Restart(std::move(options));
  ASSERT_TRUE(server_->clock().AdvanceTo(kTestTimeUs + 5 * kSecondUs).ok());
  for (const char* id : {"x", "y", "z"})
    answers.push_back(server_->Submit(Request(Creation(id, 9))));
  server_->executor().Start();
  for (FutureAnswer& answer : answers) {
    const Answer answered = answer.get();
    ASSERT_TRUE(answered.ok()) << answered.status();
    EXPECT_LE(answered->index(), 1 + kTimers + 1 + 3) << "after one record of timers";
  }
  EXPECT_EQ(RecordAt(1 + kTimers + 1).changes_size(), int{kTimersFiredAtOnceMax});
  ASSERT_TRUE(Becomes(absl::StrCat("i", kTimers - 1), "late"));
  ReplayAll(log_);
}

// What fires is never too large for a record: nobody could be told, and it would be due again.
TEST_F(ExecutorTimerTest, ATimerThatEmitsMoreThanARecordHoldsFaultsItsInstance) {
  // A null is one byte in the context, and four in a record.
  constexpr int kNulls = 65'000;
  std::string emits = R"({"emit":{"name":"e","data":"context.l"}})";
  for (int i = 1; i < 16; ++i)
    absl::StrAppend(&emits, R"(,{"emit":{"name":"e","data":"context.l"}})");
  Register(absl::StrCat(R"({"name":"job","root":{"id":"job","initial":["waiting"],"states":[
    {"id":"waiting","after":[{"delay":"5s","target":["late"],"actions":[)",
                        emits, R"(]}]},{"id":"late"}]}})"));
  v1::SubmitRequest creation = Request(Creation("a", 0));
  google::protobuf::Struct& context =
      *creation.mutable_transitions(0)->mutable_create_instance()->mutable_context();
  context.clear_fields();
  auto& nulls = *(*context.mutable_fields())["l"].mutable_list_value();
  for (int i = 0; i < kNulls; ++i) nulls.add_values()->set_null_value(google::protobuf::NULL_VALUE);
  ASSERT_TRUE(server_->Call(std::move(creation)).ok());
  ASSERT_TRUE(Advance(5).ok());
  const auto instance = server_->executor().committed()->FindInstance("default", "a");
  EXPECT_EQ(instance->status, v1::Instance::FAULTED);
  ASSERT_TRUE(instance->fault.has_value());
  EXPECT_EQ(instance->fault->reason, v1::LIMIT_REACHED);
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
