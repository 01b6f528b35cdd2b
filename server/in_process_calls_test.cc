#include "server/in_process_calls.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/client_for_test.h"
#include "server/grpc_server_for_test.h"
#include "server/status_conversion.h"

namespace swoosh {
namespace {

constexpr char kSubmit[] = "/swoosh.v1.Orchestrator/Submit";
constexpr char kGetState[] = "/swoosh.v1.Orchestrator/GetState";
constexpr char kWatch[] = "/swoosh.v1.Orchestrator/Watch";
constexpr absl::Duration kPatience = absl::Seconds(30);

class InProcessCallsTest : public GrpcServerFixture {
 protected:
  template <typename Response>
  absl::Status Call(const char* method, const google::protobuf::Message& request,
                    Response* response, absl::Duration timeout = kPatience) {
    return FromGrpcStatus(server_->in_process()->Call(method, {}, request, timeout, response));
  }
  absl::Status Submit(const v1::SubmitRequest& request) {
    v1::SubmitResponse response;
    return Call(kSubmit, request, &response);
  }
};

TEST_F(InProcessCallsTest, ItIsToldWhatAClientIsTold) {
  v1::StateSummary state;
  EXPECT_EQ(ReasonOf(Call(kGetState, v1::GetStateRequest(), &state)), v1::RECOVERING);
  InProcessStream refused(server_->in_process(), kWatch, {}, v1::WatchRequest());
  v1::WatchResponse response;
  EXPECT_EQ(refused.Next(kPatience, &response), InProcessStream::Event::kEnd);
  EXPECT_EQ(ReasonOf(FromGrpcStatus(refused.status())), v1::RECOVERING);
  serving_.Begin(&backend_);
  EXPECT_TRUE(Call(kGetState, v1::GetStateRequest(), &state).ok());
  serving_.Drain();
  EXPECT_EQ(ReasonOf(Call(kGetState, v1::GetStateRequest(), &state)), v1::DRAINING);
}

TEST_F(InProcessCallsTest, CallsMayComeAtAnyMomentOfAShutdown) {
  serving_.Begin(&backend_);
  std::atomic<bool> shut_down{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      bool last = false;
      while (!last) {
        last = shut_down;
        v1::StateSummary state;
        const absl::Status status = Call(kGetState, v1::GetStateRequest(), &state);
        EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
        InProcessStream watch(server_->in_process(), kWatch, {}, v1::WatchRequest());
        v1::WatchResponse response;
        watch.Next(kPatience, &response);
        answered += status.ok();
      }
    });
  }
  while (answered < 100) absl::SleepFor(absl::Milliseconds(1));
  server_->Shutdown(absl::ZeroDuration());
  shut_down = true;
  for (std::thread& client : clients) client.join();
  v1::StateSummary state;
  EXPECT_EQ(ReasonOf(Call(kGetState, v1::GetStateRequest(), &state)), v1::DRAINING);
}

TEST_F(InProcessCallsTest, AnAnswerLargerThanARequestMayBeComes) {
  serving_.Begin(&backend_);
  ASSERT_TRUE(Submit(Register(Door())).ok());
  v1::SubmitRequest create = CreateDoor("d");
  auto* fields = create.mutable_transitions(0)->mutable_create_instance()->mutable_context();
  (*fields->mutable_fields())["note"].set_string_value(std::string(60'000, 'x'));
  ASSERT_TRUE(Submit(create).ok());
  v1::SubmitRequest request;
  request.set_view(v1::VIEW_CONTEXT);
  for (int i = 0; i < 100; ++i) {
    *request.add_transitions() = Send("d", i % 2 == 0 ? "open" : "close").transitions(0);
  }
  v1::SubmitResponse response;
  const absl::Status status = Call(kSubmit, request, &response);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_GT(response.ByteSizeLong(), static_cast<size_t>(kRequestBytesMax));
}

TEST_F(InProcessCallsTest, ARequestIsBoundedAsThatOfAClient) {
  serving_.Begin(&backend_);
  v1::SubmitRequest request = CreateDoor(std::string(kRequestBytesMax, 'x'));
  EXPECT_EQ(Submit(request).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(InProcessCallsTest, ACallThatTakesTooLongIsGivenUp) {
  serving_.Begin(&backend_);
  ASSERT_TRUE(Submit(Register(Door())).ok());
  log_.Close();
  v1::SubmitResponse response;
  EXPECT_EQ(Call(kSubmit, CreateDoor("a"), &response, absl::Milliseconds(50)).code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(InProcessCallsTest, AWatchCarriesWhatHappensAndSaysWhenNothingDoes) {
  serving_.Begin(&backend_);
  ASSERT_TRUE(Submit(Register(Door())).ok());
  v1::WatchRequest request;
  request.set_from_index(2);
  InProcessStream watch(server_->in_process(), kWatch, {}, request);
  ASSERT_TRUE(Submit(CreateDoor("a")).ok());
  v1::WatchResponse response;
  while (watch.Next(kPatience, &response) == InProcessStream::Event::kMessage &&
         response.changes().empty()) {
  }
  ASSERT_EQ(response.changes_size(), 1);
  EXPECT_EQ(response.changes(0).instance_id(), "a");
  // Bookmarks come all the time, but none within a moment of the last message.
  while (watch.Next(absl::ZeroDuration(), &response) != InProcessStream::Event::kTimeout) {
  }
  streams_.EndAll(DrainingError());
  while (watch.Next(kPatience, &response) == InProcessStream::Event::kMessage) {
  }
  EXPECT_EQ(ReasonOf(FromGrpcStatus(watch.status())), v1::DRAINING);
  EXPECT_EQ(watch.Next(kPatience, &response), InProcessStream::Event::kEnd) << "for good";
}

TEST_F(InProcessCallsTest, AWatchThatIsLeftLeavesNothingBehind) {
  serving_.Begin(&backend_);
  for (const bool reads : {false, true}) {
    {
      InProcessStream watch(server_->in_process(), kWatch, {}, v1::WatchRequest());
      v1::WatchResponse response;
      ASSERT_EQ(watch.Next(kPatience, &response), InProcessStream::Event::kMessage);
      EXPECT_EQ(streams_.size(), 1u);
      if (reads) watch.Next(absl::ZeroDuration(), &response);
    }
    const absl::Time deadline = absl::Now() + kPatience;
    while (streams_.size() > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(2));
    EXPECT_EQ(streams_.size(), 0u);
    EXPECT_EQ(under_test_.feed().watcher_count(), 0u);
  }
}

}  // namespace
}  // namespace swoosh
