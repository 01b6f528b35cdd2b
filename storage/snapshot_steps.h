#ifndef SWOOSH_STORAGE_SNAPSHOT_STEPS_H_
#define SWOOSH_STORAGE_SNAPSHOT_STEPS_H_

#include <cstdint>
#include <functional>
#include <utility>

namespace swoosh {

// How far the writing of a snapshot is. A step is an entry that was written, or read back.
struct SnapshotProgress {
  uint64_t steps_done = 0;
  uint64_t steps = 0;  // of the whole snapshot
  uint64_t written_bytes = 0;
};

// Called again and again while a snapshot is written and read back, each time after some 100 us of
// work at most, on the thread that does it. It may sleep: no lock is held.
using SnapshotPause = std::function<void(const SnapshotProgress&)>;

// Counts the steps, and lets whoever wants it rest between them.
class SnapshotSteps {
 public:
  SnapshotSteps() = default;  // nobody wants to know
  SnapshotSteps(uint64_t entries, SnapshotPause pause) : pause_(std::move(pause)) {
    progress_.steps = 2 * entries;
  }

  // An entry was written, or read back.
  void DidEntry() {
    if (++progress_.steps_done % kStepsAtOnce == 0) Rest();
  }
  void DidWrite(uint64_t bytes) { progress_.written_bytes += bytes; }
  // Some work was done that is not counted by entries.
  void Rest() const {
    if (pause_ != nullptr) pause_(progress_);
  }

  uint64_t written_bytes() const { return progress_.written_bytes; }

 private:
  static constexpr uint64_t kStepsAtOnce = 64;  // some 30 us

  SnapshotPause pause_;
  SnapshotProgress progress_;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_SNAPSHOT_STEPS_H_
