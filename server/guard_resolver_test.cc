// Whatever a provider does, no edge is taken that it did not allow, and nobody else waits for it.
#include "server/guard_resolver.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "core/check.h"
#include "core/errors.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "server/guard_provider_for_test.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

using WhenFull = GuardResolver::WhenFull;

// "pay" is for the provider, and for review when it says no; "refund" is for the provider alone;
// "check" is too, and changes nothing but a count, as "touch" does without it.
constexpr char kPayment[] = R"({
  "name": "payment", "context": {"count": 0},
  "root": {"id": "payment", "initial": ["open"], "states": [
    {"id": "open", "on": [
      {"id": "pay", "event": "pay", "external_guard": "risk", "target": ["paid"]},
      {"id": "ask", "event": "pay", "target": ["review"]},
      {"id": "refund", "event": "refund", "external_guard": "risk", "target": ["review"]},
      {"id": "check", "event": "check", "external_guard": "risk",
       "actions": [{"assign": {"location": "context.count", "value": "context.count + 1"}}]},
      {"id": "touch", "event": "touch",
       "actions": [{"assign": {"location": "context.count", "value": "context.count + 1"}}]}]},
    {"id": "review"}, {"id": "paid"}]}})";

v1::SubmitRequest RegisterPayment() {
  v1::SubmitRequest request;
  request.set_namespace_("default");
  v1::Machine* machine = request.add_transitions()->mutable_register_machine()->mutable_machine();
  SWOOSH_CHECK(google::protobuf::util::JsonStringToMessage(kPayment, machine).ok());
  return request;
}

v1::SubmitRequest CreatePayment(absl::string_view id) {
  v1::SubmitRequest request = CreateCounter(id);
  request.mutable_transitions(0)->mutable_create_instance()->set_machine("payment");
  return request;
}

v1::SubmitRequest Joined(std::vector<v1::SubmitRequest> parts) {
  v1::SubmitRequest request = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) request.MergeFrom(parts[i]);
  return request;
}

class GuardResolverTest : public testing::Test {
 protected:
  GuardResolverTest() {
    EXPECT_TRUE(server_->Call(RegisterPayment()).ok());
    EXPECT_TRUE(server_->Call(RegisterCounter()).ok());
    EXPECT_TRUE(server_->Call(CreatePayment("p")).ok());
    EXPECT_TRUE(server_->Call(CreateCounter("c")).ok());
    Connect(provider_.address());
  }
  ~GuardResolverTest() override { Disconnect(); }

  // As a server with this --guard_provider; "" = without.
  void Connect(const std::string& address) {
    Disconnect();
    server_ = std::make_unique<ExecutorUnderTest>(&log_);
    std::unique_ptr<GuardClient> client;
    if (!address.empty())
      client = std::make_unique<GuardClient>(address, nullptr, &server_->metrics());
    guards_ = std::make_unique<GuardResolver>(&server_->executor(), &server_->window(),
                                              std::move(client));
  }
  void Disconnect() {
    if (guards_ == nullptr) return;
    guards_->Drain();
    server_->executor().Drain();
    guards_.reset();
  }

  FutureAnswer Submit(v1::SubmitRequest request, WhenFull when_full = WhenFull::kRefuse) {
    auto promise = std::make_shared<std::promise<Answer>>();
    Submission submission;
    *submission.request = std::move(request);
    submission.actor = "tester";
    submission.done = [promise](Answer answer) { promise->set_value(std::move(answer)); };
    FutureAnswer answer = promise->get_future();
    guards_->Submit(std::move(submission), when_full);
    return answer;
  }
  Answer Call(v1::SubmitRequest request) { return Submit(std::move(request)).get(); }
  // The innermost active state of "p".
  std::string StateOf(const Answer& answer) {
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->results(0).instance().configuration(1) : "";
  }
  Instance Payment() { return *server_->executor().committed()->FindInstance("default", "p"); }
  v1::Record LastRecord() {
    return (*server_->feed().ReadOne(server_->executor().committed()->index()))->record;
  }
  double Calls(absl::string_view result) {
    return server_->Sample(absl::StrCat("swoosh_guard_calls_total{result=\"", result, "\"}"));
  }
  // That "pay" is refused as a whole and changes nothing.
  void ExpectUnanswered(absl::string_view why) {
    const uint64_t index = server_->executor().committed()->index();
    const Answer answer = Call(SendTo("p", "pay"));
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
    EXPECT_EQ(ReasonOf(answer.status()), v1::GUARD_UNANSWERED) << answer.status();
    EXPECT_TRUE(absl::StrContains(answer.status().message(), why)) << answer.status();
    v1::EvaluateRequest question;
    EXPECT_FALSE(GetDetail(answer.status(), &question)) << "nobody's business";
    EXPECT_EQ(server_->executor().committed()->index(), index);
  }

