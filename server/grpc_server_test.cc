// The gRPC server in this process, on a log that the tests hold back and fail.
#include "server/grpc_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/client_for_test.h"
#include "server/grpc_server_for_test.h"
#include "server/submit_stream_reactor.h"

namespace swoosh {
namespace {

using SubmitStream = grpc::ClientReaderWriter<v1::SubmitRequest, v1::SubmitResponse>;

class GrpcServerTest : public GrpcServerFixture {
 protected:
  void SetUp() override {
    GrpcServerFixture::SetUp();
    ASSERT_FALSE(HasFatalFailure());
    client_ = std::make_unique<Client>(absl::StrCat("127.0.0.1:", server_->port()));
  }

  // Begins, with the machine "door".
  void BeginWithDoors() {
    Begin();
    ASSERT_TRUE(client_->Submit(Register(Door())).ok());
  }
  void Await(const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (!condition()) {
      ASSERT_LT(absl::Now(), deadline) << "it does not come true";
      absl::SleepFor(absl::Milliseconds(2));
    }
  }

  std::unique_ptr<Client> client_;
};

TEST_F(GrpcServerTest, UntilItHasRecoveredItSaysSo) {
  for (const char* service : {"", "swoosh.v1.Orchestrator", "swoosh.v1.Admin"}) {
    EXPECT_EQ(client_->Health(service), kHealthNotServing) << service;
  }
  EXPECT_EQ(ReasonOf(client_->Submit(CreateDoor("a")).status()), v1::RECOVERING);
  EXPECT_EQ(ReasonOf(client_->Get("a").status()), v1::RECOVERING);
  EXPECT_EQ(
      ReasonOf(Client::Call(v1::GetStatusRequest(), &v1::Admin::Stub::GetStatus, &client_->admin())
                   .status()),
      v1::RECOVERING);
  grpc::ClientContext watch_context;
  v1::WatchResponse response;
  const auto watch = client_->orchestrator().Watch(&watch_context, v1::WatchRequest());
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(ReasonOf(FromGrpcStatus(watch->Finish())), v1::RECOVERING);
  grpc::ClientContext stream_context;
  v1::SubmitResponse answer;
  const auto stream = client_->orchestrator().SubmitStream(&stream_context);
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(ReasonOf(FromGrpcStatus(stream->Finish())), v1::RECOVERING);

  Begin();
  EXPECT_EQ(client_->Health(""), kHealthServing);
  EXPECT_EQ(client_->State().index(), 0u);
}

// Writes `count` proposals, then no more, and reads all answers, which must come in order.
void RunStream(v1::Orchestrator::Stub* stub, const std::string& name, int count) {
  grpc::ClientContext context;
  const auto stream = stub->SubmitStream(&context);
  std::thread writer([&] {
    for (int i = 0; i < count; ++i) {
      const std::string id = absl::StrCat(name, "-", i);
      EXPECT_TRUE(stream->Write(WithId(CreateDoor(id), id)));
    }
    stream->WritesDone();
  });
  v1::SubmitResponse response;
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.request_id(), absl::StrCat(name, "-", i));
    EXPECT_FALSE(response.has_status()) << response.status().message();
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  writer.join();
}

TEST_F(GrpcServerTest, AFullQueueRefusesUnaryCallsAndHoldsStreamsBack) {
  BeginWithDoors();
  log_.Close();
  std::vector<std::thread> streams;
  for (int i = 0; i < 6; ++i) {
    streams.emplace_back([this, i] {
      RunStream(&client_->orchestrator(), absl::StrCat("s", i), kStreamRequestsMax + 200);
    });
  }
  Await([this] { return executor_.waiting() >= kProposalsWaitingMax; });
  const absl::Status full = client_->Submit(CreateDoor("unary")).status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(full), v1::QUEUE_FULL);
  EXPECT_EQ(client_->State().index(), 1u) << "reads go on";
  log_.Open();
  for (std::thread& stream : streams) stream.join();
  EXPECT_EQ(client_->State().instance_count(), 6 * (kStreamRequestsMax + 200));
}

