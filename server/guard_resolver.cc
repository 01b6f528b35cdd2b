#include "server/guard_resolver.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "core/state.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"
#include "core/utf8.h"
#include "server/monotonic_time.h"

namespace swoosh {
namespace {

constexpr int kThreads = 2;
constexpr int kTriesMax = 2;

absl::Status Draining() {
  return MakeError(absl::StatusCode::kUnavailable, v1::DRAINING, "the server is shutting down");
}

absl::Status InstanceMoved() {
  return MakeError(absl::StatusCode::kAborted, v1::GUARD_INSTANCE_MOVED,
                   "an instance changed while its external guards were asked, and again when they "
                   "were asked once more");
}

absl::Status TooManyProposals() {
  return MakeError(
      absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
      absl::StrCat(kGuardedProposalsMax, " proposals are waiting for external guards"));
}

absl::Status TooManyQuestions() {
  return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                   absl::StrCat("the proposal asks external guards more than ", kGuardQuestionsMax,
                                " times; split it into several"));
}

// What the client is told when `question` has no answer. What the provider said, and where it is,
// stays here.
absl::Status Unanswered(const v1::GuardOutcome& question, absl::string_view why) {
  return MakeError(
      absl::StatusCode::kUnavailable, v1::GUARD_UNANSWERED,
      absl::StrCat("transitions[", question.transition(), "]: external guard ", question.guard(),
                   " of edge ", question.edge(), " was not answered: ", why));
}

std::string WhyUnanswered(const absl::Status& failure) {
  switch (failure.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return absl::StrCat("the provider did not answer within ",
                          absl::FormatDuration(kGuardCallTimeout));
    case absl::StatusCode::kUnavailable:
      return "the provider can't be reached";
    default:
      return absl::StrCat("the provider failed with ", absl::StatusCodeToString(failure.code()));
  }
}

// Whether the executor wants other outcomes than it was given.
bool WantsOutcomes(const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  return reason == v1::GUARD_UNANSWERED || reason == v1::GUARD_INSTANCE_MOVED;
}

bool SendsEvents(const v1::SubmitRequest& request) {
  return std::any_of(request.transitions().begin(), request.transitions().end(),
                     [](const v1::Transition& transition) { return transition.has_send_event(); });
}

// Nests no deeper than protobuf lets a message.
bool HasExternalGuard(const v1::StateNode& state) {
  return std::any_of(state.on().begin(), state.on().end(),
                     [](const v1::Edge& edge) { return !edge.external_guard().empty(); }) ||
         std::any_of(state.states().begin(), state.states().end(), HasExternalGuard);
}

// `status` with another message.
absl::Status Rephrase(const absl::Status& status, absl::string_view message) {
  absl::Status rephrased(status.code(), message);
  status.ForEachPayload([&rephrased](absl::string_view type_url, const absl::Cord& payload) {
    rephrased.SetPayload(type_url, payload);
  });
  return rephrased;
}

// Adds to a denial what the provider said. It is not in the record, so it is known here only.
void AddReasons(const google::protobuf::RepeatedPtrField<v1::GuardOutcome>& outcomes,
                const std::vector<std::string>& reasons, absl::Status* status) {
  v1::Denial denial;
  if (outcomes.empty() || !GetDetail(*status, &denial)) return;
  for (int i = 0; i < outcomes.size(); ++i) {
    const v1::GuardOutcome& outcome = outcomes[i];
    if (outcome.allowed() || outcome.transition() != denial.transition() || reasons[i].empty()) {
      continue;
    }
    for (int e = 0; e < denial.edges_size(); ++e) {
      v1::EdgeDenial& edge = *denial.mutable_edges(e);
      if (edge.edge() != outcome.edge() || edge.guard() != outcome.guard()) continue;
      absl::StrAppend(edge.mutable_reason(), ": ", reasons[i]);
      // The message ends with the reason of the first edge.
      if (e == 0) *status = Rephrase(*status, absl::StrCat(status->message(), ": ", reasons[i]));
    }
  }
  AddDetail(denial, status);
}

}  // namespace

// A proposal on its way. Of one thread at a time.
struct GuardResolver::Job {
  Submission submission;             // guard_outcomes: of this try
  std::vector<std::string> reasons;  // one an outcome
  WhenFull when_full = WhenFull::kRefuse;
  absl::Time begin;
  int tries = 0;
  absl::Status refusal;  // why an outcome stays unknown
};

