#ifndef SWOOSH_SERVER_GROUP_BUILDER_H_
#define SWOOSH_SERVER_GROUP_BUILDER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/hlc.h"
#include "core/reducer.h"
#include "core/sha256.h"
#include "core/state.h"
#include "server/change_feed.h"
#include "server/clock.h"
#include "server/grant.h"
#include "server/request_window.h"
#include "server/submission.h"
#include "storage/log.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

inline constexpr size_t kGroupRecordsMax = 1'024;
inline constexpr size_t kGroupBytesMax = 1'024 * 1'024;  // a group that has as many takes no more
// A record is never split on its way to watchers, whose messages gRPC bounds at 4 MiB by default.
inline constexpr size_t kRecordBytesMax = 4 * 1'024 * 1'024 - 65'536;

// Timers of one namespace that fire in one record. Proposals come between such records.
inline constexpr uint32_t kTimersFiredAtOnceMax = 50;
// An AdvanceClock that has fired so many gives up, because its timers may set one another for ever.
inline constexpr uint64_t kTimersOfAdvanceClockMax = 1'000'000;

// A submission on its way through the executor.
struct Pending {
  Submission submission;
  Digest fingerprint = {};  // with a request_id
  InstanceKeyList keys;     // of its transitions
};

// An answer that waits for the records before it.
struct PendingAnswer {
  enum class Kind : uint8_t {
    kAccepted,   // as record `index`, of this group
    kDuplicate,  // of record `index`, which is durable or on its way
    kRefused,    // with `refusal`
  };
  Kind kind = Kind::kRefused;
  uint64_t index = 0;
  v1::View view = v1::VIEW_UNSPECIFIED;
  std::shared_ptr<const CommittedRecord> record;  // kAccepted; complete once the group is taken
  std::vector<TransitionOutcome> outcomes;        // kAccepted
  absl::Status refusal;                           // kRefused
  GrantPtr grant;                                 // kDuplicate: whom the record is shown to
  std::function<void(Answer)> done;
};

// What is appended with one sync, and what to tell once it is.
struct Group {
  std::vector<std::shared_ptr<CommittedRecord>> records;  // contiguous; may be none
  std::vector<PendingAnswer> answers;                     // in the order of the proposals
  std::shared_ptr<const State> state;                     // after the last record; null without any
  std::vector<double> reduce_seconds;                     // one a proposal that was reduced
  std::vector<int64_t> fired_due_us;                      // deadlines of the timers that fired
  int64_t clock_held_us = 0;  // by how much the last record's time is ahead of the wall clock
  size_t state_bytes = 0;     // of memory in the state's tree
};

// Reduces proposals and due timers on the newest state, and gathers their records and answers in a
// group. Used by one thread at a time.
class GroupBuilder {
 public:
  enum class Added : uint8_t {
    kWhole,    // done with
    kPartly,   // not done with: call again
    kNothing,  // does not fit any more: Take() the group, and call again
  };

  // `writer` stands at the end of the log, of which `limits` are. `clock` is not owned, and may be
  // a ManualClock, which is `manual_clock` then, else nullptr.
  GroupBuilder(StateWriter writer, std::unique_ptr<RequestWindow> window, Clock* clock,
               ManualClock* manual_clock, Log::Limits limits);

  // Decides on a proposal, and puts its answer, and its record if it is accepted, into the group.
  // One that consists of AdvanceTime, which only the server makes, moves the manual clock there
  // from deadline to deadline, firing what is due at each.
  Added Add(Pending* pending);
  // To be called now and then with what will be added next, in that order: Add then waits less for
  // the memory.
  void LookAhead(const std::deque<Pending>& coming) const;
  // Gives up a proposal: answers it as Add would if it repeats a request, else with `refusal`.
  void GiveUp(Pending* pending, const absl::Status& refusal);

  // Fires what is due, a part of it at a time.
  Added FireDueTimers();
  bool timers_due() const { return UntilDueUs() <= 0; }
  // Until the next timer is due, by the clock; INT64_MAX when there is none. Time that stands still
  // is not taken into account.
  int64_t UntilDueUs() const;

  bool has_records() const { return !group_->records.empty(); }
  // Records or answers, whichever are more.
  size_t size() const { return std::max(group_->records.size(), group_->answers.size()); }
  bool empty() const { return group_->records.empty() && group_->answers.empty(); }

  // Ends the group: hashes the state, puts the hash into the last record, and begins another group.
  std::unique_ptr<Group> Take();

 private:
  // What a proposal comes to, before anything is changed.
  struct Draft {
    Hlc hlc;
    int64_t now_us = 0;
    Reduction reduction;
    v1::Record* record = nullptr;  // in the submission's arena; without changes
    size_t stored_bytes = 0;
  };

  Added AddClockStep(Pending* pending);
  absl::StatusOr<Draft> MakeDraft(Pending* pending);
  // Answers what needs no decision: what the actor may not do, and what was accepted before.
  bool AnswerAtOnce(Pending* pending);
  bool AnswerFromWindow(Pending* pending);
  void Refuse(Pending* pending, absl::Status refusal);
  bool Fits(size_t stored_bytes) const;
  // Takes the submission's arena.
  std::shared_ptr<const CommittedRecord> Append(const Draft& draft, Pending* pending);
  Added Accept(Draft draft, Pending* pending);
  void CloseLastRecord();

  StateWriter writer_;
  std::unique_ptr<RequestWindow> window_;
  Clock* const clock_;
  ManualClock* const manual_clock_;
  const size_t group_records_max_;
  const size_t append_bytes_max_;
  const size_t record_bytes_max_;

  std::unique_ptr<Group> group_ = std::make_unique<Group>();
  size_t group_bytes_ = 0;
  uint64_t clock_timers_fired_ = 0;  // by the AdvanceClock that is under way
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GROUP_BUILDER_H_
