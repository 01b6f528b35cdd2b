#include "storage/pipeline.h"

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/check.h"

namespace swoosh {
namespace {

// Items are known by their numbers, from 0. Those below a count have been through its step;
// retired <= begun to be finished <= advanced <= filled <= retired + slot_count.
class Pipeline {
 public:
  Pipeline(size_t slot_count, const PipelineSteps& steps)
      : slot_count_(slot_count), steps_(steps), finished_(slot_count) {
    SWOOSH_CHECK(slot_count >= 2);
  }

  void RunCaller() ABSL_LOCKS_EXCLUDED(mutex_);
  void RunHelper() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  size_t SlotOf(uint64_t item) const { return item % slot_count_; }

  bool CanFill() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !fill_ended_ && !advance_ended_ && filled_ < retired_ + slot_count_;
  }
  bool CanAdvance() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !advance_ended_ && advanced_ < filled_;
  }
  bool CanFinish() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return finish_begun_ < advanced_; }
  bool CanRetire() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return retired_ < finish_begun_ && finished_[SlotOf(retired_)];
  }
  // Nothing will be advanced any more.
  bool AtEnd() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return advance_ended_ || (fill_ended_ && advanced_ == filled_);
  }
  bool HelperHasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return CanFill() || CanFinish() || AtEnd();
  }
  bool CallerHasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return CanRetire() || CanAdvance() || CanFinish() || (AtEnd() && retired_ == advanced_);
  }

  // Each is called with the lock, and gives it up while the step runs.
  void Fill() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Retire() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t slot_count_;
  const PipelineSteps& steps_;

  absl::Mutex mutex_;
  uint64_t filled_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t advanced_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t finish_begun_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t retired_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<bool> finished_ ABSL_GUARDED_BY(mutex_);  // of the items that are not retired
  bool fill_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool advance_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

void Pipeline::Fill() {
  const size_t slot = SlotOf(filled_);
  mutex_.Unlock();
  const bool is_filled = steps_.fill(slot);
  mutex_.Lock();
  if (is_filled) {
    ++filled_;
  } else {
    fill_ended_ = true;
  }
}

void Pipeline::Advance() {
  const size_t slot = SlotOf(advanced_);
  mutex_.Unlock();
  const bool goes_on = steps_.advance(slot);
  mutex_.Lock();
  ++advanced_;
  if (!goes_on) advance_ended_ = true;
}

void Pipeline::Finish() {
  const size_t slot = SlotOf(finish_begun_++);
  mutex_.Unlock();
  steps_.finish(slot);
  mutex_.Lock();
  finished_[slot] = true;
}

bool Pipeline::Retire() {
  const size_t slot = SlotOf(retired_);
  mutex_.Unlock();
  const bool goes_on = steps_.retire(slot);
  mutex_.Lock();
  finished_[slot] = false;
  ++retired_;
  return goes_on;
}

// First what the other thread waits for.
void Pipeline::RunCaller() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    mutex_.Await(absl::Condition(this, &Pipeline::CallerHasWork));
    if (CanRetire()) {
      if (Retire()) continue;
      advance_ended_ = true;
      return;
    }
    if (CanAdvance()) {
      Advance();
    } else if (CanFinish()) {
      Finish();
    } else {
      return;
    }
  }
}

// Keeps enough filled for the caller never to wait, and finishes what it leaves.
void Pipeline::RunHelper() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    mutex_.Await(absl::Condition(this, &Pipeline::HelperHasWork));
    const bool ahead = filled_ - advanced_ > slot_count_ / 4;
    if (CanFill() && !(ahead && CanFinish())) {
      Fill();
    } else if (CanFinish()) {
      Finish();
    } else if (AtEnd()) {
      return;
    }
  }
}

}  // namespace

void RunPipeline(size_t slot_count, const PipelineSteps& steps) {
  Pipeline pipeline(slot_count, steps);
  std::thread helper([&pipeline] { pipeline.RunHelper(); });
  pipeline.RunCaller();
  helper.join();
}

}  // namespace swoosh
