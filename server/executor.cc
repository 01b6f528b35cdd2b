#include "server/executor.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/reducer.h"
#include "server/answer.h"
#include "server/log_line.h"
#include "server/request_fingerprint.h"
#include "server/serial_thread.h"

namespace swoosh {
namespace {

constexpr double kMicrosPerSecond = 1'000'000;
// Whoever waits for room is told when so few wait; below the maximum, so that each time some fit.
constexpr size_t kWaitingWithRoomMax = kProposalsWaitingMax * 3 / 4;
// Between two records of timers, when some are due: more than come in the meantime.
constexpr size_t kProposalsATurnMax = 100;
// A group of so many is not held back for others that could join it.
constexpr size_t kGroupBeforeOthers = 8;
// More are for the answer thread, while who wrote them takes the next group on.
constexpr size_t kAnswersHereMax = 16;
// The wall clock may step while the executor waits for a timer.
constexpr absl::Duration kTimerWaitMax = absl::Seconds(1);

absl::Status Unavailable(v1::ErrorReason reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, reason, message);
}

absl::Status Fenced() {
  return Unavailable(v1::FENCED,
                     "a write failed, so nothing more is written; the server will exit");
}

absl::Status Draining() { return Unavailable(v1::DRAINING, "the server is shutting down"); }

absl::Status TooManyTrims() {
  return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                   absl::StrCat(kTrimRequestsMax, " requests to trim are waiting"));
}

absl::Status NotApplied() {
  return Unavailable(v1::NOT_APPLIED, "a write before this proposal failed; it was not applied");
}

absl::Status OutcomeUnknown() {
  return Unavailable(v1::OUTCOME_UNKNOWN,
                     "the write of this proposal failed; whether it was applied is known when the "
                     "server has restarted");
}

// After a failed append: nothing of `group` was published, and at most its records through
// `unknown_through` may have been written. A repeat of a durable request keeps its answer.
void FailAnswers(Group* group, uint64_t committed_index, uint64_t unknown_through) {
  for (PendingAnswer& answer : group->answers) {
    const bool of_record = answer.kind != PendingAnswer::Kind::kRefused;
    if (of_record && answer.index <= committed_index) continue;
    answer.refusal = of_record && answer.index <= unknown_through ? OutcomeUnknown() : NotApplied();
    answer.kind = PendingAnswer::Kind::kRefused;
  }
}

}  // namespace

Executor::Executor(Log* log, StateWriter writer, std::unique_ptr<RequestWindow> window,
                   ChangeFeed* feed, Clock* clock, Metrics* metrics, Options options)
    : log_(log),
      feed_(feed),
      clock_(clock),
      metrics_(metrics),
      options_(std::move(options)),
      window_records_(window->window_records()),
      committed_([&writer, metrics] {
        writer.Seal();
        metrics->state_bytes_served.Set(static_cast<double>(writer.bytes_allocated()));
        return std::make_shared<const State>(writer.Sealed());
      }()),
      builder_(std::move(writer), std::move(window), clock, options_.manual_clock, log->limits()),
      answers_(feed, metrics, [this](size_t answers) { OnAnswering(answers); }) {
  SWOOSH_CHECK(committed()->index() + 1 == log_->next_index());
  SWOOSH_CHECK(feed_->next_index() == log_->next_index());
  metrics_->commit_index.Set(static_cast<double>(committed()->index()));
  metrics_->instances.Set(static_cast<double>(committed()->counts().instances));
  metrics_->timers.Set(static_cast<double>(committed()->counts().timers));
}

Executor::~Executor() { Drain(); }

void Executor::Start() {
  SWOOSH_CHECK(!trimmer_thread_.joinable());
  for (std::thread& thread : threads_) {
    thread = std::thread([this] {
      NameThisThread("swoosh-exec");
      Run();
    });
  }
  trimmer_thread_ = std::thread([this] {
    NameThisThread("swoosh-trim");
    RunTrimmer();
  });
  log_->SetFailureListener([this](const absl::Status& failure) { FenceFor(failure); });
  started_ = true;
}

