#include "server/backup_reactor.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "grpcpp/server_context.h"
#include "server/byte_buffer_conversion.h"
#include "server/monotonic_time.h"
#include "server/status_conversion.h"
#include "swoosh/v1/admin.pb.h"

namespace swoosh {

// Nothing here calls gRPC with mutex_ held: it may run a reaction on the same thread.

BackupReactor::BackupReactor(absl::StatusOr<std::unique_ptr<Backups::Session>> session,
                             GrantPtr grant, grpc::CallbackServerContext* context,
                             ActiveStreams* streams, WorkerPool* workers, RpcMetrics* metrics)
    : grant_(std::move(grant)),
      context_(context),
      streams_(streams),
      workers_(workers),
      metrics_(metrics),
      begin_(MonotonicNow()) {
  streams_->Add(this);
  if (!session.ok()) {
    FinishWith(session.status());
    return;
  }
  session_ = *std::move(session);
  ReadLater();
}

void BackupReactor::End(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  // Whoever reads or writes finds it.
  if (ended_.ok()) ended_ = status;
}

void BackupReactor::Tick(absl::Time now) {
  if (grant_ != nullptr && grant_->revoked()) End(AccessChangedError());
  {
    absl::MutexLock lock(&mutex_);
    if (now - stalled_since_ < kBackupStallMax) return;
    if (ended_.ok()) {
      ended_ = MakeError(
          absl::StatusCode::kUnavailable, v1::BACKUP_FAILED,
          absl::StrCat("the client has read nothing for ", absl::FormatDuration(kBackupStallMax)));
    }
  }
  // The write that waits fails then.
  context_->TryCancel();
}

void BackupReactor::OnCancel() { End(absl::CancelledError("the client gave the backup up")); }

void BackupReactor::ReadLater() {
  SWOOSH_CHECK(workers_->TryPost([this] { Read(); }).ok());
}

void BackupReactor::Read() {
  if (const absl::Status status = ended(); !status.ok()) return FinishWith(status);
  absl::StatusOr<std::string> bytes = session_->Next();
  if (!bytes.ok()) return FinishWith(bytes.status());
  if (bytes->empty()) {
    session_->Delivered();
    return FinishWith(absl::OkStatus());
  }
  v1::BackupChunk chunk;
  chunk.set_data(*std::move(bytes));
  writing_ = Serialise(chunk);
  {
    absl::MutexLock lock(&mutex_);
    stalled_since_ = MonotonicNow();
  }
  StartWrite(&writing_);
}

void BackupReactor::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    stalled_since_ = absl::InfiniteFuture();
    if (!ok && ended_.ok()) ended_ = absl::CancelledError("the client is gone");
  }
  // On a worker also when it ends: letting a session go closes files.
  ReadLater();
}

void BackupReactor::FinishWith(const absl::Status& status) {
  session_.reset();
  metrics_->Handled(static_cast<int>(status.code()),
                    absl::ToDoubleSeconds(MonotonicNow() - begin_));
  Finish(ToGrpcStatus(status));
}

void BackupReactor::OnDone() {
  streams_->Remove(this);
  delete this;
}

absl::Status BackupReactor::ended() const {
  absl::MutexLock lock(&mutex_);
  return ended_;
}

}  // namespace swoosh
