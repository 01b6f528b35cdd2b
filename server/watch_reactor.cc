#include "server/watch_reactor.h"

#include <utility>
#include <vector>

#include "core/check.h"
#include "server/byte_buffer_conversion.h"
#include "server/monotonic_time.h"
#include "server/status_conversion.h"

namespace swoosh {

// Nothing here calls gRPC with mutex_ held: it may run a reaction on the same thread.

WatchReactor::WatchReactor(absl::StatusOr<std::unique_ptr<WatchSession>> opened, GrantPtr grant,
                           ActiveStreams* streams, WorkerPool* workers, RpcMetrics* metrics)
    : grant_(std::move(grant)),
      streams_(streams),
      workers_(workers),
      metrics_(metrics),
      begin_(MonotonicNow()) {
  streams_->Add(this);
  if (!opened.ok()) {
    FinishWith(opened.status());
    return;
  }
  session_ = *std::move(opened);
  // So that the client knows where its watch began before anything happens.
  StartSendInitialMetadata();
  TakeTurnLater();
}

void WatchReactor::End(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    if (ended_.ok()) ended_ = status;
    if (phase_ != Phase::kIdle) return;
    phase_ = Phase::kTurn;
  }
  TakeTurnLater();
}

void WatchReactor::Tick(absl::Time now) {
  if (grant_ != nullptr && grant_->revoked()) End(AccessChangedError());
  {
    absl::MutexLock lock(&mutex_);
    const bool same_write = std::exchange(writes_at_tick_, writes_) == writes_;
    if (phase_ == Phase::kWriting && same_write) session_->ForgetAhead();
    if (phase_ != Phase::kIdle || !session_->BookmarkDue(now)) return;
    phase_ = Phase::kTurn;
  }
  TakeTurnLater();
}

// There are records: called by the feed.
void WatchReactor::Wake() {
  {
    absl::MutexLock lock(&mutex_);
    if (phase_ != Phase::kIdle) return;
    phase_ = Phase::kTurn;
  }
  TakeTurnLater();
}

void WatchReactor::OnCancel() { End(absl::CancelledError("the client cancelled the watch")); }

void WatchReactor::TakeTurnLater() {
  SWOOSH_CHECK(workers_->TryPost([this] { TakeTurn(); }).ok());
}

void WatchReactor::TakeTurn() {
  if (const absl::Status status = ended(); !status.ok()) return FinishWith(status);
  const absl::Time now = MonotonicNow();
  absl::StatusOr<WatchSession::Step> step = session_->Next(now);
  if (!step.ok()) return FinishWith(step.status());
  Take(*std::move(step), now);
}

void WatchReactor::Take(WatchSession::Step step, absl::Time now) {
  if (step.message != nullptr) return Send(std::move(step.message), now);
  if (!step.wait) return TakeTurnLater();
  absl::MutexLock lock(&mutex_);
  if (!ended_.ok()) {
    TakeTurnLater();
    return;
  }
  phase_ = Phase::kIdle;
  session_->WhenReady([this] { Wake(); });
}

void WatchReactor::Send(WatchMessage message, absl::Time now) {
  grpc::WriteOptions options;
  if (!session_->HasMore(now)) {
    writing_ = ToByteBuffer(std::move(message));
  } else if (session_->batched()) {
    std::vector<WatchMessage> messages = {std::move(message)};
    do {
      messages.push_back(session_->NextInMemory(now).message);
    } while (session_->HasMore(now));
    writing_ = ToByteBuffer(std::move(messages));
  } else {
    writing_ = ToByteBuffer(std::move(message));
    // What follows at once goes out with it: one system call for many messages.
    options.set_buffer_hint();
  }
  {
    absl::MutexLock lock(&mutex_);
    phase_ = Phase::kWriting;
    ++writes_;
  }
  StartWrite(&writing_, options);
}

void WatchReactor::OnWriteDone(bool ok) {
  const absl::Status status = TakeTurnBack();
  if (!ok) return FinishWith(absl::CancelledError("the client is gone"));
  if (!status.ok()) return FinishWith(status);
  const absl::Time now = MonotonicNow();
  Take(session_->NextInMemory(now), now);
}

absl::Status WatchReactor::TakeTurnBack() {
  absl::MutexLock lock(&mutex_);
  phase_ = Phase::kTurn;
  return ended_;
}

void WatchReactor::FinishWith(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    phase_ = Phase::kFinished;
  }
  metrics_->Handled(static_cast<int>(status.code()),
                    absl::ToDoubleSeconds(MonotonicNow() - begin_));
  Finish(ToGrpcStatus(status));
}

void WatchReactor::OnDone() {
  streams_->Remove(this);
  session_.reset();  // waits for a wake-up that is running, which uses the rest
  delete this;
}

absl::Status WatchReactor::ended() const {
  absl::MutexLock lock(&mutex_);
  return ended_;
}

}  // namespace swoosh