void Executor::Drain() {
  if (!started_) Start();
  {
    absl::MutexLock lock(&mutex_);
    draining_ = true;
    WakeRoomWaiters();
    reducer_wakes_.Signal();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  {
    absl::MutexLock lock(&mutex_);
    drained_ = true;
    trimmer_wakes_.Signal();
  }
  if (trimmer_thread_.joinable()) trimmer_thread_.join();
  log_->SetFailureListener(nullptr);
  answers_.Stop();
}

// ---------------------------------------------------------------- any thread

absl::Status Executor::TrySubmit(Submission* submission) {
  absl::Status status = CheckDiskSpace();
  Digest fingerprint = {};
  if (!submission->request->request_id().empty()) {
    fingerprint = RequestFingerprint(submission->request->transitions());
  }
  // Here, since this is not the one thread that all proposals wait for.
  InstanceKeyList keys =
      InstanceKeys(submission->request->namespace_(), submission->request->transitions());
  {
    absl::MutexLock lock(&mutex_);
    if (fenced_) {
      status = Fenced();
    } else if (draining_) {
      status = Draining();
    } else if (status.ok() && waiting_ >= kProposalsWaitingMax) {
      status = MakeError(absl::StatusCode::kResourceExhausted, v1::QUEUE_FULL,
                         absl::StrCat(kProposalsWaitingMax, " proposals are waiting"));
    } else if (status.ok()) {
      ++waiting_;
      queue_.push_back({std::move(*submission), fingerprint, std::move(keys)});
      if (queue_.size() == 1) (reducing_ ? reducer_wakes_ : turn_wakes_).Signal();
      return absl::OkStatus();
    }
  }
  const bool full = ReasonOf(status) == v1::QUEUE_FULL;
  (full ? metrics_->proposals_queue_full : metrics_->proposals_unavailable).Increment();
  return status;
}

void Executor::WhenRoom(std::function<void()> retry) {
  {
    absl::MutexLock lock(&mutex_);
    const bool worth_it = waiting_ <= kWaitingWithRoomMax || draining_ || fenced_;
    if (!worth_it) {
      room_waiters_.push_back(std::move(retry));
      return;
    }
  }
  if (!answers_.Post(retry)) retry();
}

void Executor::OnAnswering(size_t answers) {
  absl::MutexLock lock(&mutex_);
  waiting_ -= answers;
  if (waiting_ <= kWaitingWithRoomMax) WakeRoomWaiters();
}

void Executor::WakeRoomWaiters() {
  for (std::function<void()>& retry : room_waiters_) answers_.Post(std::move(retry));
  room_waiters_.clear();
}

absl::StatusOr<v1::SubmitResponse> Executor::Validate(
    const v1::SubmitRequest& request, absl::string_view actor,
    const google::protobuf::RepeatedPtrField<v1::GuardOutcome>* guard_outcomes,
    const Grant* grant) const {
  const std::shared_ptr<const State> state = committed();
  if (grant != nullptr) {
    if (absl::Status denied = grant->CheckProposal(request, state->view()); !denied.ok()) {
      return denied;
    }
  }
  Proposal proposal;
  proposal.ns = request.namespace_();
  proposal.actor = actor;
  proposal.transitions = &request.transitions();
  proposal.guard_outcomes = guard_outcomes;
  absl::StatusOr<Reduction> reduction =
      Reduce(state->view(), proposal, NextHlc(state->position().hlc, clock_->NowUs()));
  if (!reduction.ok()) return reduction.status();
  v1::SubmitResponse response;
  response.set_request_id(request.request_id());
  FillResults(*state, request.namespace_(), reduction->outcomes, request.view(),
              response.mutable_results());
  return response;
}

void Executor::AdvanceClock(int64_t to_us, std::function<void(Answer)> done) {
  SWOOSH_CHECK(options_.manual_clock != nullptr);
  Submission submission;
  submission.request->set_namespace_("default");
  v1::AdvanceTime& advance = *submission.request->add_transitions()->mutable_advance_time();
  *advance.mutable_to() = TimestampFromMicros(to_us);
  submission.done = std::move(done);
  const absl::Status taken = TrySubmit(&submission);
  if (!taken.ok()) submission.done(taken);
}

void Executor::FenceFor(const absl::Status& error) {
  SWOOSH_CHECK(!error.ok());
  absl::MutexLock lock(&mutex_);
  if (fence_request_.ok()) fence_request_ = error;
  trimmer_wakes_.Signal();
}

std::shared_ptr<const State> Executor::committed() const {
  absl::MutexLock lock(&committed_mutex_);
  return committed_;
}

bool Executor::fenced() const {
  absl::MutexLock lock(&mutex_);
  return fenced_;
}

size_t Executor::waiting() const {
  absl::MutexLock lock(&mutex_);
  return waiting_;
}

uint64_t Executor::trim_bound() const {
  const uint64_t snapshot =
      options_.oldest_snapshot_index == nullptr ? 0 : options_.oldest_snapshot_index();
  const uint64_t next = committed()->index() + 1;
  const uint64_t window = next > window_records_ ? next - window_records_ : 1;
  return std::min(snapshot + 1, window);
}

std::unique_ptr<Executor::LogPin> Executor::PinLog() {
  absl::MutexLock lock(&mutex_);
  uint64_t first_index = log_->first_index();
  for (const TrimRequest& trim : trims_) first_index = std::max(first_index, trim.first_kept);
  return absl::WrapUnique(new LogPin(this, pins_.insert(first_index)));
}

Executor::LogPin::~LogPin() {
  absl::MutexLock lock(&executor_->mutex_);
  executor_->pins_.erase(place_);
}

void Executor::TrimToRetained() {
  const uint64_t next = committed()->index() + 1;
  if (options_.retain_records == 0 || next <= options_.retain_records) return;
  TrimTo(next - options_.retain_records, nullptr);
}

void Executor::TrimTo(uint64_t first_kept, std::function<void(absl::StatusOr<uint64_t>)> done) {
  first_kept = std::min(first_kept, trim_bound());
  absl::Status (*refusal)();
  {
    absl::MutexLock lock(&mutex_);
    if (fenced_) {
      refusal = &Fenced;
    } else if (draining_) {
      refusal = &Draining;
    } else if (trims_.size() >= kTrimRequestsMax) {
      refusal = &TooManyTrims;
    } else {
      if (!pins_.empty()) first_kept = std::min(first_kept, *pins_.begin());
      trims_.push_back({first_kept, std::move(done)});
      trimmer_wakes_.Signal();
      return;
    }
  }
  if (done == nullptr) return;
  const auto refuse = [done = std::move(done), refusal] { done(refusal()); };
  if (!answers_.Post(refuse)) refuse();
}

// ---------------------------------------------------------------- the two threads

void Executor::Run() {
  while (TakeTurn()) {
    std::unique_ptr<Group> group = BuildGroup();
    if (group != nullptr) {
      Write(std::move(group));
      continue;
    }
    GiveUp();
    absl::MutexLock lock(&mutex_);
    ended_ = true;  // and the turn is never given on
    turn_wakes_.Signal();
  }
}

// Waits until the other thread does not reduce. False at the end.
bool Executor::TakeTurn() {
  absl::MutexLock lock(&mutex_);
  while (reducing_ && !ended_) turn_wakes_.Wait(&mutex_);
  if (ended_) return false;
  reducing_ = true;
  return true;
}

// Reduces what comes until there is a group and the log is free for it. Then the log is this
// thread's, and the turn the other one's. Null when there is nothing more to do: drained or fenced.
std::unique_ptr<Group> Executor::BuildGroup() {
  while (true) {
    const Work work = AwaitWork();
    if (work == Work::kNone) return nullptr;
    const bool full = work == Work::kReduce && ReduceTurn();
    if (!full && !WorthWriting()) continue;
    if (!builder_.has_records()) {
      // Everything before it is durable.
      answers_.Post(builder_.Take(), committed());
      absl::MutexLock lock(&mutex_);
      if (!trims_.empty()) trimmer_wakes_.Signal();  // it may have given way
    } else if (!TakeLog()) {
      return nullptr;
    } else {
      std::unique_ptr<Group> group = builder_.Take();
      GiveTurn();
      return group;
    }
  }
}

// Waits for proposals or due timers, or for the log when there is a group for it.
Executor::Work Executor::AwaitWork() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    if (fenced_) return Work::kNone;
    if (taken_.empty()) taken_.swap(queue_);
    if (!taken_.empty() || (!draining_ && TimersMayFire())) return Work::kReduce;
    if (builder_.empty()) {
      if (draining_) return Work::kNone;
    } else if (LogIsForGroup()) {
      return Work::kWrite;
    }
    AwaitChange();
  }
}

