#ifndef SWOOSH_STORAGE_PIPELINE_H_
#define SWOOSH_STORAGE_PIPELINE_H_

#include <cstddef>
#include <functional>

namespace swoosh {

// What is done to the items of a row, which are held in slots: item i in slot i % slot_count. An
// item is touched by one step at a time, with what the step before did to it visible; a slot is
// filled again when its item was retired.
struct PipelineSteps {
  // On the helper's thread, in order. False: there are no more items, and the slot is left as it
  // is.
  std::function<bool(size_t slot)> fill;
  // On the caller's thread, in order. False: this is the last item that is advanced.
  std::function<bool(size_t slot)> advance;
  // On either thread, in any order.
  std::function<void(size_t slot)> finish;
  // On the caller's thread, in order. False: neither this step nor `advance` is called again.
  std::function<bool(size_t slot)> retire;
};

// Takes a row of items through their steps on two threads, the caller's and one of its own, and
// returns when all are through, or as many as the steps let through. `finish` is done by whichever
// thread has nothing better to do. At most `slot_count` items, of 2 or more, are under way at once.
void RunPipeline(size_t slot_count, const PipelineSteps& steps);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_PIPELINE_H_
