#include "cli/submitter.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/rpc_status.h"
#include "core/check.h"

namespace swoosh {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(50);
constexpr absl::Duration kPauseMax = absl::Seconds(2);
// After which whoever waits is told.
constexpr absl::Duration kConnectAttempt = absl::Seconds(2);
// How often a wait for input looks whether the connection still stands.
constexpr absl::Duration kInputPoll = absl::Milliseconds(100);

}  // namespace

Submitter::Submitter(Client* client, SubmitInput* input, const SubmitOptions& options,
                     Events events)
    : client_(client),
      input_(input),
      options_(options),
      events_(std::move(events)),
      pause_(kPauseMin) {
  SWOOSH_CHECK(options.in_flight_max > 0);
}

Submitter::~Submitter() = default;

absl::Status Submitter::Run() {
  outage_start_ = absl::Now();
  while (true) {
    absl::Status status = Connect();
    const bool connected = status.ok();
    if (connected) {
      std::thread receiver(&Submitter::Receive, this);
      Feed();
      receiver.join();
      absl::MutexLock lock(&mutex_);
      status = call_->Finish();
      call_.reset();
      if (!error_.ok()) return error_;
      if (unanswered_.empty() && input_done_ && transient_.ok()) return input_error_;
      if (!transient_.ok()) status = std::exchange(transient_, absl::OkStatus());
      // An end without an error that leaves requests unanswered.
      if (status.ok()) status = absl::UnavailableError("the server ended the stream");
    }
    if (!Retry(status, connected)) {
      absl::MutexLock lock(&mutex_);
      return error_;
    }
  }
}

absl::Status Submitter::Connect() {
  if (absl::Status status = client_->WaitForConnection(kConnectAttempt); !status.ok()) {
    return status;
  }
  const absl::StatusOr<v1::StateSummary> state = client_->GetState(v1::GetStateRequest());
  if (!state.ok()) return state.status();
  absl::Status accepted = events_.connected(state->history_id());
  absl::MutexLock lock(&mutex_);
  if (!accepted.ok()) {
    failed_locally_ = true;
    error_ = std::move(accepted);
    return error_;
  }
  call_ = client_->SubmitStream();
  receiving_ = true;
  answered_since_connect_ = false;
  last_heard_ = absl::Now();
  return absl::OkStatus();
}

bool Submitter::Retry(const absl::Status& why, bool connected) {
  {
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mutex_);
    if (!error_.ok()) return false;
    if (!IsTransient(why)) {
      error_ = why;
      return false;
    }
    // While nothing is asked of it, a connection that breaks is no outage.
    if (connected && (answered_since_connect_ || unanswered_.empty())) {
      outage_start_ = now;
      pause_ = kPauseMin;
    }
    answered_since_connect_ = false;
    if (now - outage_start_ + pause_ > options_.retry_for) {
      error_ = why;
      return false;
    }
  }
  events_.broken(why);
  absl::SleepFor(pause_);
  pause_ = std::min(2 * pause_, kPauseMax);
  return true;
}

void Submitter::Receive() {
  SubmitCall* call = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    call = call_.get();
  }
  v1::SubmitResponse response;
  bool handled = true;
  // Read to its end in any case: only then the call may be finished.
  while (call->Read(&response)) {
    handled = handled && Handle(response);
    if (!handled) call->Cancel();
    response.Clear();
  }
  absl::MutexLock lock(&mutex_);
  receiving_ = false;
}