// Until there may be something to do, or a timer may be due.
void Executor::AwaitChange() {
  group_waits_ = !builder_.empty();
  const int64_t until_due_us = builder_.UntilDueUs();
  if (until_due_us == INT64_MAX || draining_) {
    reducer_wakes_.Wait(&mutex_);
  } else {
    // Due and held back: the disk is nearly full.
    const absl::Duration until_due =
        until_due_us > 0 ? absl::Microseconds(until_due_us) : kDiskCheckInterval;
    reducer_wakes_.WaitWithTimeout(&mutex_, std::min(until_due, kTimerWaitMax));
  }
  group_waits_ = false;
}

// A record of timers if any are due, then proposals, in turns, so that neither wait for all of the
// others. True when the group takes no more.
bool Executor::ReduceTurn() {
  if (TimersMayFire() && builder_.FireDueTimers() == GroupBuilder::Added::kNothing) return true;
  for (size_t i = 0; i < kProposalsATurnMax && !taken_.empty(); ++i) {
    if (i % kKeysAhead == 0 && taken_.size() > 1) builder_.LookAhead(taken_);
    // Those that wait may be more than the disk has room for.
    if (const absl::Status space = CheckDiskSpace(); !space.ok()) {
      builder_.GiveUp(&taken_.front(), space);
      taken_.pop_front();
      continue;
    }
    const GroupBuilder::Added added = builder_.Add(&taken_.front());
    if (added == GroupBuilder::Added::kWhole) taken_.pop_front();
    if (added == GroupBuilder::Added::kNothing) return true;
    if (WorthWriting()) return false;
  }
  return false;
}

