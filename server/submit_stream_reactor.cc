#include "server/submit_stream_reactor.h"

#include <memory>
#include <utility>

#include "core/errors.h"
#include "server/byte_buffer_conversion.h"
#include "server/monotonic_time.h"
#include "server/request_validation.h"
#include "server/status_conversion.h"

namespace swoosh {
namespace {

grpc::ByteBuffer ToResponse(const std::string& request_id, const Answer& answer) {
  if (answer.ok()) return Serialise(*answer);
  v1::SubmitResponse response;
  response.set_request_id(request_id);
  *response.mutable_status() = ToRpcStatus(answer.status());
  return Serialise(response);
}

}  // namespace

SubmitStreamReactor::SubmitStreamReactor(AdmittedCall call, ActiveStreams* streams,
                                         WorkerPool* workers, RpcMetrics* metrics)
    : grant_(std::move(call.grant)),
      executor_(call.backend->executor),
      guards_(call.backend->guards),
      streams_(streams),
      workers_(workers),
      metrics_(metrics),
      begin_(MonotonicNow()) {
  streams_->Add(this);
  Handle([] {});
}

void SubmitStreamReactor::End(const absl::Status& status) {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ended_.ok()) ended_ = status;
  });
}

void SubmitStreamReactor::Tick(absl::Time /*now*/) {
  if (grant_->revoked()) End(AccessChangedError());
}

void SubmitStreamReactor::OnCancel() {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { broken_ = true; });
}

void SubmitStreamReactor::OnWriteDone(bool ok) {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = false;
    if (!ok) broken_ = true;
  });
}

void SubmitStreamReactor::OnReadDone(bool ok) {
  bool take = false;
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    reading_ = false;
    if (!ok) half_closed_ = true;
    // What comes after the end is dropped: the client sees it unanswered.
    take = ok && ended_.ok() && !broken_ && !finished_;
    settling_ = take;
  });
  if (take) TakeRequest();
}

void SubmitStreamReactor::OnDone() {
  streams_->Remove(this);
  delete this;
}

void SubmitStreamReactor::Handle(absl::FunctionRef<void()> update) {
  Actions actions;
  {
    absl::MutexLock lock(&mutex_);
    update();
    actions = NextActions();
  }
  bool submit_alone = actions.submit_alone;
  // gRPC may run a reaction within a call, so none is made under the lock.
  while (actions.read || actions.write) {
    if (actions.write) {
      grpc::WriteOptions options;
      if (actions.more_to_write) options.set_buffer_hint();
      StartWrite(&writing_bytes_, options);
    }
    if (actions.read) StartRead(&reading_bytes_);
    absl::MutexLock lock(&mutex_);
    --performing_;
    actions = NextActions();
    submit_alone = submit_alone || actions.submit_alone;
  }
  if (submit_alone) return SubmitAlone();
  if (!actions.finish) return;
  metrics_->Handled(static_cast<int>(actions.status.code()),
                    absl::ToDoubleSeconds(MonotonicNow() - begin_));
  Finish(ToGrpcStatus(actions.status));
}

SubmitStreamReactor::Actions SubmitStreamReactor::NextActions() {
  Actions actions;
  if (finished_) return actions;
  while (!writing_ && !slots_.empty() && slots_.front().answer.has_value()) {
    if (!broken_) {
      writing_bytes_ = *std::move(slots_.front().answer);
      writing_ = actions.write = true;
    }
    slot_bytes_ -= slots_.front().request_bytes;
    slots_.pop_front();
    ++answered_;
  }
  actions.more_to_write = actions.write && !slots_.empty() && slots_.front().answer.has_value();
  const bool no_more_requests = half_closed_ || broken_ || !ended_.ok();
  if (!no_more_requests && !reading_ && !settling_ && slots_.size() < kStreamRequestsMax &&
      slot_bytes_ < kStreamRequestBytesMax) {
    reading_ = actions.read = true;
  }
  if (waits_alone_ && outstanding_ == 1) {
    waits_alone_ = false;
    actions.submit_alone = true;
  }
  if (actions.read || actions.write) {
    ++performing_;
    return actions;
  }
  if (no_more_requests && !settling_ && outstanding_ == 0 && slots_.empty() && !writing_ &&
      performing_ == 0) {
    finished_ = actions.finish = true;
    actions.status = broken_ ? absl::CancelledError("the client is gone") : ended_;
  }
  return actions;
}