bool Submitter::Handle(const v1::SubmitResponse& response) {
  Pending pending;
  {
    absl::MutexLock lock(&mutex_);
    last_heard_ = absl::Now();
    if (unanswered_.empty() ||
        response.request_id() != unanswered_.front().line.request.request_id()) {
      error_ = absl::InternalError(absl::StrCat("the server answered '", response.request_id(),
                                                "', which is not the request that was next"));
      return false;
    }
    if (const absl::Status status = FromRpcStatus(response.status()); IsTransient(status)) {
      // What follows in the stream may be accepted meanwhile; it is sent again after this one.
      transient_ = status;
      return false;
    }
    pending = std::move(unanswered_.front());
    answered_since_connect_ = true;
  }
  // Before the instance is free for the next request, so that answers are told in order.
  absl::Status status = events_.answered(pending.line, response);
  absl::MutexLock lock(&mutex_);
  unanswered_.pop_front();
  RemoveTouches(pending.touches);
  if (status.ok()) return true;
  failed_locally_ = true;
  error_ = std::move(status);
  return false;
}

void Submitter::Feed() {
  if (!Resend()) return;
  while (TakeNext()) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Submitter::MaySendNext));
      if (!receiving_) return;
      if (unanswered_.empty()) last_heard_ = absl::Now();
      AddTouches(next_->touches);
      unanswered_.push_back(*next_);
    }
    // Not under the mutex: it waits while the server takes no more. Nobody else changes call_.
    const bool sent = ABSL_TS_UNCHECKED_READ(call_)->Write(next_->line.request);
    next_.reset();
    if (!sent) return;
  }
  absl::MutexLock lock(&mutex_);
  if (!receiving_) return;
  call_->WritesDone();
  mutex_.Await(absl::Condition(this, &Submitter::Settled));
}

bool Submitter::Resend() {
  std::vector<v1::SubmitRequest> requests;
  {
    absl::MutexLock lock(&mutex_);
    for (const Pending& pending : unanswered_) requests.push_back(pending.line.request);
  }
  SubmitCall* call = ABSL_TS_UNCHECKED_READ(call_).get();
  return std::all_of(requests.begin(), requests.end(),
                     [call](const v1::SubmitRequest& request) { return call->Write(request); });
}

bool Submitter::TakeNext() {
  if (next_.has_value()) return true;
  if (input_done_) return false;
  while (!input_->WaitForLine(kInputPoll)) {
    absl::MutexLock lock(&mutex_);
    if (!receiving_) return false;
  }
  absl::StatusOr<std::optional<SubmitLine>> line = input_->Next();
  if (!line.ok() || !line->has_value()) {
    input_done_ = true;
    input_error_ = line.status();
    absl::MutexLock lock(&mutex_);
    failed_locally_ = !line.ok();
    return false;
  }
  next_ = Pending{**std::move(line), {}};
  next_->touches = TouchesOf(next_->line.request);
  return true;
}

bool Submitter::MaySendNext() const {
  if (!receiving_) return true;
  if (unanswered_.size() >= options_.in_flight_max) return false;
  return std::none_of(next_->touches.begin(), next_->touches.end(), [this](const Touch& touch) {
    mutex_.AssertHeld();
    const auto found = touched_.find(touch.name);
    return found != touched_.end() && (touch.changes || found->second.changed);
  });
}

bool Submitter::Settled() const { return !receiving_ || unanswered_.empty(); }

void Submitter::AddTouches(const std::vector<Touch>& touches) {
  for (const Touch& touch : touches) {
    Touched& touched = touched_[touch.name];
    ++touched.readers;
    touched.changed = touched.changed || touch.changes;
  }
}

void Submitter::RemoveTouches(const std::vector<Touch>& touches) {
  for (const Touch& touch : touches) {
    const auto found = touched_.find(touch.name);
    SWOOSH_CHECK(found != touched_.end());
    // No other request touches what one changes, so `changed` goes with the last of its touches.
    if (--found->second.readers == 0) touched_.erase(found);
  }
}

void Submitter::BreakIfSilent() {
  absl::MutexLock lock(&mutex_);
  if (receiving_ && !unanswered_.empty() && absl::Now() - last_heard_ > options_.answer_timeout) {
    transient_ = absl::DeadlineExceededError("the server was silent for too long");
    call_->Cancel();
  }
}

}  // namespace swoosh