// Whether to write what is built, rather than to go on reducing.
bool Executor::WorthWriting() const {
  if (builder_.empty() || log_busy_.load(std::memory_order_acquire)) return false;
  return taken_.empty() || builder_.size() >= kGroupBeforeOthers;
}

bool Executor::TimersMayFire() const { return builder_.timers_due() && CheckDiskSpace().ok(); }

absl::Status Executor::CheckDiskSpace() const {
  return options_.disk_space == nullptr ? absl::OkStatus() : options_.disk_space->Check();
}

// Trims and groups take turns.
bool Executor::LogIsForGroup() const {
  return !log_busy_.load(std::memory_order_relaxed) && fence_request_.ok() &&
         (trims_.empty() || trimmed_last_);
}

// Waits for the log. False when it will never be free again.
bool Executor::TakeLog() {
  absl::MutexLock lock(&mutex_);
  while (!fenced_ && !LogIsForGroup()) {
    group_waits_ = true;
    reducer_wakes_.Wait(&mutex_);
    group_waits_ = false;
  }
  if (fenced_) return false;
  log_busy_.store(true, std::memory_order_release);
  return true;
}

void Executor::ReleaseLog(bool trimmed) {
  absl::MutexLock lock(&mutex_);
  log_busy_.store(false, std::memory_order_release);
  trimmed_last_ = trimmed;
  reducer_wakes_.Signal();
  if (!trims_.empty() || !fence_request_.ok()) trimmer_wakes_.Signal();
}