void SubmitStreamReactor::TakeRequest() {
  submission_ = Submission();
  submission_.actor = grant_->name();
  submission_.grant = grant_;
  v1::SubmitRequest& request = *submission_.request;
  number_ = AddSlot(reading_bytes_.Length());
  absl::Status status = ParseRequest(reading_bytes_, &request);
  reading_bytes_.Clear();
  // What did not parse may hold anything.
  if (!status.ok()) request.Clear();
  if (status.ok()) status = PrepareProposal(&request);
  if (status.ok()) status = grant_->CheckRequest(request);
  if (!status.ok()) return Settle(request.request_id(), status);
  if (request.validate_only()) return Validate();
  submission_.done = [this, number = number_, request_id = request.request_id()](Answer answer) {
    OnAnswer(number, request_id, MovedIfUnanswered(std::move(answer)));
  };
  if (!MustBeAlone()) return Submit();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { waits_alone_ = true; });
}

// Also notes what those behind it have to know about this one.
bool SubmitStreamReactor::MustBeAlone() {
  const GuardChanges own = GuardChangesOf(*submission_.request);
  GuardChanges pending;
  {
    absl::MutexLock lock(&mutex_);
    pending = guard_changes_;
    guard_changes_.registrations += own.registrations;
    guard_changes_.deletions += own.deletions;
    slots_[number_ - answered_].guard_changes = own;
  }
  return guards_->MayAsk(*submission_.request, pending);
}

uint64_t SubmitStreamReactor::AddSlot(size_t request_bytes) {
  absl::MutexLock lock(&mutex_);
  slots_.push_back({request_bytes, {}, std::nullopt});
  slot_bytes_ += request_bytes;
  ++outstanding_;
  return answered_ + slots_.size() - 1;
}

void SubmitStreamReactor::Validate() {
  if (guards_->MayAsk(*submission_.request)) {
    submission_.done = [this, number = number_, request_id = submission_.request->request_id()](
                           const Answer& answer) { OnAnswer(number, request_id, answer); };
    guards_->Submit(std::move(submission_), GuardResolver::WhenFull::kWait);
    return Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { settling_ = false; });
  }
  auto submission = std::make_shared<const Submission>(std::move(submission_));
  const absl::Status posted = workers_->TryPost([this, number = number_, submission] {
    OnAnswer(number, submission->request->request_id(),
             MovedIfUnanswered(executor_->Validate(*submission->request, submission->actor, nullptr,
                                                   submission->grant.get())));
  });
  if (!posted.ok()) {
    return Settle(submission->request->request_id(), posted);
  }
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { settling_ = false; });
}

void SubmitStreamReactor::Submit() {
  const absl::Status status = executor_->TrySubmit(&submission_);
  if (status.ok()) {
    Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { settling_ = false; });
  } else if (ReasonOf(status) == v1::QUEUE_FULL) {
    // Nothing more is read until it was taken, so the client is slowed down.
    executor_->WhenRoom([this] { Submit(); });
  } else {
    Settle(submission_.request->request_id(), status);
  }
}

// Everything before it is answered, and nothing behind it was read.
void SubmitStreamReactor::SubmitAlone() {
  if (!guards_->MayAsk(*submission_.request)) return Submit();
  submission_.done = [this, request_id = submission_.request->request_id()](const Answer& answer) {
    grpc::ByteBuffer response = ToResponse(request_id, answer);
    Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      settling_ = false;
      PutAnswer(number_, std::move(response));
    });
  };
  guards_->Submit(std::move(submission_), GuardResolver::WhenFull::kWait);
}

void SubmitStreamReactor::Settle(const std::string& request_id, const absl::Status& refusal) {
  grpc::ByteBuffer response = ToResponse(request_id, refusal);
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    settling_ = false;
    PutAnswer(number_, std::move(response));
  });
}

void SubmitStreamReactor::OnAnswer(uint64_t number, const std::string& request_id,
                                   const Answer& answer) {
  grpc::ByteBuffer response = ToResponse(request_id, answer);
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { PutAnswer(number, std::move(response)); });
}

void SubmitStreamReactor::PutAnswer(uint64_t number, grpc::ByteBuffer answer) {
  Slot& slot = slots_[number - answered_];
  slot.answer = std::move(answer);
  guard_changes_.registrations -= slot.guard_changes.registrations;
  guard_changes_.deletions -= slot.guard_changes.deletions;
  --outstanding_;
}

}  // namespace swoosh