GuardResolver::GuardResolver(Executor* executor, const RequestWindow* window,
                             std::unique_ptr<GuardClient> client)
    : executor_(executor),
      window_(window),
      workers_("guard", kThreads, kGuardedProposalsMax),
      client_(std::move(client)) {}

GuardResolver::~GuardResolver() {
  Drain();
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_ == 0; };
  absl::MutexLock lock(&mutex_, absl::Condition(&idle));
}

bool GuardResolver::MayAsk(const v1::SubmitRequest& request, const GuardChanges& pending) const {
  if (!SendsEvents(request)) return false;
  const GuardChanges own = GuardChangesOf(request);
  if (own.registrations + pending.registrations > 0) return true;
  const std::shared_ptr<const State> state = executor_->committed();
  const MachineTable& machines = state->machines();
  if (!machines.HasExternalGuards(request.namespace_())) return false;
  if (own.deletions + pending.deletions > 0) return true;
  for (const v1::Transition& transition : request.transitions()) {
    if (!transition.has_send_event()) continue;
    const std::optional<Instance> instance =
        state->FindInstance(request.namespace_(), transition.send_event().instance_id());
    if (!instance.has_value()) return true;
    const Machine* machine =
        machines.Find(request.namespace_(), instance->machine, instance->machine_version);
    if (machine == nullptr || machine->has_external_guards()) return true;
  }
  return false;
}

void GuardResolver::Submit(Submission submission, WhenFull when_full) {
  auto job = std::make_shared<Job>();
  job->submission = std::move(submission);
  job->when_full = when_full;
  job->begin = MonotonicNow();
  absl::Status refusal;
  {
    absl::MutexLock lock(&mutex_);
    if (draining_) {
      refusal = Draining();
    } else if (open_ < kGuardedProposalsMax) {
      ++open_;
    } else if (when_full == WhenFull::kWait) {
      waiting_.push_back(std::move(job));
      return;
    } else {
      refusal = TooManyProposals();
    }
  }
  if (!refusal.ok()) return job->submission.done(refusal);
  StartRound(job);
}

void GuardResolver::Drain() {
  std::deque<JobPtr> waiting;
  {
    absl::MutexLock lock(&mutex_);
    draining_ = true;
    waiting.swap(waiting_);
  }
  for (const JobPtr& job : waiting) job->submission.done(Draining());
  if (client_ != nullptr) client_->CancelAll();
}

bool GuardResolver::draining() const {
  absl::MutexLock lock(&mutex_);
  return draining_;
}

bool GuardResolver::IsRepeat(const v1::SubmitRequest& request) const {
  return !request.validate_only() && !request.request_id().empty() &&
         window_->Find(request.namespace_(), request.request_id(), Digest{}).has_value();
}

// ---------------------------------------------------------------- rounds

void GuardResolver::StartRound(const JobPtr& job) {
  // Each open job waits for one thing at most, so there is room.
  SWOOSH_CHECK(workers_.TryPost([this, job] { RunRound(job); }).ok());
}

void GuardResolver::RunRound(const JobPtr& job) {
  const Submission& submission = job->submission;
  // The executor has the first answer.
  if (IsRepeat(*submission.request)) return Propose(job);
  Answer tried = executor_->Validate(*submission.request, submission.actor,
                                     &submission.guard_outcomes, submission.grant.get());
  const v1::ErrorReason reason = ReasonOf(tried.status());
  if (reason == v1::GUARD_UNANSWERED) return Ask(job, tried.status());
  if (reason == v1::GUARD_INSTANCE_MOVED) return TryAgain(job);
  if (submission.request->validate_only()) return Finish(job, std::move(tried));
  Propose(job);
}