// What comes while the caller writes is for the other thread; if nothing does, that sleeps on, and
// the caller reduces again.
void Executor::GiveTurn() {
  absl::MutexLock lock(&mutex_);
  reducing_ = false;
  if (!taken_.empty() || !queue_.empty()) turn_wakes_.Signal();
}

// After fencing: answers what was built and not written, and what was not looked at.
void Executor::GiveUp() {
  uint64_t unknown_through;
  {
    absl::MutexLock lock(&mutex_);
    unknown_through = unknown_through_;
    std::move(queue_.begin(), queue_.end(), std::back_inserter(taken_));
    queue_.clear();
  }
  for (Pending& pending : taken_) builder_.GiveUp(&pending, NotApplied());
  taken_.clear();
  if (builder_.empty()) return;
  std::unique_ptr<Group> group = builder_.Take();
  const std::shared_ptr<const State> state = committed();
  FailAnswers(group.get(), state->index(), unknown_through);
  answers_.Post(std::move(group), state);
}

// ---------------------------------------------------------------- whoever has the log

void Executor::Write(std::unique_ptr<Group> group) {
  const absl::Status appended = Commit(group.get());
  if (!appended.ok()) return Fence(std::move(group), appended);
  const std::shared_ptr<const State> state = group->state;
  Publish(*group);
  // Before the next group can be written: answers are given in the order of the records.
  const bool here = group->answers.size() <= kAnswersHereMax && answers_.TryBorrow();
  if (!here) answers_.Post(std::move(group), state);
  ReleaseLog(/*trimmed=*/false);
  if (here) answers_.AnswerAndReturn(group.get(), *state);
}

void Executor::RunTrimmer() {
  uint64_t target = 0;
  while (TakeLogToTrim(&target)) {
    absl::Status status = fence_request();
    if (status.ok()) status = TrimStep(target);
    if (!status.ok()) {
      Fence(nullptr, status);
      break;
    }
    ReleaseLog(/*trimmed=*/true);
  }
  absl::MutexLock lock(&mutex_);
  trimmer_ended_ = true;
  FinishTrims();
}

// Waits until there is something to trim or a request to fence, and for the log. False at the end.
bool Executor::TakeLogToTrim(uint64_t* target) {
  absl::MutexLock lock(&mutex_);
  while (true) {
    FinishTrims();
    if (fenced_) return false;
    const bool free = !log_busy_.load(std::memory_order_relaxed);
    if (!fence_request_.ok()) {  // what was built is not tried
      if (free) break;
    } else if (drained_) {
      return false;
    } else if (!trims_.empty() && free && !(trimmed_last_ && group_waits_)) {
      break;
    }
    trimmer_wakes_.Wait(&mutex_);
  }
  *target = 0;
  for (const TrimRequest& trim : trims_) *target = std::max(*target, trim.first_kept);
  log_busy_.store(true, std::memory_order_release);
  return true;
}

// Answers the requests to trim that are carried out, or never will be.
void Executor::FinishTrims() {
  const uint64_t first_index = log_->first_index();
  std::vector<TrimRequest> unfinished;
  for (TrimRequest& trim : trims_) {
    absl::StatusOr<uint64_t> result = first_index;
    if (trim.first_kept > first_index) {
      if (!trimmer_ended_) {
        unfinished.push_back(std::move(trim));
        continue;
      }
      result = fenced_ ? Fenced() : Draining();
    }
    if (trim.done == nullptr) continue;
    answers_.Post([done = std::move(trim.done), result = std::move(result)] { done(result); });
  }
  trims_ = std::move(unfinished);
  if (trims_.empty()) reducer_wakes_.Signal();  // a group may have waited for its turn
}

