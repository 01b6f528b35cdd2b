#ifndef SWOOSH_SERVER_WATCH_REACTOR_H_
#define SWOOSH_SERVER_WATCH_REACTOR_H_

#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/active_streams.h"
#include "server/grant.h"
#include "server/metrics.h"
#include "server/watch_session.h"
#include "server/worker_pool.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// A Watch RPC. One thread at a time has the turn to send: whoever moved the phase from kIdle, then
// who the write's completion runs on. Deletes itself when gRPC has done with it.
class WatchReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public ActiveStream {
 public:
  // Begins the RPC. With an error for `opened`, it ends at once with that. The pointers outlive the
  // RPC; `workers` never refuses. `grant` is of who watches: once it is revoked the watch ends;
  // null with an error.
  WatchReactor(absl::StatusOr<std::unique_ptr<WatchSession>> opened, GrantPtr grant,
               ActiveStreams* streams, WorkerPool* workers, RpcMetrics* metrics);

  void End(const absl::Status& status) override;
  void Tick(absl::Time now) override;

 private:
  enum class Phase : uint8_t {
    kIdle,     // nothing to send: waits for records, a tick or the end
    kTurn,     // a thread works out what to send, or is about to
    kWriting,  // a message is on its way
    kFinished
  };

  ~WatchReactor() override = default;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // All with the turn.
  void TakeTurnLater();
  void TakeTurn();
  void Take(WatchSession::Step step, absl::Time now);
  void Send(WatchMessage message, absl::Time now);
  void FinishWith(const absl::Status& status);
  absl::Status ended() const;
  // The write has ended, and the turn is the caller's. OK, or why to finish.
  absl::Status TakeTurnBack();

  void Wake();

  const GrantPtr grant_;
  ActiveStreams* const streams_;
  WorkerPool* const workers_;
  RpcMetrics* const metrics_;
  const absl::Time begin_;
  // Of who has the turn; while a message is on its way, of who holds mutex_. Null when it could not
  // be opened.
  std::unique_ptr<WatchSession> session_;
  grpc::ByteBuffer writing_;  // as long as kWriting

  mutable absl::Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kTurn;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);   // why to finish; OK: go on
  uint64_t writes_ ABSL_GUARDED_BY(mutex_) = 0;  // begun
  uint64_t writes_at_tick_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_WATCH_REACTOR_H_