TEST_F(GrpcServerTest, AStreamHasABoundedNumberOfRequestsInFlight) {
  BeginWithDoors();
  log_.Close();
  std::thread stream([this] { RunStream(&client_->orchestrator(), "s", 3'000); });
  Await([this] { return executor_.waiting() >= kStreamRequestsMax; });
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(executor_.waiting(), kStreamRequestsMax);
  log_.Open();
  stream.join();
}

TEST_F(GrpcServerTest, ADrainAnswersWhatAStreamHadRead) {
  BeginWithDoors();
  grpc::ClientContext context;
  const auto stream = client_->orchestrator().SubmitStream(&context);
  log_.Close();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(stream->Write(CreateDoor(absl::StrCat("d", i))));
  Await([this] { return executor_.waiting() == 10; });
  serving_.Drain();
  streams_.EndAll(DrainingError());
  EXPECT_EQ(ReasonOf(client_->Submit(CreateDoor("late")).status()), v1::DRAINING);
  log_.Open();
  v1::SubmitResponse response;
  for (uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.index(), i + 2);
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(ReasonOf(FromGrpcStatus(stream->Finish())), v1::DRAINING);
}

TEST_F(GrpcServerTest, AfterAFailedWriteTheOutcomeIsUnknownAndNothingMoreIsTaken) {
  BeginWithDoors();
  log_.FailAfter(0, absl::UnavailableError("sync: EIO"));
  const absl::Status unknown = client_->Submit(CreateDoor("a")).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(unknown), v1::OUTCOME_UNKNOWN);
  EXPECT_EQ(ReasonOf(client_->Submit(CreateDoor("b")).status()), v1::FENCED);
  grpc::ClientContext context;
  const auto stream = client_->orchestrator().SubmitStream(&context);
  ASSERT_TRUE(stream->Write(CreateDoor("c")));
  v1::SubmitResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(ReasonOf(FromRpcStatus(response.status())), v1::FENCED);
  EXPECT_EQ(client_->State().index(), 1u) << "reads go on";
  context.TryCancel();
}

TEST_F(GrpcServerTest, AClientThatGoesAwayLeavesNothingBehind) {
  BeginWithDoors();
  log_.Close();
  {
    grpc::ClientContext stream_context;
    const auto stream = client_->orchestrator().SubmitStream(&stream_context);
    for (int i = 0; i < 100; ++i) stream->Write(CreateDoor(absl::StrCat("d", i)));
    Await([this] { return executor_.waiting() == 100; });
    grpc::ClientContext watch_context;
    const auto watch = client_->orchestrator().Watch(&watch_context, v1::WatchRequest());
    watch->WaitForInitialMetadata();
    EXPECT_EQ(streams_.size(), 2u);
    EXPECT_EQ(under_test_.feed().watcher_count(), 1u);
    stream_context.TryCancel();
    watch_context.TryCancel();
  }
  log_.Open();
  Await([this] { return streams_.size() == 0; });
  EXPECT_EQ(under_test_.feed().watcher_count(), 0u);
  // What was read is carried out all the same.
  EXPECT_EQ(client_->State().instance_count(), 100u);
}

TEST_F(GrpcServerTest, AWatchWhoseReaderStallsHoldsNobodyUpAndMissesNothing) {
  constexpr uint64_t kEvents = 1'500;
  BeginWithDoors();
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_from_index(1);
  const auto watch = client_->orchestrator().Watch(&context, request);
  watch->WaitForInitialMetadata();
  v1::SubmitRequest create = CreateDoor("d");
  auto* fields = create.mutable_transitions(0)->mutable_create_instance()->mutable_context();
  (*fields->mutable_fields())["note"].set_string_value(std::string(2'000, 'x'));
  (*fields->mutable_fields())["limit"].set_number_value(kEvents);
  ASSERT_TRUE(client_->Submit(create).ok());
  // More than fits between the two.
  for (uint64_t i = 0; i < kEvents; ++i) {
    const auto response = client_->Submit(Send("d", i % 2 == 0 ? "open" : "close"));
    ASSERT_TRUE(response.ok()) << response.status();
  }
  v1::WatchResponse response;
  uint64_t expected = 2;
  while (expected < kEvents + 3 && watch->Read(&response)) {
    if (response.changes_size() == 0) continue;
    ASSERT_EQ(response.index(), expected++);
  }
  EXPECT_EQ(expected, kEvents + 3);
  context.TryCancel();
}

TEST_F(GrpcServerTest, ABatchedWatchGivesTheSameResponsesInFewerMessages) {
  constexpr uint64_t kEvents = 300;
  BeginWithDoors();
  v1::SubmitRequest create = CreateDoor("d");
  auto* fields = create.mutable_transitions(0)->mutable_create_instance()->mutable_context();
  (*fields->mutable_fields())["limit"].set_number_value(kEvents);
  ASSERT_TRUE(client_->Submit(create).ok());
  for (uint64_t i = 0; i < kEvents; ++i) {
    ASSERT_TRUE(client_->Submit(Send("d", i % 2 == 0 ? "open" : "close")).ok());
  }
  using Seen = std::vector<std::pair<uint64_t, double>>;  // an index, and the context's count there
  Seen one_by_one;
  Seen batched;
  for (Seen* responses : {&one_by_one, &batched}) {
    grpc::ClientContext context;
    v1::WatchRequest request;
    request.set_from_index(2);
    request.set_batched(responses == &batched);
    const auto watch = client_->orchestrator().Watch(&context, request);
    const auto take = [responses](const v1::WatchResponse& response) {
      EXPECT_EQ(response.following_size(), 0);
      if (response.changes_size() == 0) return;
      const auto& values = response.changes(0).context().fields();
      const auto count = values.find("count");
      responses->emplace_back(response.index(),
                              count == values.end() ? -1 : count->second.number_value());
    };
    size_t messages = 0;
    v1::WatchResponse message;
    while (responses->size() < kEvents + 1 && watch->Read(&message)) {
      const auto following = std::move(*message.mutable_following());
      message.clear_following();
      take(message);
      for (const v1::WatchResponse& response : following) take(response);
      ++messages;
    }
    if (responses == &batched) {
      EXPECT_LE(messages, kEvents / 10);
    }
    context.TryCancel();
  }
  EXPECT_EQ(batched, one_by_one);
}

TEST_F(GrpcServerTest, ManyWatchesSeeTheSame) {
  constexpr int kWatches = 50;
  constexpr uint64_t kEvents = 40;
  BeginWithDoors();
  ASSERT_TRUE(client_->Submit(CreateDoor("d")).ok());
  std::atomic<int> complete{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kWatches; ++i) {
    readers.emplace_back([&] {
      grpc::ClientContext context;
      v1::WatchRequest request;
      request.set_from_index(2);
      const auto watch = client_->orchestrator().Watch(&context, request);
      v1::WatchResponse response;
      uint64_t expected = 2;
      while (expected < kEvents + 3 && watch->Read(&response)) {
        if (response.changes_size() == 0) continue;
        EXPECT_EQ(response.index(), expected++);
        EXPECT_EQ(response.changes(0).instance_id(), "d");
      }
      complete += expected == kEvents + 3;
      context.TryCancel();
    });
  }
  for (uint64_t i = 0; i < kEvents; ++i) {
    ASSERT_TRUE(client_->Submit(Send("d", i % 2 == 0 ? "open" : "close")).ok());
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(complete, kWatches);
}

// A client's end of HTTP/2 that reads nothing beyond the server's first bytes.
class SilentConnection {
 public:
  explicit SilentConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    // The preface, and SETTINGS without any.
    constexpr char kHello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    EXPECT_EQ(write(socket_, kHello, sizeof(kHello) - 1), static_cast<ssize_t>(sizeof(kHello) - 1));
    char byte = 0;
    EXPECT_EQ(read(socket_, &byte, 1), 1);
  }
  ~SilentConnection() { close(socket_); }
  SilentConnection(const SilentConnection&) = delete;
  SilentConnection& operator=(const SilentConnection&) = delete;

 private:
  const int socket_;
};

// Longer than the test may take.
constexpr absl::Duration kNoEnd = absl::Hours(1);

TEST_F(GrpcServerTest, AShutdownWaitsForNoConnectionWithoutACall) {
  const SilentConnection silent(server_->port());
  BeginWithDoors();
  serving_.Drain();
  server_->Shutdown(kNoEnd);
  server_.reset();
}

TEST_F(GrpcServerTest, AShutdownWaitsForTheCallsUnderWay) {
  BeginWithDoors();
  log_.Close();
  absl::Status submitted = absl::UnknownError("not answered");
  std::thread client([&] { submitted = client_->Submit(CreateDoor("a")).status(); });
  Await([this] { return executor_.waiting() > 0; });
  serving_.Drain();
  std::thread opener([this] {
    absl::SleepFor(absl::Milliseconds(50));
    log_.Open();
  });
  server_->Shutdown(kNoEnd);
  server_.reset();
  client.join();
  opener.join();
  EXPECT_TRUE(submitted.ok()) << submitted;
}

class GrpcServerIdleTest : public GrpcServerTest {
 protected:
  GrpcServerIdleTest() { ages_.idle_max = absl::Milliseconds(100); }
};

TEST_F(GrpcServerIdleTest, AConnectionWithoutACallIsToldToGo) {
  BeginWithDoors();
  Await([this] { return client_->connectivity() == GRPC_CHANNEL_IDLE; });
  EXPECT_TRUE(client_->Submit(CreateDoor("a")).ok());
}

class GrpcServerAgeTest : public GrpcServerTest {
 protected:
  GrpcServerAgeTest() {
    ages_.age_max = absl::Milliseconds(200);
    ages_.age_grace = absl::Milliseconds(100);
  }
};

TEST_F(GrpcServerAgeTest, AnOldConnectionIsToldToGoAndItsStreamEndsAfterTheGrace) {
  Begin();
  grpc::ClientContext context;
  v1::WatchResponse response;
  const auto watch = client_->orchestrator().Watch(&context, v1::WatchRequest());
  while (watch->Read(&response)) EXPECT_EQ(response.changes_size(), 0);
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(client_->State().index(), 0u);
}

}  // namespace
}  // namespace swoosh
