#ifndef SWOOSH_SERVER_EXECUTOR_H_
#define SWOOSH_SERVER_EXECUTOR_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/state.h"
#include "google/protobuf/repeated_field.h"
#include "server/answer_thread.h"
#include "server/change_feed.h"
#include "server/clock.h"
#include "server/disk_space.h"
#include "server/group_builder.h"
#include "server/metrics.h"
#include "server/request_window.h"
#include "server/submission.h"
#include "storage/log.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

inline constexpr size_t kProposalsWaitingMax = 4'096;
inline constexpr uint64_t kTrimStepRecords = 1'000;
inline constexpr size_t kTrimRequestsMax = 64;  // that wait

// Turns proposals into durable records, and is the only one that does.
//
//   TrySubmit ─▶ queue ─▶ executor thread: request window, HLC, Reduce, record … into a group
//             ─▶ committer thread: one synced Append of the group; then the group's state becomes
//                the committed one, its records go to the feed, its answers to the answer thread
//
// While the committer syncs, the executor builds the next group; it hands it over when the
// committer is free, so groups grow with the load. At most two groups exist, and
// kProposalsWaitingMax proposals that are not answered.
//
// What timers have become due fires by itself, in records of its own, a turn of them after a turn
// of proposals.
//
// An answer of any kind is released only after every record that was reduced before it is durable.
// The first append that fails fences: nothing is written any more, and reads of the committed state
// and the feed go on.
//
// Thread-safe, except Start, Drain and the destructor, which are for the owner.
class Executor {
 public:
  struct Options {
    // Records to keep when trimming; 0 = nothing is trimmed but on request.
    uint64_t retain_records = 0;
    // As SnapshotStore::oldest_verified_index(). Any thread. Null: nothing can be trimmed.
    std::function<uint64_t()> oldest_snapshot_index;
    // Called once, on the committer thread, after the first write that failed, with its error, and
    // before anyone is answered that it did. It must not call Drain. May be null.
    std::function<void(const absl::Status&)> on_fenced;
    // Called after each group was published, on the committer thread: must be quick. May be null.
    std::function<void(uint64_t commit_index)> on_committed;
    // Asked before a proposal is taken, before it is reduced, and before a timer fires; null =
    // always enough.
    DiskSpace* disk_space = nullptr;
    // The clock, if it is a manual one: for AdvanceClock.
    ManualClock* manual_clock = nullptr;
  };

  // `writer` stands at the end of `log`, and `window` holds its requests. `feed` follows `log` and
  // is published to by this executor alone. None of the pointers is owned; all outlive it.
  Executor(Log* log, StateWriter writer, std::unique_ptr<RequestWindow> window, ChangeFeed* feed,
           Clock* clock, Metrics* metrics, Options options);
  // As Drain().
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Starts the threads. Proposals submitted before wait.
  void Start();

  // Takes a proposal: moves from `submission` and returns OK; `done` is then called exactly once,
  // on the answer thread (submission.h). The order of calls is the order in which they are applied.
  // Else `submission` is as it was, `done` is not called, and it was not applied:
  //   kResourceExhausted: QUEUE_FULL (see WhenRoom), DISK_NEARLY_FULL
  //   kUnavailable: DRAINING, FENCED
  absl::Status TrySubmit(Submission* submission) ABSL_LOCKS_EXCLUDED(mutex_);

  // `retry` is called once, when TrySubmit is worth trying again: there is room in the queue, or it
  // will be refused for another reason. On the answer thread; on the caller's after Drain. For
  // whoever got QUEUE_FULL and can wait.
  void WhenRoom(std::function<void()> retry) ABSL_LOCKS_EXCLUDED(mutex_);

  // What TrySubmit would answer, without a trace: Reduce on the committed state, now. `index`,
  // `hlc` and `record_hash` are not set, and instances bear the version they would get. Errors as
  // Reduce, and MACHINE_DENIED. Runs on the caller's thread. `guard_outcomes` may be null, and so
  // may `grant`: everything is allowed.
  absl::StatusOr<v1::SubmitResponse> Validate(
      const v1::SubmitRequest& request, absl::string_view actor,
      const google::protobuf::RepeatedPtrField<v1::GuardOutcome>* guard_outcomes = nullptr,
      const Grant* grant = nullptr) const;

