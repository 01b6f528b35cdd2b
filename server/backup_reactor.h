#ifndef SWOOSH_SERVER_BACKUP_REACTOR_H_
#define SWOOSH_SERVER_BACKUP_REACTOR_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/active_streams.h"
#include "server/backups.h"
#include "server/grant.h"
#include "server/metrics.h"
#include "server/worker_pool.h"

namespace swoosh {

// A Backup RPC: reads a piece on a worker when the one before was taken by gRPC, so that a slow
// client costs one piece of memory and no thread. Deletes itself when gRPC has done with it.
class BackupReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public ActiveStream {
 public:
  // Begins the RPC. With an error for `session`, it ends at once with that. The pointers outlive
  // the RPC; `workers` never refuses. `grant` is of who asks: once it is revoked the backup ends;
  // null with an error.
  BackupReactor(absl::StatusOr<std::unique_ptr<Backups::Session>> session, GrantPtr grant,
                grpc::CallbackServerContext* context, ActiveStreams* streams, WorkerPool* workers,
                RpcMetrics* metrics);

  void End(const absl::Status& status) override;
  void Tick(absl::Time now) override;

 private:
  ~BackupReactor() override = default;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void ReadLater();
  void Read();
  void FinishWith(const absl::Status& status);
  absl::Status ended() const;

  const GrantPtr grant_;
  grpc::CallbackServerContext* const context_;
  ActiveStreams* const streams_;
  WorkerPool* const workers_;
  RpcMetrics* const metrics_;
  const absl::Time begin_;
  std::unique_ptr<Backups::Session> session_;  // of who reads or writes; null once finished
  grpc::ByteBuffer writing_;

  mutable absl::Mutex mutex_;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);  // why to finish; OK: go on
  // Since when gRPC does not take what is written; infinite when nothing is.
  absl::Time stalled_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_BACKUP_REACTOR_H_
