#include "cli/client.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/rpc_status.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "swoosh/v1/admin.grpc.pb.h"
#include "swoosh/v1/orchestrator.grpc.pb.h"

namespace swoosh {
namespace {

// A server that comes back is found soon: gRPC's own pauses grow to two minutes.
constexpr int kReconnectPauseMinMs = 50;
constexpr int kReconnectPauseMaxMs = 1'000;

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status message;
  if (!status.error_details().empty() && message.ParseFromString(status.error_details()) &&
      message.code() == static_cast<int>(status.error_code())) {
    return FromRpcStatus(message);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::chrono::system_clock::time_point DeadlineAfter(absl::Duration timeout) {
  return absl::ToChronoTime(absl::Now() + timeout);
}

// A call says by itself who makes it: gRPC's call credentials are for TLS only.
class CallContext : public grpc::ClientContext {
 public:
  explicit CallContext(const std::string& token) {
    if (!token.empty()) AddMetadata("authorization", absl::StrCat("Bearer ", token));
  }
};

std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(const ClientSecurity& security) {
  if (!security.tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = security.ca_pem;
  options.pem_cert_chain = security.certificate_pem;
  options.pem_private_key = security.key_pem;
  return grpc::SslCredentials(options);
}

class GrpcSubmitCall : public SubmitCall {
 public:
  GrpcSubmitCall(v1::Orchestrator::Stub* stub, const std::string& token)
      : context_(token), stream_(stub->SubmitStream(&context_)) {}
  ~GrpcSubmitCall() override {
    if (finished_) return;
    context_.TryCancel();
    stream_->Finish();
  }

  bool Write(const v1::SubmitRequest& request) override { return stream_->Write(request); }
  void WritesDone() override { stream_->WritesDone(); }
  bool Read(v1::SubmitResponse* response) override { return stream_->Read(response); }
  void Cancel() override { context_.TryCancel(); }
  absl::Status Finish() override {
    finished_ = true;
    return FromGrpcStatus(stream_->Finish());
  }

 private:
  CallContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SubmitRequest, v1::SubmitResponse>> stream_;
  bool finished_ = false;
};

// Over a completion queue, since the blocking interface can't wait for a response with a timeout.
class GrpcWatchCall : public WatchCall {
 public:
  GrpcWatchCall(v1::Orchestrator::Stub* stub, const v1::WatchRequest& request,
                const std::string& token)
      : context_(token), reader_(stub->PrepareAsyncWatch(&context_, request, &queue_)) {
    reader_->StartCall(Tag(kStart));
  }

  ~GrpcWatchCall() override {
    context_.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::StatusOr<v1::WatchResponse> Read(absl::Duration timeout) override {
    const auto deadline = DeadlineAfter(timeout);
    if (!started_) {
      const absl::StatusOr<bool> ok = Await(deadline);
      if (!ok.ok()) return ok.status();
      if (!*ok) return End(deadline);
      started_ = true;
    }
    // A pending read writes to where it was told to: to what outlives this call.
    reader_->Read(&response_, Tag(kRead));
    const absl::StatusOr<bool> ok = Await(deadline);
    if (!ok.ok()) return ok.status();
    if (!*ok) return End(deadline);
    return std::move(response_);
  }

 private:
  enum Operation : uintptr_t { kStart = 1, kRead, kFinish };
  static void* Tag(Operation operation) {
    return reinterpret_cast<void*>(static_cast<uintptr_t>(operation));
  }

  absl::StatusOr<bool> Await(std::chrono::system_clock::time_point deadline) {
    void* tag = nullptr;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) {
      return absl::DeadlineExceededError("the server was silent for too long");
    }
    return ok;
  }

  absl::Status End(std::chrono::system_clock::time_point deadline) {
    reader_->Finish(&status_, Tag(kFinish));
    const absl::StatusOr<bool> ok = Await(deadline);
    if (!ok.ok()) return ok.status();
    if (status_.ok()) return absl::UnavailableError("the server ended the watch");
    return FromGrpcStatus(status_);
  }

  CallContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReader<v1::WatchResponse>> reader_;
  v1::WatchResponse response_;
  grpc::Status status_;
  bool started_ = false;
};

class GrpcBackupCall : public BackupCall {
 public:
  GrpcBackupCall(v1::Admin::Stub* stub, const v1::BackupRequest& request, const std::string& token)
      : context_(token), reader_(stub->Backup(&context_, request)) {}
  ~GrpcBackupCall() override {
    if (finished_) return;
    context_.TryCancel();
    reader_->Finish();
  }

  bool Read(std::string* bytes) override {
    v1::BackupChunk chunk;
    if (!reader_->Read(&chunk)) return false;
    *bytes = std::move(*chunk.mutable_data());
    return true;
  }
  absl::Status Finish() override {
    finished_ = true;
    return FromGrpcStatus(reader_->Finish());
  }

 private:
  CallContext context_;
  std::unique_ptr<grpc::ClientReader<v1::BackupChunk>> reader_;
  bool finished_ = false;
};

class GrpcClient : public Client {
 public:
  GrpcClient(const std::string& address, absl::Duration timeout, const ClientSecurity& security)
      : address_(address), timeout_(timeout), token_(security.token) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);  // A page of instances can exceed the default of 4 MiB.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectPauseMinMs);
    // MIN_RECONNECT_BACKOFF is left alone: in spite of its name it bounds a connection attempt.
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectPauseMaxMs);
    // Each client has a connection of its own, also beside others to the same server.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // What is sent again, and in which order, is decided by who calls.
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    channel_ = grpc::CreateCustomChannel(address, CredentialsFor(security), arguments);
    orchestrator_ = v1::Orchestrator::NewStub(channel_);
    admin_ = v1::Admin::NewStub(channel_);
  }

