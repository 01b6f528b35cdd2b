#include "server/guard_client.h"

#include <chrono>
#include <utility>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/channel_arguments.h"
#include "server/byte_buffer_conversion.h"
#include "server/log_line.h"
#include "server/monotonic_time.h"

namespace swoosh {
namespace {

constexpr char kMethod[] = "/swoosh.v1.GuardProvider/Evaluate";

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const TlsMaterial* tls) {
  if (tls == nullptr) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({tls->roots_pem, tls->key_pem, tls->certificate_pem});
}

// `tls` is null for one without TLS.
std::shared_ptr<grpc::Channel> LazyChannel(const std::string& address, const TlsMaterial* tls) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(kGuardReconnectMin));
  // How long an attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(kGuardCallTimeout));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(kGuardReconnectMax));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetMaxReceiveMessageSize(kGuardResponseBytesMax);
  return grpc::CreateCustomChannel(address, CredentialsOf(tls), arguments);
}

// gRPC's generated callback API says OK of a response that does not parse, and leaves what it could
// read of it in the message: an edge might be let through by garbage. So the bytes are parsed here.
absl::StatusOr<v1::EvaluateResponse> ReadResponse(const grpc::Status& status,
                                                  const grpc::ByteBuffer& bytes) {
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  v1::EvaluateResponse response;
  if (!bytes.Valid() || !ParseRequest(bytes, &response).ok()) {
    return absl::InternalError("the response is no EvaluateResponse");
  }
  return response;
}

}  // namespace

struct GuardClient::Call {
  std::shared_ptr<grpc::GenericStub> stub;
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  absl::Time begin;
  Done done;
};

GuardClient::GuardClient(std::string address, const TlsSource* tls, Metrics* metrics)
    : address_(std::move(address)), tls_(tls), metrics_(metrics) {}

GuardClient::~GuardClient() {
  CancelAll();
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return calls_.empty(); };
  absl::MutexLock lock(&mutex_, absl::Condition(&idle));
}

std::shared_ptr<grpc::GenericStub> GuardClient::Stub() {
  std::shared_ptr<const TlsMaterial> newest = tls_ == nullptr ? nullptr : tls_->current();
  absl::MutexLock lock(&mutex_);
  if (stub_ == nullptr || material_ != newest) {
    stub_ = std::make_shared<grpc::GenericStub>(LazyChannel(address_, newest.get()));
    material_ = std::move(newest);
  }
  return stub_;
}

void GuardClient::Evaluate(const v1::EvaluateRequest& request, absl::Duration timeout, Done done) {
  auto call = std::make_shared<Call>();
  call->request = Serialise(request);
  call->begin = MonotonicNow();
  call->done = std::move(done);
  call->context.set_deadline(std::chrono::system_clock::now() +
                             absl::ToChronoMicroseconds(timeout));
  {
    absl::MutexLock lock(&mutex_);
    calls_.insert(call);
    if (cancelled_) call->context.TryCancel();  // takes effect as it starts
  }
  call->stub = Stub();
  // gRPC may call back before it returns.
  call->stub->UnaryCall(&call->context, kMethod, grpc::StubOptions(), &call->request,
                        &call->response,
                        [this, call](const grpc::Status& status) { OnFinished(call, status); });
}

void GuardClient::OnFinished(const std::shared_ptr<Call>& call, const grpc::Status& status) {
  bool cancelled;
  {
    absl::MutexLock lock(&mutex_);
    cancelled = cancelled_;
  }
  absl::StatusOr<v1::EvaluateResponse> response = ReadResponse(status, call->response);
  Count(*call, response);
  if (!response.ok() && !cancelled) LogFailure(response.status());
  call->done(std::move(response));
  absl::MutexLock lock(&mutex_);
  calls_.erase(call);
}

void GuardClient::CancelAll() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    calls.assign(calls_.begin(), calls_.end());
  }
  for (const std::shared_ptr<Call>& call : calls) call->context.TryCancel();
}

void GuardClient::Count(const Call& call, const absl::StatusOr<v1::EvaluateResponse>& response) {
  metrics_->guard_seconds.Observe(absl::ToDoubleSeconds(MonotonicNow() - call.begin));
  const auto counter = [&]() -> prometheus::Counter& {
    switch (response.status().code()) {
      case absl::StatusCode::kOk:
        return response->allowed() ? metrics_->guard_calls_allowed : metrics_->guard_calls_denied;
      case absl::StatusCode::kDeadlineExceeded:
        return metrics_->guard_calls_timeout;
      case absl::StatusCode::kUnavailable:
        return metrics_->guard_calls_unavailable;
      case absl::StatusCode::kCancelled:
        return metrics_->guard_calls_cancelled;
      default:
        return metrics_->guard_calls_error;
    }
  };
  counter().Increment();
}

void GuardClient::LogFailure(const absl::Status& status) {
  const absl::Time now = MonotonicNow();
  uint64_t failures = 0;
  {
    absl::MutexLock lock(&mutex_);
    ++failures_unlogged_;
    if (now - logged_ < kGuardFailureLogInterval) return;
    logged_ = now;
    failures = std::exchange(failures_unlogged_, 0);
  }
  LogLine(LogLevel::kWarn, "guard_provider_failed")
      .With("address", address_)
      .With("calls", failures)
      .With("error", status.ToString());
}

}  // namespace swoosh
