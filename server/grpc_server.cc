#include "server/grpc_server.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/channel_arguments.h"
#include "server/admin_service.h"
#include "server/answer_budget.h"
#include "server/call_admission.h"
#include "server/connection_stats.h"
#include "server/listen_sockets.h"
#include "server/log_line.h"
#include "server/monotonic_time.h"
#include "server/orchestrator_service.h"
#include "server/pollers.h"
#include "server/unary_call.h"

namespace swoosh {
namespace {

constexpr const char* kServices[] = {"swoosh.v1.Orchestrator", "swoosh.v1.Admin"};

// What a stream whose client does not read holds of messages that were written with a hint that
// more will follow.
constexpr int kStreamBufferBytesMax = 16'384;

// Threads that give gRPC connections, and how many wait for that.
constexpr int kDoormen = 8;
constexpr size_t kConnectionsHandedOverMax = 65'536;

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void SetLimits(const ConnectionAges& ages, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kRequestBytesMax);
  // gRPC unpacks a message without a bound and looks at its size then, so nothing is unpacked: a
  // packed request is UNIMPLEMENTED.
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // A page or answer may be larger than a request; each is bounded where it is made.
  builder->SetMaxSendMessageSize(-1);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, kStreamBufferBytesMax);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveInterval));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              Milliseconds(kPingIntervalMin));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikesMax);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              Milliseconds(kHandshakeTimeout));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(ages.idle_max));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(ages.age_max));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Milliseconds(ages.age_grace));
  grpc::ResourceQuota quota("swooshd");
  quota.Resize(kGrpcMemoryBytesMax);
  // Reflection alone takes a thread a stream.
  quota.SetMaxThreads(kGrpcThreadsMax);
  builder->SetResourceQuota(quota);
  // What the gate goes by.
  builder->AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 1);
}

}  // namespace

class GrpcServer::Impl {
 public:
  explicit Impl(const Parts& parts)
      : metrics_(parts.metrics),
        connection_limits_(parts.connections),
        ages_(parts.ages),
        admission_(parts.serving, parts.access),
        streams_(parts.streams),
        credentials_(parts.tls != nullptr ? parts.tls->ForServer()
                                          : grpc::InsecureServerCredentials()),
        orchestrator_({&admission_,
                       parts.metrics,
                       parts.streams,
                       parts.readers,
                       parts.watchers,
                       {&calls_, &budget_}}),
        admin_(&admission_, parts.serving->start_time(), parts.metrics, parts.streams,
               parts.backups, {&calls_, &budget_}) {}

  absl::Status Start(const HostPort& address) {
    // Both are settings of the process, and have to precede the builder.
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    SetLimits(ages_, &builder);
    // gRPC's own listener ends for good at the first accept that fails (CVE-2023-4785).
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials_);
    pollers_ = std::make_unique<Pollers>(&builder);
    builder.RegisterService(&orchestrator_);
    builder.RegisterService(&admin_);
    absl::StatusOr<ListenSockets> sockets = ListenSockets::Open(address);
    if (!sockets.ok()) {
      return absl::UnavailableError(absl::StrCat("can't listen on ", address.ToString(),
                                                 " for gRPC: ", sockets.status().message()));
    }
    port_ = sockets->port();
    if (absl::Status status = Build(&builder); !status.ok()) return status;
    pollers_->Start();
    gate_ = std::make_unique<ConnectionGate>(
        *std::move(sockets), connection_limits_, number_, metrics_, [this](int descriptor) {
          if (!doormen_.TryPost([this, descriptor] { HandOver(descriptor); }).ok()) {
            close(descriptor);
          }
        });
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);  // as the server: bounded where it is made
    in_process_.Open(server_->InProcessChannel(arguments));
    SetServing(false);
    return absl::OkStatus();
  }

  int port() const { return port_; }

  InProcessServices* in_process() { return &in_process_; }

  void SetServing(bool serving) {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    health->SetServingStatus("", serving);
    for (const char* service : kServices) health->SetServingStatus(service, serving);
  }

  void Shutdown(absl::Duration grace) {
    in_process_.Close();
    gate_.reset();
    server_->GetHealthCheckService()->Shutdown();
    // gRPC's own grace also waits for connections without a call: a client that reads nothing while
    // it has none, as Python's, never sees that it should go.
    const absl::Time deadline = MonotonicNow() + grace;
    const bool are_done = calls_.AwaitNone(grace) && streams_->AwaitNone(deadline - MonotonicNow());
    if (!are_done) {
      LogLine(LogLevel::kWarn, "calls_cut_off").With("count", calls_.size() + streams_->size());
    }
    server_->Shutdown(absl::ToChronoTime(absl::Now() + std::min(grace, kFarewellTime)));
    server_->Wait();
  }

 private:
  // gRPC then reads from the connection on this thread, as long as its client sends faster.
  void HandOver(int descriptor) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = descriptor;
    acceptor_->HandleNewConnection(&connection);
  }

  absl::Status Build(grpc::ServerBuilder* builder) {
    // One at a time, so that the newest server is this one.
    static absl::Mutex building(absl::kConstInit);
    absl::MutexLock lock(&building);
    server_ = builder->BuildAndStart();
    if (server_ == nullptr) return absl::UnavailableError("can't start gRPC");
    number_ = NewestGrpcServer();
    return absl::OkStatus();
  }

  Metrics* const metrics_;
  const ConnectionLimits connection_limits_;
  const ConnectionAges ages_;
  const CallAdmission admission_;
  ActiveStreams* const streams_;
  AnswerBudget budget_;
  ActiveStreams calls_{kUnaryCallTickInterval};
  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  OrchestratorService orchestrator_;
  AdminService admin_;
  int port_ = 0;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  // End after the server.
  std::unique_ptr<Pollers> pollers_;
  WorkerPool doormen_{"doorman", kDoormen, kConnectionsHandedOverMax};
  std::unique_ptr<grpc::Server> server_;
  intptr_t number_ = 0;  // gRPC's of it
  std::unique_ptr<ConnectionGate> gate_;
  InProcessServices in_process_;
};

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const HostPort& address,
                                                              const Parts& parts) {
  auto impl = std::make_unique<Impl>(parts);
  if (absl::Status status = impl->Start(address); !status.ok()) return status;
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;

int GrpcServer::port() const { return impl_->port(); }
InProcessServices* GrpcServer::in_process() { return impl_->in_process(); }
void GrpcServer::SetServing(bool serving) { impl_->SetServing(serving); }
void GrpcServer::Shutdown(absl::Duration grace) { impl_->Shutdown(grace); }

}  // namespace swoosh