  MemoryLog log_;
  GuardProviderForTest provider_;
  std::unique_ptr<ExecutorUnderTest> server_ = std::make_unique<ExecutorUnderTest>(&log_);
  std::unique_ptr<GuardResolver> guards_;
};

TEST_F(GuardResolverTest, WhatIsAllowedIsDoneAndTheRecordSaysWhoAllowedIt) {
  const uint64_t version = Payment().version;
  v1::SubmitRequest pay = SendTo("p", "pay");
  auto* data = pay.mutable_transitions(0)->mutable_send_event()->mutable_data();
  (*data->mutable_fields())["amount"].set_number_value(12);
  EXPECT_EQ(StateOf(Call(pay)), "paid");

  ASSERT_EQ(provider_.asked().size(), 1u);
  const v1::EvaluateRequest asked = provider_.asked()[0];
  EXPECT_EQ(asked.guard(), "risk");
  EXPECT_EQ(asked.namespace_(), "default");
  EXPECT_EQ(asked.event(), "pay");
  EXPECT_EQ(asked.actor(), "tester");
  EXPECT_EQ(asked.data().fields().at("amount").number_value(), 12);
  EXPECT_EQ(asked.instance().id(), "p");
  EXPECT_EQ(asked.instance().version(), version);
  EXPECT_EQ(asked.instance().context().fields().at("count").number_value(), 0);

  const v1::Record record = LastRecord();
  ASSERT_EQ(record.guard_outcomes_size(), 1);
  const v1::GuardOutcome& outcome = record.guard_outcomes(0);
  EXPECT_EQ(outcome.edge(), "pay");
  EXPECT_EQ(outcome.guard(), "risk");
  EXPECT_TRUE(outcome.allowed());
  EXPECT_EQ(outcome.provider(), provider_.address());
  EXPECT_EQ(outcome.observed_version(), version);
  EXPECT_EQ(Calls("allowed"), 1);
}

