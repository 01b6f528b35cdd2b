#ifndef SWOOSH_SERVER_EXECUTOR_H_
#define SWOOSH_SERVER_EXECUTOR_H_

#include <array>
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
//   TrySubmit ─▶ queue ─▶ request window, HLC, Reduce, record … into a group
//             ─▶ one synced Append of the group; then the group's state becomes the committed one
//                and its records go to the feed
//             ─▶ answers
//
// One of two threads takes a group all that way, so that a proposal that comes alone wakes no other
// thread. It reduces until the log is free; from then on what comes is reduced by the other one, so
// that groups grow with the load. At most two groups exist, and kProposalsWaitingMax proposals that
// are not answered. Many answers are left to the answer thread. A thread of its own trims the log.
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
    // Called once, after the first write that failed, with its error, and before anyone is answered
    // that it did; on the thread that wrote. It must not call Drain. May be null.
    std::function<void(const absl::Status&)> on_fenced;
    // Called after each group was published, in their order and before the next one is written:
    // must be quick. May be null.
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
  // as submission.h says. The order of calls is the order in which they are applied.
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
  // deadline: each timer fires at its time, and sees it. Then `done` is called, as a Submission's,
  // with the answer to a record of the new time. Requires Options::manual_clock.
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

  enum class Work : uint8_t {
    kReduce,  // proposals or due timers
    kWrite,   // a group, and the log is free
    kNone,    // there will be none any more
  };

  // The two threads: whose turn it is reduces.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  bool TakeTurn() ABSL_LOCKS_EXCLUDED(mutex_);
  std::unique_ptr<Group> BuildGroup() ABSL_LOCKS_EXCLUDED(mutex_);
  Work AwaitWork() ABSL_LOCKS_EXCLUDED(mutex_);
  void AwaitChange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ReduceTurn() ABSL_LOCKS_EXCLUDED(mutex_);
  bool WorthWriting() const;
  bool TimersMayFire() const;
  absl::Status CheckDiskSpace() const;
  bool LogIsForGroup() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeLog() ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveTurn() ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveUp() ABSL_LOCKS_EXCLUDED(mutex_);

  // Whoever has the log: one of the two, or the trimmer.
  void Write(std::unique_ptr<Group> group) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Commit(Group* group);
  void Publish(const Group& group);
  void ObserveLateness(const Group& group);
  void ReleaseLog(bool trimmed) ABSL_LOCKS_EXCLUDED(mutex_);
  void Fence(std::unique_ptr<Group> failed, const absl::Status& error) ABSL_LOCKS_EXCLUDED(mutex_);

  // Trimmer thread.
  void RunTrimmer() ABSL_LOCKS_EXCLUDED(mutex_);
  bool TakeLogToTrim(uint64_t* target) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status fence_request() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status TrimStep(uint64_t target);
  void FinishTrims() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Whoever answers.
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

  // Of the thread whose turn it is, once they run.
  GroupBuilder builder_;
  std::deque<Pending> taken_;

  mutable absl::Mutex mutex_;
  absl::CondVar turn_wakes_;     // who waits for its turn
  absl::CondVar reducer_wakes_;  // whose turn it is
  absl::CondVar trimmer_wakes_;
  bool reducing_ ABSL_GUARDED_BY(mutex_) = false;  // it is one's turn
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;     // nobody reduces ever again
  std::deque<Pending> queue_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::function<void()>> room_waiters_ ABSL_GUARDED_BY(mutex_);
  bool group_waits_ ABSL_GUARDED_BY(mutex_) = false;   // for the log
  bool trimmed_last_ ABSL_GUARDED_BY(mutex_) = false;  // who had the log last
  std::vector<TrimRequest> trims_ ABSL_GUARDED_BY(mutex_);
  std::multiset<uint64_t> pins_ ABSL_GUARDED_BY(mutex_);  // first indexes; none above is trimmed
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;  // the two threads have ended
  bool trimmer_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool fenced_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status fence_request_ ABSL_GUARDED_BY(mutex_);  // of FenceFor; OK without one
  // The last record whose append failed, so that nobody knows whether it is there.
  uint64_t unknown_through_ ABSL_GUARDED_BY(mutex_) = 0;

  // From taking the log until what was written is published. Changed with the mutex held; never
  // false again once fenced.
  std::atomic<bool> log_busy_{false};

  AnswerThread answers_;
  bool started_ = false;  // of the owner
  std::array<std::thread, 2> threads_;
  std::thread trimmer_thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_EXECUTOR_H_
