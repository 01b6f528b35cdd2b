// A request is applied once: repeats in flight, after it, and after a restart.

#include <thread>

#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

class ExecutorRequestTest : public testing::Test {
 protected:
  ExecutorRequestTest() {
    Restart();
    EXPECT_TRUE(server_->Call(RegisterCounter()).ok());
    EXPECT_TRUE(server_->Call(CreateCounter("a")).ok());
  }
  ~ExecutorRequestTest() override { log_.Open(); }

  void Restart(ExecutorUnderTest::Options options = {}) {
    server_.reset();
    server_ = std::make_unique<ExecutorUnderTest>(&log_, std::move(options));
  }
  static v1::SubmitRequest Inc(absl::string_view request_id) {
    return WithView(WithRequestId(SendTo("a", "inc"), request_id), v1::VIEW_FULL);
  }
  double Count() {
    return server_->executor()
        .committed()
        ->FindInstance("default", "a")
        ->context.Find("count")
        ->as_number();
  }
  // Equal but for `duplicate`, which only the second has.
  static void ExpectSameAnswer(const Answer& first, Answer again) {
    ASSERT_TRUE(first.ok()) << first.status();
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_FALSE(first->duplicate());
    EXPECT_TRUE(again->duplicate());
    again->set_duplicate(false);
    EXPECT_EQ(again->DebugString(), first->DebugString());
  }

  MemoryLog memory_;
  GatedLog log_{&memory_};
  std::unique_ptr<ExecutorUnderTest> server_;
};

TEST_F(ExecutorRequestTest, ARepeatGetsTheFirstAnswer) {
  const Answer first = server_->Call(Inc("r"));
  ExpectSameAnswer(first, server_->Call(Inc("r")));
  EXPECT_EQ(Count(), 1);
  EXPECT_EQ(memory_.next_index(), 4u);
}

TEST_F(ExecutorRequestTest, ARepeatGetsTheFirstAnswerAfterTheInstanceMovedOn) {
  const Answer first = server_->Call(Inc("r"));
  ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  ASSERT_TRUE(server_->Call(SendTo("a", "end")).ok());
  ExpectSameAnswer(first, server_->Call(Inc("r")));
}

TEST_F(ExecutorRequestTest, ARepeatAfterARestartGetsTheFirstAnswer) {
  const Answer first = server_->Call(Inc("r"));
  ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  Restart();
  ExpectSameAnswer(first, server_->Call(Inc("r")));
  EXPECT_EQ(Count(), 2);
}

TEST_F(ExecutorRequestTest, ARepeatWhileTheFirstIsWrittenWaitsForIt) {
  log_.Close();
  FutureAnswer first = server_->Submit(Inc("r"));
  log_.AwaitBlocked();
  FutureAnswer again = server_->Submit(Inc("r"));
  EXPECT_NE(again.wait_for(std::chrono::milliseconds(50)), std::future_status::ready);
  log_.Open();
  const Answer answer = first.get();
  ExpectSameAnswer(answer, again.get());
  EXPECT_EQ(Count(), 1);
}

TEST_F(ExecutorRequestTest, ARepeatInTheSameGroupIsAppliedOnceToo) {
  log_.Close();
  FutureAnswer blocker = server_->Submit(SendTo("a", "say"));
  log_.AwaitBlocked();
  FutureAnswer first = server_->Submit(Inc("r"));
  FutureAnswer again = server_->Submit(Inc("r"));
  log_.Open();
  ASSERT_TRUE(blocker.get().ok());
  const Answer answer = first.get();
  ExpectSameAnswer(answer, again.get());
  EXPECT_EQ(Count(), 1);
}

TEST_F(ExecutorRequestTest, AnotherContentUnderTheSameIdIsRefusedAndNamesTheField) {
  ASSERT_TRUE(server_->Call(Inc("r")).ok());
  const Answer reused = server_->Call(WithRequestId(SendTo("a", "say"), "r"));
  EXPECT_EQ(reused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(reused.status()), v1::REQUEST_ID_REUSED);
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(GetDetail(reused.status(), &bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), "request_id");
  Restart();
  EXPECT_EQ(ReasonOf(server_->Call(WithRequestId(SendTo("a", "say"), "r")).status()),
            v1::REQUEST_ID_REUSED);
}

TEST_F(ExecutorRequestTest, ARefusedRequestMaySucceedWhenSentAgain) {
  v1::SubmitRequest request = WithRequestId(SendTo("b", "inc"), "r");
  EXPECT_EQ(server_->Call(request).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(server_->Call(CreateCounter("b")).ok());
  const Answer answer = server_->Call(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(answer->duplicate());
}

TEST_F(ExecutorRequestTest, TheViewIsNotPartOfTheContent) {
  ASSERT_TRUE(server_->Call(Inc("r")).ok());
  const Answer basic = server_->Call(WithView(Inc("r"), v1::VIEW_BASIC));
  ASSERT_TRUE(basic.ok());
  EXPECT_TRUE(basic->duplicate());
  EXPECT_EQ(CountIn(basic->results(0).instance()), -1);
}

TEST_F(ExecutorRequestTest, AnIdIsForgottenOutsideTheWindow) {
  ExecutorUnderTest::Options options;
  options.window_records = 5;
  Restart(std::move(options));
  ASSERT_TRUE(server_->Call(Inc("r")).ok());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  EXPECT_TRUE(server_->Call(Inc("r"))->duplicate());
  ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  EXPECT_FALSE(server_->Call(Inc("r"))->duplicate());
}

TEST_F(ExecutorRequestTest, EveryKindOfTransitionIsAnsweredAgain) {
  v1::SubmitRequest request = RegisterCounter();
  *request.add_transitions() = CreateCounter("b").transitions(0);
  *request.add_transitions() = SendTo("b", "inc").transitions(0);
  request.add_transitions()->mutable_delete_instance()->set_instance_id("a");
  request = WithRequestId(request, "r");
  const Answer first = server_->Call(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->results(0).machine().version(), 1u);
  EXPECT_EQ(first->results(2).instance().id(), "b");
  EXPECT_EQ(first->results(3).result_case(), v1::TransitionResult::RESULT_NOT_SET);
  ExpectSameAnswer(first, server_->Call(request));
  ASSERT_TRUE(server_->Call(SendTo("b", "inc")).ok());
  ExpectSameAnswer(first, server_->Call(request));
}

TEST_F(ExecutorRequestTest, ManyClientsSendingTheSameRequestApplyItOnce) {
  std::vector<std::thread> clients;
  std::atomic<int> accepted{0};
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const Answer answer = server_->Call(Inc(std::to_string(i)));
        ASSERT_TRUE(answer.ok()) << answer.status();
        if (!answer->duplicate()) ++accepted;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(accepted, 100);
  EXPECT_EQ(Count(), 100);
}

}  // namespace
}  // namespace swoosh
