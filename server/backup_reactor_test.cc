#include "server/backup_reactor.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/active_streams.h"
#include "server/backups_for_test.h"
#include "server/grant.h"
#include "server/metrics.h"
#include "server/monotonic_time.h"
#include "server/status_conversion.h"
#include "server/worker_pool.h"
#include "swoosh/v1/access.pb.h"
#include "swoosh/v1/admin.grpc.pb.h"

namespace swoosh {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);
constexpr absl::Duration kPollInterval = absl::Milliseconds(1);
constexpr int kPollsOfATick = 10'000;  // a reactor that was ended is gone long before

// Backup alone, of which the test sees the reactor.
class BackupService final : public v1::Admin::WithRawCallbackMethod_Backup<v1::Admin::Service> {
 public:
  using Make = std::function<BackupReactor*(grpc::CallbackServerContext*)>;
  explicit BackupService(Make make) : make_(std::move(make)) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Backup(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer*) override {
    return make_(context);
  }

 private:
  const Make make_;
};

class BackupReactorTest : public BackupsFixture {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    grpc_server_ = builder.BuildAndStart();
    ASSERT_NE(grpc_server_, nullptr);
    stub_ = v1::Admin::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
    context_.set_deadline(absl::ToChronoTime(absl::Now() + kCallTimeout));
  }
  void TearDown() override {
    grpc_server_->Shutdown(absl::ToChronoTime(absl::Now()));
    AwaitNoStreams();
  }

  std::unique_ptr<grpc::ClientReader<v1::BackupChunk>> Call() {
    return stub_->Backup(&context_, v1::BackupRequest());
  }
  void AwaitNoStreams() {
    while (streams_.size() > 0) absl::SleepFor(kPollInterval);
  }
  void ExpectEnd(const grpc::Status& status, absl::StatusCode code, v1::ErrorReason reason) {
    EXPECT_EQ(static_cast<int>(status.error_code()), static_cast<int>(code))
        << status.error_message();
    EXPECT_EQ(ReasonOf(FromGrpcStatus(status)), reason) << status.error_message();
  }
  // Whether just one call ended, and with this code.
  bool OneEndedWith(absl::string_view code) {
    return absl::StrContains(
        metrics_.Scrape(),
        absl::StrCat("grpc_code=\"", code,
                     "\",grpc_method=\"Backup\",grpc_service=\"swoosh.v1.Admin\",grpc_type="
                     "\"server_stream\"} 1\n"));
  }
  // Sessions that are let go are neither of kBackupsMax any more.
  void ExpectNoSession() {
    AwaitNoStreams();
    auto first = backups_->Begin();
    auto second = backups_->Begin();
    EXPECT_TRUE(first.ok() && second.ok());
  }

  const GrantPtr grant_ = std::make_shared<Grant>(v1::Identity());
  std::function<absl::StatusOr<std::unique_ptr<Backups::Session>>()> begin_ = [this] {
    return backups_->Begin();
  };
  BackupReactor* reactor_ = nullptr;  // the newest
  ActiveStreams streams_{absl::Hours(1)};
  WorkerPool workers_{"backup", 1, 2 * kBackupsMax};
  RpcMetrics rpc_metrics_ = metrics_.ForRpc("server_stream", "swoosh.v1.Admin", "Backup");
  BackupService service_{[this](grpc::CallbackServerContext* context) {
    auto session = begin_();
    return reactor_ = new BackupReactor(std::move(session), grant_, context, &streams_, &workers_,
                                        &rpc_metrics_);
  }};
  std::unique_ptr<grpc::Server> grpc_server_;
  std::unique_ptr<v1::Admin::Stub> stub_;
  grpc::ClientContext context_;
};

TEST_F(BackupReactorTest, SendsAllOfItAndThenItIsDelivered) {
  Send(50, 60'000);
  const auto call = Call();
  BackupReading reading;
  v1::BackupChunk chunk;
  while (call->Read(&chunk)) ASSERT_TRUE(reading.Take(chunk.data()).ok());
  const grpc::Status status = call->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  const absl::StatusOr<BackupContent> content = reading.Finish();
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->records, 52u);
  ExpectNoSession();
  EXPECT_GT(metrics_.last_backup_timestamp_seconds.Value(), 0);
}

TEST_F(BackupReactorTest, WhatKeptASessionFromBeginningIsTheAnswer) {
  begin_ = [] { return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED, "two"); };
  const auto call = Call();
  v1::BackupChunk chunk;
  EXPECT_FALSE(call->Read(&chunk));
  ExpectEnd(call->Finish(), absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED);
}

TEST_F(BackupReactorTest, AnErrorOfTheDiskIsTheAnswer) {
  Send(50, 60'000);
  Open();
  FaultFileSystem::Fault fault;
  fault.only = FaultFileSystem::Call::kRead;
  fault.for_good = true;
  files_.Arm(fault);
  const auto call = Call();
  v1::BackupChunk chunk;
  while (call->Read(&chunk)) {
  }
  ExpectEnd(call->Finish(), absl::StatusCode::kUnavailable, v1::BACKUP_FAILED);
  files_.Disarm();
  ExpectNoSession();
  EXPECT_EQ(metrics_.last_backup_timestamp_seconds.Value(), 0);
}

TEST_F(BackupReactorTest, AClientThatGoesAwayLetsTheLogGo) {
  Send(200, 60'000);  // more than gRPC takes from us for a client that does not read
  const auto call = Call();
  v1::BackupChunk chunk;
  ASSERT_TRUE(call->Read(&chunk));
  context_.TryCancel();
  AwaitNoStreams();
  EXPECT_EQ(metrics_.backup_failures.Value(), 1);
  ExpectNoSession();
}

TEST_F(BackupReactorTest, AClientThatReadsNothingForLongIsGivenUp) {
  Send(200, 60'000);
  const auto call = Call();
  v1::BackupChunk chunk;
  ASSERT_TRUE(call->Read(&chunk));
  reactor_->Tick(MonotonicNow() + kBackupStallMax / 2);
  // It has no effect between two writes, and then comes again.
  while (streams_.size() > 0) {
    reactor_->Tick(MonotonicNow() + 2 * kBackupStallMax);
    for (int i = 0; i < kPollsOfATick && streams_.size() > 0; ++i) absl::SleepFor(kPollInterval);
  }
  EXPECT_TRUE(OneEndedWith("Unavailable")) << metrics_.Scrape();
  EXPECT_EQ(metrics_.backup_failures.Value(), 1);
  ExpectNoSession();
}

TEST_F(BackupReactorTest, WhoMayNotAnyMoreIsCutOff) {
  Send(200, 60'000);
  const auto call = Call();
  v1::BackupChunk chunk;
  ASSERT_TRUE(call->Read(&chunk));
  grant_->Revoke();
  reactor_->Tick(MonotonicNow());
  while (call->Read(&chunk)) {
  }
  ExpectEnd(call->Finish(), absl::StatusCode::kUnavailable, v1::ACCESS_CHANGED);
  ExpectNoSession();
}

TEST_F(BackupReactorTest, AServerThatShutsDownEndsIt) {
  Send(200, 60'000);
  const auto call = Call();
  v1::BackupChunk chunk;
  ASSERT_TRUE(call->Read(&chunk));
  streams_.EndAll(MakeError(absl::StatusCode::kUnavailable, v1::DRAINING, "going down"));
  while (call->Read(&chunk)) {
  }
  ExpectEnd(call->Finish(), absl::StatusCode::kUnavailable, v1::DRAINING);
  ExpectNoSession();
}

}  // namespace
}  // namespace swoosh
