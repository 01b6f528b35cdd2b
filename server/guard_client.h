#ifndef SWOOSH_SERVER_GUARD_CLIENT_H_
#define SWOOSH_SERVER_GUARD_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/metrics.h"
#include "server/tls_source.h"
#include "swoosh/v1/guard.pb.h"

namespace swoosh {

// How long the provider may take for an answer.
inline constexpr absl::Duration kGuardCallTimeout = absl::Seconds(2);
// How soon a connection that failed is tried again: a provider that is back is used at once.
inline constexpr absl::Duration kGuardReconnectMin = absl::Milliseconds(100);
inline constexpr absl::Duration kGuardReconnectMax = absl::Seconds(1);
inline constexpr int kGuardResponseBytesMax = 65'536;
// Failed calls are logged at most as often; the metrics count each.
inline constexpr absl::Duration kGuardFailureLogInterval = absl::Seconds(10);

// Asks the GuardProvider at one address. Connects when it is first asked, and never through a
// proxy. Nothing blocks. Thread-safe.
class GuardClient {
 public:
  // With the answer, or why there is none, as gRPC says it: kDeadlineExceeded, kUnavailable (nobody
  // there), kCancelled (by CancelAll), kInternal (bytes that are no answer), or whatever error the
  // provider answered. Called once, on a thread of gRPC's or the caller's: must not block.
  using Done = std::function<void(absl::StatusOr<v1::EvaluateResponse>)>;

  // `address` is HOST:PORT. `tls` is null for a connection without TLS; else the provider must have
  // a certificate of its roots for HOST, and when its files change a new connection is made, for
  // the calls that come then. `tls` and `metrics` must outlive this.
  GuardClient(std::string address, const TlsSource* tls, Metrics* metrics);
  // As CancelAll; waits until every `done` has returned.
  ~GuardClient();
  GuardClient(const GuardClient&) = delete;
  GuardClient& operator=(const GuardClient&) = delete;

  const std::string& address() const { return address_; }

  void Evaluate(const v1::EvaluateRequest& request, absl::Duration timeout, Done done)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends all calls, also those that come later.
  void CancelAll() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Call;
  std::shared_ptr<grpc::GenericStub> Stub() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnFinished(const std::shared_ptr<Call>& call, const grpc::Status& status)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Count(const Call& call, const absl::StatusOr<v1::EvaluateResponse>& response);
  void LogFailure(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string address_;
  const TlsSource* const tls_;
  Metrics* const metrics_;

  absl::Mutex mutex_;
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mutex_);  // that stub_ is made with
  std::shared_ptr<grpc::GenericStub> stub_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time logged_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  uint64_t failures_unlogged_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GUARD_CLIENT_H_
