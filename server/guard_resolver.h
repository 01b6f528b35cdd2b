#ifndef SWOOSH_SERVER_GUARD_RESOLVER_H_
#define SWOOSH_SERVER_GUARD_RESOLVER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/executor.h"
#include "server/guard_client.h"
#include "server/request_window.h"
#include "server/submission.h"
#include "server/worker_pool.h"
#include "swoosh/v1/guard.pb.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// Proposals that wait for the provider, or for the executor after it answered.
inline constexpr size_t kGuardedProposalsMax = 1'024;
// Questions that one proposal may ask, one after the other, and how long that may take in all.
inline constexpr int kGuardQuestionsMax = 64;
inline constexpr absl::Duration kGuardedProposalTimeout = absl::Seconds(10);
// Of what a provider says to a denial, as much is shown to the client.
inline constexpr size_t kGuardReasonBytesMax = 512;

// What proposals may change about which instances have external guards.
struct GuardChanges {
  size_t registrations = 0;  // of machines with external guards
  size_t deletions = 0;      // of instances: another one may follow under the same id
};
GuardChanges GuardChangesOf(const v1::SubmitRequest& request);

// Finds what external guards say to a proposal, and then proposes it to the executor:
//
//   try the proposal on the committed state ─▶ an outcome is missing: ask the provider, and again
//   nothing is missing ─▶ the executor, with the outcomes, each bound to the instance's version
//   the instance moved in the meantime ─▶ all over again, once; then ABORTED, GUARD_INSTANCE_MOVED
//
// A provider that gives no answer refuses the whole proposal (UNAVAILABLE, GUARD_UNANSWERED). Every
// proposal ends at the executor, also one that lacks an outcome: so a request that was accepted
// before gets its first answer however the provider fares, and it is not asked for one. The
// executor never waits for a provider, and neither does any thread.
//
// Thread-safe. The executor must be drained before this is destroyed.
class GuardResolver {
 public:
  // What to do with one proposal too many, here or at the executor: refuse it, or let it wait.
  enum class WhenFull : uint8_t { kRefuse, kWait };

  // `client` is null without a provider: then no question is answered. `window` is the executor's.
  // Neither it nor the executor is owned.
  GuardResolver(Executor* executor, const RequestWindow* window,
                std::unique_ptr<GuardClient> client);
  // As Drain; waits until every `done` was called.
  ~GuardResolver();
  GuardResolver(const GuardResolver&) = delete;
  GuardResolver& operator=(const GuardResolver&) = delete;

  // Whether `request` may need the provider, so that it belongs into Submit. False of whatever
  // touches no instance of a machine with external guards; true, to be safe, of what the committed
  // state does not tell, as of an instance that is not there yet, or when `pending`, which is
  // carried out before it and not committed yet, may make a difference. Cheap where the namespace
  // has no such machine.
  bool MayAsk(const v1::SubmitRequest& request, const GuardChanges& pending = {}) const;

  // Carries out a proposal, or tries it when it is `validate_only`. `done` is called exactly once,
  // on any thread, the caller's included; it must not block. Errors as TrySubmit
  // (server/executor.h) and in Answer (server/submission.h), and
  //   kUnavailable: GUARD_UNANSWERED; DRAINING, when the server shuts down before the provider
  //     answered
  //   kAborted: GUARD_INSTANCE_MOVED
  //   kResourceExhausted: LIMIT_REACHED, kGuardedProposalsMax others wait, unless WhenFull::kWait;
  //     the proposal asks more than kGuardQuestionsMax times
  void Submit(Submission submission, WhenFull when_full) ABSL_LOCKS_EXCLUDED(mutex_);

  // Gives up what waits for the provider (DRAINING), also what comes later.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  // On workers_.
  void RunRound(const JobPtr& job);
  void Ask(const JobPtr& job, const absl::Status& unanswered);
  void TakeAnswer(const JobPtr& job, const v1::GuardOutcome& question,
                  absl::StatusOr<v1::EvaluateResponse> response);
  // Any thread.
  void StartRound(const JobPtr& job);
  void GiveUp(const JobPtr& job, absl::Status refusal);
  void Propose(const JobPtr& job);
  void OnProposed(const JobPtr& job, Answer answer);
  void TryAgain(const JobPtr& job);
  void Finish(const JobPtr& job, Answer answer) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsRepeat(const v1::SubmitRequest& request) const;
  bool draining() const ABSL_LOCKS_EXCLUDED(mutex_);

  Executor* const executor_;
  const RequestWindow* const window_;

  mutable absl::Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;  // jobs that were begun
  std::deque<JobPtr> waiting_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;

  WorkerPool workers_;
  const std::unique_ptr<GuardClient> client_;
};

// The answer to a proposal that went to the executor without outcomes, because nothing in the
// committed state asked for one: if it did need one after all, its instance moved.
Answer MovedIfUnanswered(Answer answer);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GUARD_RESOLVER_H_
