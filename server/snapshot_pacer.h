#ifndef SWOOSH_SERVER_SNAPSHOT_PACER_H_
#define SWOOSH_SERVER_SNAPSHOT_PACER_H_

#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "storage/snapshot_steps.h"

namespace swoosh {

// What of one processor a snapshot takes beside proposals, as long as that is enough for it to be
// done in time.
inline constexpr double kSnapshotProcessorShareMin = 0.05;
// How long it works without a rest, by the processor's time: what a commit may have to wait for it.
inline constexpr absl::Duration kSnapshotSlice = absl::Microseconds(200);

// What of a processor a snapshot has to take from now on: above 0, at most 1. `done` of it took
// `worked` of the processor's time; it should end within `left`.
double SnapshotProcessorShare(double done, absl::Duration worked, absl::Duration left);

// Lets one snapshot be written in short slices, with pauses between them that leave the processors
// and the disk to the proposals: as long as they may be for it to be done in time. Used by one
// thread, the one that writes.
class SnapshotPacer {
 public:
  struct Options {
    // By then the snapshot should be done. From then on there are no pauses, so it ends however
    // slow it was so far.
    absl::Duration duration_max;
    uint64_t bytes_per_second_max = 0;  // 0 = no bound
    // Whether there is nobody to be considerate to: the slices then follow each other. Called once
    // a slice.
    std::function<bool()> is_alone;
  };

  // The snapshot begins now.
  explicit SnapshotPacer(Options options);

  // Sleeps when a slice is over.
  void Pause(const SnapshotProgress& progress);

 private:
  absl::Duration PauseOf(const SnapshotProgress& progress, absl::Duration slice_worked,
                         absl::Time now) const;

  const Options options_;
  const absl::Time began_;
  const absl::Duration worked_before_;  // the thread, as are all of its processor's time
  absl::Time slice_began_;
  absl::Duration slice_worked_before_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SNAPSHOT_PACER_H_