void GuardResolver::Ask(const JobPtr& job, const absl::Status& unanswered) {
  v1::GuardOutcome question;
  v1::EvaluateRequest request;
  SWOOSH_CHECK(GetDetail(unanswered, &question) && GetDetail(unanswered, &request));
  if (client_ == nullptr) {
    return GiveUp(job, Unanswered(question, "the server runs without --guard_provider"));
  }
  if (job->submission.guard_outcomes.size() >= kGuardQuestionsMax) {
    return GiveUp(job, TooManyQuestions());
  }
  const absl::Duration left = job->begin + kGuardedProposalTimeout - MonotonicNow();
  if (left <= absl::ZeroDuration()) {
    return GiveUp(
        job, Unanswered(question, absl::StrCat("the proposal's guards took more than ",
                                               absl::FormatDuration(kGuardedProposalTimeout))));
  }
  client_->Evaluate(request, std::min(left, kGuardCallTimeout),
                    [this, job, question](absl::StatusOr<v1::EvaluateResponse> response) {
                      SWOOSH_CHECK(workers_
                                       .TryPost([this, job, question, response] {
                                         TakeAnswer(job, question, response);
                                       })
                                       .ok());
                    });
}

void GuardResolver::TakeAnswer(const JobPtr& job, const v1::GuardOutcome& question,
                               absl::StatusOr<v1::EvaluateResponse> response) {
  if (!response.ok()) {
    return GiveUp(job,
                  draining() ? Draining() : Unanswered(question, WhyUnanswered(response.status())));
  }
  v1::GuardOutcome& outcome = *job->submission.guard_outcomes.Add();
  outcome = question;
  outcome.set_allowed(response->allowed());
  outcome.set_provider(client_->address());
  job->reasons.push_back(
      response->reason().substr(0, Utf8PrefixBytes(response->reason(), kGuardReasonBytesMax)));
  RunRound(job);
}

// The executor is asked all the same: it may have accepted the request before.
void GuardResolver::GiveUp(const JobPtr& job, absl::Status refusal) {
  if (job->submission.request->validate_only()) return Finish(job, std::move(refusal));
  job->refusal = std::move(refusal);
  Propose(job);
}

// ---------------------------------------------------------------- the executor

void GuardResolver::Propose(const JobPtr& job) {
  Submission submission;
  *submission.request = *job->submission.request;
  submission.actor = job->submission.actor;
  submission.grant = job->submission.grant;
  submission.guard_outcomes = job->submission.guard_outcomes;
  submission.done = [this, job](Answer answer) { OnProposed(job, std::move(answer)); };
  const absl::Status taken = executor_->TrySubmit(&submission);
  if (taken.ok()) return;
  if (ReasonOf(taken) == v1::QUEUE_FULL && job->when_full == WhenFull::kWait) {
    executor_->WhenRoom([this, job] { Propose(job); });
  } else {
    Finish(job, taken);
  }
}

void GuardResolver::OnProposed(const JobPtr& job, Answer answer) {
  if (WantsOutcomes(answer.status())) {
    if (job->refusal.ok()) return TryAgain(job);
    answer = job->refusal;
  }
  Finish(job, std::move(answer));
}

void GuardResolver::TryAgain(const JobPtr& job) {
  if (++job->tries == kTriesMax) return Finish(job, InstanceMoved());
  if (draining()) return Finish(job, Draining());
  job->submission.guard_outcomes.Clear();
  job->reasons.clear();
  StartRound(job);
}

void GuardResolver::Finish(const JobPtr& job, Answer answer) {
  if (!answer.ok()) {
    absl::Status status = answer.status();
    AddReasons(job->submission.guard_outcomes, job->reasons, &status);
    answer = status;
  }
  job->submission.done(std::move(answer));
  JobPtr next;
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.empty()) {
      --open_;
      return;
    }
    next = std::move(waiting_.front());  // gets the place
    waiting_.pop_front();
  }
  next->begin = MonotonicNow();
  StartRound(next);
}

// ---------------------------------------------------------------- what others need

GuardChanges GuardChangesOf(const v1::SubmitRequest& request) {
  GuardChanges changes;
  for (const v1::Transition& transition : request.transitions()) {
    if (transition.has_delete_instance()) ++changes.deletions;
    if (transition.has_register_machine() &&
        HasExternalGuard(transition.register_machine().machine().root())) {
      ++changes.registrations;
    }
  }
  return changes;
}

Answer MovedIfUnanswered(Answer answer) {
  if (ReasonOf(answer.status()) != v1::GUARD_UNANSWERED) return answer;
  return MakeError(absl::StatusCode::kAborted, v1::GUARD_INSTANCE_MOVED,
                   "an instance came to have external guards while the proposal was under way");
}

}  // namespace swoosh
