// The passing of time: which timers fire in a record, and what becomes of each.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/proposal_reducer.h"
#include "core/record.h"

namespace swoosh {

// In order of deadline and then of creation, also those that the firing of others sets.
absl::Status ProposalReducer::AdvanceTime(const v1::AdvanceTime& advance) {
  constexpr char kField[] = "advance_time";
  if (proposal_.transitions->size() != 1) {
    return InvalidField(kField, "stands alone in its proposal");
  }
  if (state_.timers() == nullptr) {
    return InvalidField(kField, "can't be tried without being done");
  }
  const int64_t to_us = MicrosFromTimestamp(advance.to());
  if (to_us > hlc_.time_us)
    return InvalidField("advance_time.to", "lies ahead of the record's time");
  if (advance.fire_max() > kTimersFiredPerRecordMax) {
    return InvalidField("advance_time.fire_max",
                        absl::StrCat("is at most ", kTimersFiredPerRecordMax));
  }
  const TimerIndex::Timers& waiting = state_.timers()->In(proposal_.ns);
  auto next = waiting.begin();
  for (uint32_t fired = 0; fired < advance.fire_max();) {
    const bool of_record = !due_at_once_.empty() &&
                           (next == waiting.end() || due_at_once_.begin()->first < next->first);
    if (!of_record && (next == waiting.end() || next->first.due_us > to_us)) break;
    const auto [key, id] = of_record ? *due_at_once_.begin() : *next;
    if (of_record) {
      due_at_once_.erase(due_at_once_.begin());
    } else {
      ++next;
    }
    if (Fire(key, id, to_us)) ++fired;
  }
  return absl::OkStatus();
}

// False when the timer is there no more: an earlier one of this record took it back.
bool ProposalReducer::Fire(const TimerKey& key, const std::string& id, int64_t to_us) {
  absl::StatusOr<Draft*> found = FindDraft(id, "");
  SWOOSH_CHECK(found.ok());
  Draft& draft = **found;
  if (!draft.now.has_value()) return false;
  std::vector<Timer>& timers = draft.now->timers;
  const auto place = std::find_if(timers.begin(), timers.end(),
                                  [&](const Timer& timer) { return timer.key == key; });
  if (place == timers.end()) return false;
  const Timer timer = std::move(*place);
  timers.erase(place);
  reduction_.fired_due_us.push_back(key.due_us);
  if (timer.kind == Timer::Kind::kRetention) {
    Delete(&draft);
    return true;
  }
  FireStep(timer, &draft);
  for (const Timer& set : draft.now->timers) {
    if (set.key.due_us > to_us) break;
    if (set.key.created_index == index_) due_at_once_.emplace(set.key, id);
  }
  return true;
}

// The timer is consumed whatever happens. A step that fails is undone, and only that step.
void ProposalReducer::FireStep(const Timer& timer, Draft* draft) {
  const Instance before = *draft->now;
  StepTrace trace;
  const StepPlace place = Place(*draft);
  absl::Status status = Interpreter(*draft->machine, place, &*draft->now, &trace).Fire(timer);
  if (status.ok()) status = FinishStep(std::move(trace), draft);
  if (status.ok()) return;
  draft->now = before;
  FaultInstance(status, draft);
}

// It takes no events any more, and so its timers have no meaning.
void ProposalReducer::FaultInstance(const absl::Status& why, Draft* draft) {
  Instance& instance = *draft->now;
  instance.status = v1::Instance::FAULTED;
  instance.timers.clear();
  instance.fault = Fault{static_cast<int>(why.code()), ReasonOf(why), std::string(why.message())};
  instance.version = index_;
  instance.update_time_us = hlc_.time_us;
  draft->faulted = true;
  draft->changed = true;
}

}  // namespace swoosh