TEST_F(GuardResolverTest, ADenialShowsWhatTheProviderSaid) {
  provider_.Deny("the card was stolen");
  const Answer answer = Call(SendTo("p", "refund"));
  EXPECT_EQ(ReasonOf(answer.status()), v1::GUARD_FALSE) << answer.status();
  EXPECT_TRUE(absl::EndsWith(answer.status().message(), "risk says no: the card was stolen"))
      << answer.status();
  v1::Denial denial;
  ASSERT_TRUE(GetDetail(answer.status(), &denial));
  ASSERT_EQ(denial.edges_size(), 1);
  EXPECT_EQ(denial.edges(0).guard(), "risk");
  EXPECT_EQ(denial.edges(0).reason(), "external guard risk says no: the card was stolen");

  provider_.Deny(std::string(10'000, 'x'));
  EXPECT_LT(Call(SendTo("p", "refund")).status().message().size(), kGuardReasonBytesMax + 200);
  EXPECT_EQ(Calls("denied"), 2);
}

TEST_F(GuardResolverTest, AnEdgeThatIsDeniedLeavesTheEventToTheNext) {
  provider_.Deny("");
  EXPECT_EQ(StateOf(Call(SendTo("p", "pay"))), "review");
  EXPECT_FALSE(LastRecord().guard_outcomes(0).allowed());
}

TEST_F(GuardResolverTest, AProviderThatFailsLetsNoEdgeThroughAndNoOtherEither) {
  provider_.Handle([](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    response->set_allowed(true);
    return grpc::Status(grpc::StatusCode::INTERNAL, "secret");
  });
  ExpectUnanswered("the provider failed with INTERNAL");
  provider_.Stop();
  ExpectUnanswered("the provider can't be reached");
  provider_.StartGarbage();
  absl::SleepFor(2 * kGuardReconnectMax);
  ExpectUnanswered("the provider failed with");
  EXPECT_EQ(Calls("error"), 2);
  EXPECT_EQ(Calls("unavailable"), 1);
  EXPECT_EQ(server_->Sample("swoosh_proposals_total{result=\"unavailable\"}"), 3);
}

TEST_F(GuardResolverTest, AProviderThatIsSlowIsGivenUp) {
  absl::Notification end;
  provider_.Handle([&end](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    end.WaitForNotificationWithTimeout(absl::Seconds(30));
    response->set_allowed(true);
    return grpc::Status::OK;
  });
  const absl::Time begin = absl::Now();
  ExpectUnanswered("did not answer within 2s");
  EXPECT_GE(absl::Now() - begin, kGuardCallTimeout);
  EXPECT_EQ(Calls("timeout"), 1);
  end.Notify();
  provider_.Stop();  // its thread may still be waking
}

TEST_F(GuardResolverTest, WithoutAProviderTheClientIsToldSo) {
  Connect("");
  ExpectUnanswered("the server runs without --guard_provider");
  EXPECT_EQ(StateOf(Call(SendTo("p", "touch"))), "open");
}

TEST_F(GuardResolverTest, AFlappingProviderNeverLetsThroughWhatItDidNotAllow) {
  std::atomic<int> allowed{0};
  provider_.Handle([&](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    const int n = ++allowed;
    response->set_allowed(true);
    return n % 3 == 0 ? grpc::Status(grpc::StatusCode::UNKNOWN, "") : grpc::Status::OK;
  });
  std::atomic<bool> stop{false};
  std::thread flapper([&] {
    while (!stop) {
      absl::SleepFor(absl::Milliseconds(100));
      provider_.Stop();
      absl::SleepFor(absl::Milliseconds(100));
      provider_.Start();
    }
  });
  int accepted = 0;
  const absl::Time end = absl::Now() + absl::Seconds(3);
  while (absl::Now() < end || accepted == 0) {
    const Answer answer = Call(SendTo("p", "check"));
    if (answer.ok()) {
      ++accepted;
      EXPECT_TRUE(LastRecord().guard_outcomes(0).allowed());
    } else {
      EXPECT_EQ(ReasonOf(answer.status()), v1::GUARD_UNANSWERED) << answer.status();
    }
  }
  stop = true;
  flapper.join();
  EXPECT_LE(accepted, allowed);
  EXPECT_EQ(Payment().context.Find("count")->as_number(), accepted);
}

TEST_F(GuardResolverTest, AnInstanceThatMovedOnceIsAskedAboutAgain) {
  std::atomic<int> asked{0};
  provider_.Handle([&](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    if (++asked == 1) {
      EXPECT_TRUE(server_->Call(SendTo("p", "touch")).ok());
    }
    response->set_allowed(true);
    return grpc::Status::OK;
  });
  EXPECT_EQ(StateOf(Call(SendTo("p", "pay"))), "paid");
  EXPECT_EQ(asked, 2);
  ASSERT_EQ(LastRecord().guard_outcomes_size(), 1);
  EXPECT_EQ(LastRecord().guard_outcomes(0).observed_version(),
            provider_.asked()[1].instance().version());
}

TEST_F(GuardResolverTest, AnInstanceThatMovedTwiceIsAborted) {
  provider_.Handle([&](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    EXPECT_TRUE(server_->Call(SendTo("p", "touch")).ok());
    response->set_allowed(true);
    return grpc::Status::OK;
  });
  const Answer answer = Call(SendTo("p", "pay"));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kAborted) << answer.status();
  EXPECT_EQ(ReasonOf(answer.status()), v1::GUARD_INSTANCE_MOVED);
  EXPECT_EQ(provider_.asked().size(), 2u);
  EXPECT_EQ(Payment().context.Find("count")->as_number(), 2);
}

TEST_F(GuardResolverTest, ARepeatedRequestGetsItsAnswerAndTheProviderIsNotAsked) {
  const Answer first = Call(WithRequestId(SendTo("p", "check"), "once"));
  ASSERT_TRUE(first.ok()) << first.status();
  // It is enabled again, and still it is not asked for.
  const Answer again = Call(WithRequestId(SendTo("p", "check"), "once"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->duplicate());
  EXPECT_EQ(provider_.asked().size(), 1u);

  provider_.Stop();
  const Answer down = Call(WithRequestId(SendTo("p", "check"), "once"));
  ASSERT_TRUE(down.ok()) << down.status();
  EXPECT_EQ(down->index(), first->index());
  EXPECT_EQ(ReasonOf(Call(WithRequestId(SendTo("p", "pay"), "once")).status()),
            v1::REQUEST_ID_REUSED);
  Connect("");  // another process, without a provider
  const Answer restarted = Call(WithRequestId(SendTo("p", "check"), "once"));
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  EXPECT_EQ(restarted->record_hash(), first->record_hash());
  EXPECT_EQ(Payment().context.Find("count")->as_number(), 1);
}

TEST_F(GuardResolverTest, ARequestThatIsAcceptedWhileItsRepeatAsksIsAnsweredAsOne) {
  std::atomic<int> asked{0};
  provider_.Handle([&](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    // The first one is asked about; it waits until the second is done, and gets no answer.
    if (++asked == 1) {
      EXPECT_TRUE(Call(WithRequestId(SendTo("p", "check"), "once")).ok());
      return grpc::Status(grpc::StatusCode::INTERNAL, "");
    }
    response->set_allowed(true);
    return grpc::Status::OK;
  });
  const Answer answer = Call(WithRequestId(SendTo("p", "check"), "once"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->duplicate());
  EXPECT_EQ(Payment().context.Find("count")->as_number(), 1);
}

TEST_F(GuardResolverTest, NobodyElseWaitsForAProvider) {
  const SilentPeerForTest silent;
  Connect(silent.address());
  std::vector<FutureAnswer> guarded;
  for (int i = 0; i < 100; ++i) guarded.push_back(Submit(SendTo("p", "pay")));
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(server_->Call(SendTo("c", "inc")).ok());
  EXPECT_TRUE(Call(SendTo("p", "touch")).ok()) << "nor does the instance itself";
  for (FutureAnswer& answer : guarded) {
    EXPECT_EQ(ReasonOf(answer.get().status()), v1::GUARD_UNANSWERED);
  }
}

TEST_F(GuardResolverTest, OneProposalTooManyIsRefusedOrWaits) {
  const SilentPeerForTest silent;
  Connect(silent.address());
  std::vector<FutureAnswer> guarded;
  for (size_t i = 0; i < kGuardedProposalsMax; ++i) guarded.push_back(Submit(SendTo("p", "pay")));
  FutureAnswer waits = Submit(SendTo("p", "pay"), WhenFull::kWait);
  const Answer refused = Call(SendTo("p", "pay"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted) << refused.status();
  EXPECT_EQ(ReasonOf(refused.status()), v1::LIMIT_REACHED);
  for (FutureAnswer& answer : guarded) {
    EXPECT_EQ(ReasonOf(answer.get().status()), v1::GUARD_UNANSWERED);
  }
  EXPECT_EQ(ReasonOf(waits.get().status()), v1::GUARD_UNANSWERED);
  EXPECT_EQ(ReasonOf(Call(SendTo("p", "pay")).status()), v1::GUARD_UNANSWERED);
}

TEST_F(GuardResolverTest, DrainingGivesUpWhatWaitsForTheProvider) {
  const SilentPeerForTest silent;
  Connect(silent.address());
  std::vector<FutureAnswer> guarded;
  for (size_t i = 0; i < kGuardedProposalsMax + 10; ++i) {
    guarded.push_back(Submit(SendTo("p", "pay"), WhenFull::kWait));
  }
  guards_->Drain();
  for (FutureAnswer& answer : guarded) {
    EXPECT_EQ(ReasonOf(answer.get().status()), v1::DRAINING);
  }
  EXPECT_EQ(ReasonOf(Call(SendTo("p", "pay")).status()), v1::DRAINING);
}

TEST_F(GuardResolverTest, ValidateOnlyAsksAndLeavesNoTrace) {
  v1::SubmitRequest pay = SendTo("p", "pay");
  pay.set_validate_only(true);
  const uint64_t index = server_->executor().committed()->index();
  EXPECT_EQ(StateOf(Call(pay)), "paid");
  provider_.Stop();
  EXPECT_EQ(ReasonOf(Call(pay).status()), v1::GUARD_UNANSWERED);
  EXPECT_EQ(server_->executor().committed()->index(), index);
}

TEST_F(GuardResolverTest, AProposalMayAskManyTimesButNotMore) {
  std::vector<v1::SubmitRequest> checks(kGuardQuestionsMax, SendTo("p", "check"));
  const Answer answer = Call(Joined(checks));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(LastRecord().guard_outcomes_size(), kGuardQuestionsMax);
  EXPECT_EQ(Payment().context.Find("count")->as_number(), kGuardQuestionsMax);
  checks.push_back(SendTo("p", "check"));
  EXPECT_EQ(ReasonOf(Call(Joined(checks)).status()), v1::LIMIT_REACHED);
  // One "no" refuses them all.
  std::atomic<int> asked{0};
  provider_.Handle([&](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    response->set_allowed(++asked < 3);
    return grpc::Status::OK;
  });
  const absl::Status denied = Call(Joined({checks[0], checks[0], checks[0], checks[0]})).status();
  v1::Denial denial;
  ASSERT_TRUE(GetDetail(denied, &denial)) << denied;
  EXPECT_EQ(denial.transition(), 2u);
}

TEST_F(GuardResolverTest, AnInstanceOfTheSameProposalIsShownAsItWouldBe) {
  v1::SubmitRequest request = Joined({CreatePayment("new"), SendTo("new", "pay")});
  ASSERT_TRUE(guards_->MayAsk(request));
  ASSERT_TRUE(Call(request).ok());
  EXPECT_EQ(provider_.asked()[0].instance().configuration(1), "open");
  EXPECT_EQ(LastRecord().guard_outcomes(0).transition(), 1u);
  EXPECT_EQ(LastRecord().guard_outcomes(0).observed_version(), 0u);
}

TEST_F(GuardResolverTest, ReplayNeedsNoProvider) {
  ASSERT_TRUE(Call(SendTo("p", "check")).ok());
  ASSERT_TRUE(Call(SendTo("p", "pay")).ok());
  const Digest hash = server_->executor().committed()->hash();
  Disconnect();
  provider_.Stop();
  EXPECT_EQ(ReplayAll(log_).hash(), hash);
}

TEST_F(GuardResolverTest, OnlyWhatMayNeedAProviderIsHeldForOne) {
  const v1::SubmitRequest counter = SendTo("c", "inc");
  const v1::SubmitRequest payment = SendTo("p", "touch");
  EXPECT_TRUE(guards_->MayAsk(payment));
  EXPECT_FALSE(guards_->MayAsk(counter));
  EXPECT_TRUE(guards_->MayAsk(Joined({counter, payment})));
  EXPECT_TRUE(guards_->MayAsk(SendTo("nobody", "inc"))) << "may be there by then";
  EXPECT_FALSE(guards_->MayAsk(CreatePayment("q"))) << "no event";
  EXPECT_TRUE(guards_->MayAsk(counter, {0, 1})) << "it may be another one by then";
  EXPECT_TRUE(guards_->MayAsk(counter, {1, 0}));

  const auto elsewhere = [](v1::SubmitRequest request) {
    request.set_namespace_("elsewhere");
    return request;
  };
  EXPECT_FALSE(guards_->MayAsk(elsewhere(SendTo("nobody", "inc"))));
  EXPECT_FALSE(guards_->MayAsk(elsewhere(counter), {0, 1}));
  EXPECT_TRUE(guards_->MayAsk(elsewhere(Joined({RegisterPayment(), counter}))));
  EXPECT_FALSE(guards_->MayAsk(elsewhere(Joined({RegisterCounter(), counter}))));
  EXPECT_EQ(GuardChangesOf(RegisterPayment()).registrations, 1u);
  EXPECT_EQ(GuardChangesOf(RegisterCounter()).registrations, 0u);
}

TEST_F(GuardResolverTest, WhatWasNotAskedForAndShouldHaveBeenIsAborted) {
  const Answer unanswered = server_->Call(SendTo("p", "pay"));
  ASSERT_EQ(ReasonOf(unanswered.status()), v1::GUARD_UNANSWERED);
  const Answer moved = MovedIfUnanswered(unanswered);
  EXPECT_EQ(moved.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(moved.status()), v1::GUARD_INSTANCE_MOVED);
  EXPECT_EQ(ReasonOf(MovedIfUnanswered(Call(SendTo("p", "nothing"))).status()),
            v1::EVENT_NOT_ENABLED);
  EXPECT_TRUE(MovedIfUnanswered(Call(SendTo("p", "touch"))).ok());
}

}  // namespace
}  // namespace swoosh