absl::Status Executor::fence_request() const {
  absl::MutexLock lock(&mutex_);
  return fence_request_;
}

absl::Status Executor::TrimStep(uint64_t target) {
  return log_->TrimPrefix(std::min(log_->first_index() + kTrimStepRecords, target));
}

absl::Status Executor::Commit(Group* group) {
  std::vector<EncodedRecord> encoded;
  encoded.reserve(group->records.size());
  for (const auto& record : group->records) {
    encoded.push_back({record->index(), std::move(record->stored), record->hash});
  }
  const auto begin = std::chrono::steady_clock::now();
  absl::Status status = log_->Append(encoded.front().index, encoded);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  uint64_t bytes = 0;
  for (size_t i = 0; i < encoded.size(); ++i) {
    bytes += encoded[i].bytes.size();
    group->records[i]->stored = std::move(encoded[i].bytes);
  }
  if (options_.disk_space != nullptr) options_.disk_space->Wrote(bytes);
  metrics_->wal_append_seconds.Observe(elapsed.count());
  metrics_->wal_group_records.Observe(static_cast<double>(encoded.size()));
  return status;
}

void Executor::Publish(const Group& group) {
  const std::shared_ptr<const State>& state = group.state;
  std::shared_ptr<const State> superseded = state;  // let go outside the lock
  {
    // Together: who reads the state finds its records in the feed, and the other way round.
    absl::MutexLock lock(&committed_mutex_);
    committed_.swap(superseded);
    feed_->Publish({group.records.begin(), group.records.end()});
  }
  metrics_->commit_index.Set(static_cast<double>(state->index()));
  metrics_->instances.Set(static_cast<double>(state->counts().instances));
  metrics_->timers.Set(static_cast<double>(state->counts().timers));
  metrics_->state_bytes_served.Set(static_cast<double>(group.state_bytes));
  if (!group.fired_due_us.empty()) ObserveLateness(group);
  metrics_->clock_held_seconds.Set(static_cast<double>(std::max<int64_t>(group.clock_held_us, 0)) /
                                   kMicrosPerSecond);
  if (options_.on_committed != nullptr) options_.on_committed(state->index());
}

void Executor::ObserveLateness(const Group& group) {
  const int64_t now_us = clock_->NowUs();
  for (const int64_t due_us : group.fired_due_us) {
    metrics_->timer_lateness_seconds.Observe(
        static_cast<double>(std::max<int64_t>(now_us - due_us, 0)) / kMicrosPerSecond);
  }
}

// By whoever has the log, which is never released again. `failed` is the group whose append failed;
// null when a trim did.
void Executor::Fence(std::unique_ptr<Group> failed, const absl::Status& error) {
  const std::shared_ptr<const State> state = committed();
  // With these two nothing was written (storage/log.h).
  const bool nothing_written = error.code() == absl::StatusCode::kAborted ||
                               error.code() == absl::StatusCode::kInvalidArgument;
  const uint64_t unknown_through =
      failed == nullptr || nothing_written ? state->index() : failed->records.back()->index();
  metrics_->fenced.Set(1);
  LogLine(LogLevel::kError, "fenced")
      .With("commit_index", state->index())
      .With("error", error.ToString());
  // First of all: whoever is told of the failure finds that health says so too.
  if (options_.on_fenced != nullptr) options_.on_fenced(error);
  {
    absl::MutexLock lock(&mutex_);
    fenced_ = true;
    unknown_through_ = unknown_through;
    WakeRoomWaiters();
    reducer_wakes_.Signal();
    trimmer_wakes_.Signal();
  }
  if (failed == nullptr) return;
  FailAnswers(failed.get(), state->index(), unknown_through);
  answers_.Post(std::move(failed), state);
}

}  // namespace swoosh