  absl::Status WaitForConnection(absl::Duration timeout) override {
    if (channel_->WaitForConnected(DeadlineAfter(timeout))) return absl::OkStatus();
    return Unreachable("nobody answered in time");
  }

  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request) override {
    return Call<v1::SubmitResponse>(*orchestrator_, &v1::Orchestrator::Stub::Submit, request);
  }
  void SubmitLater(const v1::SubmitRequest& request, SubmitDone done) override {
    struct Pending {
      explicit Pending(const std::string& token) : context(token) {}
      CallContext context;
      v1::SubmitResponse response;
      SubmitDone done;
    };
    auto pending = std::make_shared<Pending>(token_);
    pending->context.set_deadline(DeadlineAfter(timeout_));
    pending->done = std::move(done);
    Pending* const call = pending.get();
    orchestrator_->async()->Submit(
        &call->context, &request, &call->response,
        [this, pending = std::move(pending)](const grpc::Status& status) mutable {
          const SubmitDone tell = std::move(pending->done);
          absl::StatusOr<v1::SubmitResponse> answer = ToAnswer(status, &pending->response);
          // Before whoever waits for the answer destroys this client: the last one that holds the
          // channel waits for gRPC's threads, which none of them may do itself.
          pending.reset();
          tell(std::move(answer));
        });
  }
  std::unique_ptr<SubmitCall> SubmitStream() override {
    return std::make_unique<GrpcSubmitCall>(orchestrator_.get(), token_);
  }
  absl::StatusOr<v1::Instance> GetInstance(const v1::GetInstanceRequest& request) override {
    return Call<v1::Instance>(*orchestrator_, &v1::Orchestrator::Stub::GetInstance, request);
  }
  absl::StatusOr<v1::ListInstancesResponse> ListInstances(
      const v1::ListInstancesRequest& request) override {
    return Call<v1::ListInstancesResponse>(*orchestrator_, &v1::Orchestrator::Stub::ListInstances,
                                           request);
  }
  absl::StatusOr<v1::Machine> GetMachine(const v1::GetMachineRequest& request) override {
    return Call<v1::Machine>(*orchestrator_, &v1::Orchestrator::Stub::GetMachine, request);
  }
  absl::StatusOr<v1::ListMachinesResponse> ListMachines(
      const v1::ListMachinesRequest& request) override {
    return Call<v1::ListMachinesResponse>(*orchestrator_, &v1::Orchestrator::Stub::ListMachines,
                                          request);
  }
  absl::StatusOr<v1::StateSummary> GetState(const v1::GetStateRequest& request) override {
    return Call<v1::StateSummary>(*orchestrator_, &v1::Orchestrator::Stub::GetState, request);
  }
  absl::StatusOr<v1::ListRecordsResponse> ListRecords(
      const v1::ListRecordsRequest& request) override {
    return Call<v1::ListRecordsResponse>(*orchestrator_, &v1::Orchestrator::Stub::ListRecords,
                                         request);
  }
  std::unique_ptr<WatchCall> Watch(const v1::WatchRequest& request) override {
    return std::make_unique<GrpcWatchCall>(orchestrator_.get(), request, token_);
  }

  absl::StatusOr<v1::ServerStatus> GetStatus(const v1::GetStatusRequest& request) override {
    return Call<v1::ServerStatus>(*admin_, &v1::Admin::Stub::GetStatus, request);
  }
  absl::StatusOr<v1::TakeSnapshotResponse> TakeSnapshot(
      const v1::TakeSnapshotRequest& request) override {
    return Call<v1::TakeSnapshotResponse>(*admin_, &v1::Admin::Stub::TakeSnapshot, request);
  }
  absl::StatusOr<v1::TrimLogResponse> TrimLog(const v1::TrimLogRequest& request) override {
    return Call<v1::TrimLogResponse>(*admin_, &v1::Admin::Stub::TrimLog, request);
  }
  absl::StatusOr<v1::VerifyResponse> Verify(const v1::VerifyRequest& request) override {
    return Call<v1::VerifyResponse>(*admin_, &v1::Admin::Stub::Verify, request);
  }
  std::unique_ptr<BackupCall> Backup(const v1::BackupRequest& request) override {
    return std::make_unique<GrpcBackupCall>(admin_.get(), request, token_);
  }

 private:
  absl::Status Unreachable(const std::string& reason) const {
    return absl::UnavailableError(absl::StrCat("can't reach a server at ", address_, ": ", reason));
  }

  template <typename Response, typename Stub, typename Method, typename Request>
  absl::StatusOr<Response> Call(Stub& stub, Method method, const Request& request) {
    CallContext context(token_);
    context.set_deadline(DeadlineAfter(timeout_));
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    return ToAnswer(status, &response);
  }

  template <typename Response>
  absl::StatusOr<Response> ToAnswer(const grpc::Status& status, Response* response) const {
    if (status.ok()) return std::move(*response);
    // gRPC tells of the connection in its own words, and sends no details.
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty()) {
      return Unreachable(status.error_message());
    }
    return FromGrpcStatus(status);
  }

  const std::string address_;
  const absl::Duration timeout_;
  const std::string token_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Orchestrator::Stub> orchestrator_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace

std::unique_ptr<Client> NewClient(const std::string& address, absl::Duration timeout,
                                  const ClientSecurity& security) {
  // gRPC's own lines on stderr would stand between ours; errors are told by status.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  return std::make_unique<GrpcClient>(address, timeout, security);
}

}  // namespace swoosh