  // Moves the manual clock to `to_us`, microseconds since the Unix epoch, from deadline to
  // deadline: each timer fires at its time, and sees it. Then `done` is called, on the answer
  // thread, with the answer to a record of the new time. Requires Options::manual_clock.
  //   kInvalidArgument: `to` lies before the clock's time
  //   kResourceExhausted: LIMIT_REACHED, kTimersOfAdvanceClockMax timers fired; QUEUE_FULL
  //   kUnavailable: DRAINING, FENCED, NOT_APPLIED, OUTCOME_UNKNOWN
  void AdvanceClock(int64_t to_us, std::function<void(Answer)> done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the writing as a failed write does, because of `error`: what was not handed to the log is
  // refused (NOT_APPLIED), and Options::on_fenced is told. Does not wait. Idempotent.
  void FenceFor(const absl::Status& error) ABSL_LOCKS_EXCLUDED(mutex_);

  // The committed state: everything acknowledged before the call is in it.
  std::shared_ptr<const State> committed() const ABSL_LOCKS_EXCLUDED(committed_mutex_);

  // Asks for the log to be trimmed below `first_kept`, or below trim_bound() if that is less: by
  // kTrimStepRecords at a time, between groups. Then `done` (which may be null) is called, on the
  // answer thread, with the log's first index.
  //   kUnavailable: FENCED; DRAINING, and `done` may then be called on the caller's thread
  //   kResourceExhausted: LIMIT_REACHED, kTrimRequestsMax others wait
  void TrimTo(uint64_t first_kept, std::function<void(absl::StatusOr<uint64_t>)> done)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Trims to Options::retain_records, if that is not 0.
  void TrimToRetained() ABSL_LOCKS_EXCLUDED(mutex_);
  // The highest index that may be the log's first: a restart needs the records after the oldest
  // kept snapshot that counts, and those of the request window. What is pinned stays besides.
  uint64_t trim_bound() const;

  // Keeps the records from first_index() on in the log as long as it lives: for who reads all of
  // it. To be destroyed before the executor, on any thread.
  class LogPin {
   public:
    ~LogPin();
    LogPin(const LogPin&) = delete;
    LogPin& operator=(const LogPin&) = delete;
    uint64_t first_index() const { return *place_; }

   private:
    friend class Executor;
    LogPin(Executor* executor, std::multiset<uint64_t>::iterator place)
        : executor_(executor), place_(place) {}
    Executor* const executor_;
    const std::multiset<uint64_t>::iterator place_;
  };
  // Of the whole log, but for what is about to be trimmed.
  std::unique_ptr<LogPin> PinLog() ABSL_LOCKS_EXCLUDED(mutex_);

  // Over how many records a request_id is remembered.
  uint64_t window_records() const { return window_records_; }
  bool fenced() const ABSL_LOCKS_EXCLUDED(mutex_);
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mutex_);  // proposals taken and not answered

  // Refuses new proposals (DRAINING), carries out what was taken, answers it, and ends the threads.
  // Blocks; a write that hangs makes it hang, so the caller bounds it. Idempotent.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct TrimRequest {
    uint64_t first_kept = 0;
    std::function<void(absl::StatusOr<uint64_t>)> done;
  };

  // Executor thread.
  void RunExecutor();
  bool TakeWork() ABSL_LOCKS_EXCLUDED(mutex_);
  bool AwaitCommitter() ABSL_LOCKS_EXCLUDED(mutex_);
  void HandOver() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HandOverFullGroup() ABSL_LOCKS_EXCLUDED(mutex_);
  bool FireTimers() ABSL_LOCKS_EXCLUDED(mutex_);
  bool ReduceProposals() ABSL_LOCKS_EXCLUDED(mutex_);
  bool TimersMayFire() const;
  absl::Status CheckDiskSpace() const;
  void AwaitWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveUp() ABSL_LOCKS_EXCLUDED(mutex_);

  // Committer thread.
  void RunCommitter() ABSL_LOCKS_EXCLUDED(mutex_);
  bool AwaitCommitterWork(std::unique_ptr<Group>* group, uint64_t* trim_target)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status fence_request() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Commit(Group* group);
  void Publish(std::unique_ptr<Group> group);
  void ObserveLateness(const Group& group);
  void Fence(std::unique_ptr<Group> failed, const absl::Status& error) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status TrimStep(uint64_t target);
  void FinishTrims() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Answer thread.
  void OnAnswering(size_t answers) ABSL_LOCKS_EXCLUDED(mutex_);

  void WakeRoomWaiters() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Log* const log_;
  ChangeFeed* const feed_;
  Clock* const clock_;
  Metrics* const metrics_;
  const Options options_;
  const uint64_t window_records_;

  mutable absl::Mutex committed_mutex_;
  std::shared_ptr<const State> committed_ ABSL_GUARDED_BY(committed_mutex_);

  // Of the executor thread, once it runs.
  GroupBuilder builder_;
  std::deque<Pending> taken_;

  mutable absl::Mutex mutex_;
  absl::CondVar executor_wakes_;
  absl::CondVar committer_wakes_;
  std::deque<Pending> queue_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::function<void()>> room_waiters_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Group> handed_over_ ABSL_GUARDED_BY(mutex_);
  std::vector<TrimRequest> trims_ ABSL_GUARDED_BY(mutex_);
  std::multiset<uint64_t> pins_ ABSL_GUARDED_BY(mutex_);  // first indexes; none above is trimmed
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool executor_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool committer_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool fenced_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status fence_request_ ABSL_GUARDED_BY(mutex_);  // of FenceFor; OK without one
  // The last record whose append failed, so that nobody knows whether it is there.
  uint64_t unknown_through_ ABSL_GUARDED_BY(mutex_) = 0;

  // From handing over a group until it is published. Set by the executor thread, cleared by the
  // committer; never cleared again once fenced.
  std::atomic<bool> committer_busy_{false};

  AnswerThread answers_;
  bool started_ = false;  // of the owner
  std::thread executor_thread_;
  std::thread committer_thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_EXECUTOR_H_
