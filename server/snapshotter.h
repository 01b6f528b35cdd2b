#ifndef SWOOSH_SERVER_SNAPSHOTTER_H_
#define SWOOSH_SERVER_SNAPSHOTTER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/sha256.h"
#include "core/state.h"
#include "server/metrics.h"
#include "storage/snapshot_steps.h"
#include "storage/snapshot_store.h"

namespace swoosh {

// What the log after a snapshot may cost a restart, when the next one is begun.
inline constexpr double kReplaySecondsMax = 5;
// How fast a log is replayed as long as no recovery has measured it.
inline constexpr double kReplayRecordsPerSecondAssumed = 50'000;
// A recovery measures the rate if it replayed as many.
inline constexpr uint64_t kReplayRecordsMeasuredMin = 10'000;
inline constexpr uint64_t kSnapshotBytesPerSecondMax = 64 * 1024 * 1024;
// An entry of the state in a snapshot, as long as none was written.
inline constexpr uint64_t kSnapshotEntryBytesAssumed = 256;
// A snapshot beside proposals is done within this part of the time in which the next one becomes
// due, at the rate at which records came since the one before; and within the seconds.
inline constexpr double kSnapshotIntervalShareMax = 0.75;
inline constexpr absl::Duration kSnapshotDurationMax = absl::Minutes(1);
// When nothing was committed for as long, a snapshot is written as fast as it can be. A disk that
// is slow to sync is no reason to burden it more: it takes less than that.
inline constexpr absl::Duration kSnapshotAloneAfter = absl::Milliseconds(500);
// Of its thread. It still gets a processor's share that lets it end when all are busy.
inline constexpr int kSnapshotNice = 5;
inline constexpr size_t kSnapshotRequestsMax = 64;                     // that wait
inline constexpr absl::Duration kSnapshotRetryMin = absl::Seconds(1);  // after a failure; doubles
inline constexpr absl::Duration kSnapshotRetryMax = absl::Minutes(5);

// After how many records a snapshot is due: `every_records` if not 0, else as many as are replayed
// in kReplaySecondsMax, at the rate at which the last recovery replayed, or the assumed one.
uint64_t SnapshotIntervalRecords(uint64_t every_records, uint64_t replayed_records,
                                 double replay_seconds);

// How long a snapshot may take that begins now, when `records` were committed since the one before
// was begun, `elapsed` ago, and another one is due after each `interval_records`.
absl::Duration SnapshotDurationMax(uint64_t interval_records, uint64_t records,
                                   absl::Duration elapsed);

// Writes snapshots of the committed state on a background thread of low priority, when they are due
// and on request; beside proposals as slowly as SnapshotDurationMax() allows. A failure is counted,
// logged and tried again later, each time after twice as long. Thread-safe, except Start and Stop.
class Snapshotter {
 public:
  struct Options {
    uint64_t interval_records = 0;  // SnapshotIntervalRecords(); at least 1
    uint64_t bytes_per_second_max = kSnapshotBytesPerSecondMax;
    std::function<std::shared_ptr<const State>()> committed;
    std::function<void()> on_snapshot;  // after each one, on the background thread; may be null
    // Whether so many bytes may be written: kResourceExhausted says why not. Null = always.
    std::function<absl::Status(uint64_t bytes)> check_room;
  };
  struct Taken {
    uint64_t index = 0;
    Digest state_hash = {};
  };
  using Done = std::function<void(absl::StatusOr<Taken>)>;

  // `last_index` is the index of the newest snapshot that counts, 0 without one. Pointers are not
  // owned.
  Snapshotter(SnapshotStore* store, uint64_t last_index, Metrics* metrics, Options options);
  // As Stop(false).
  ~Snapshotter();
  Snapshotter(const Snapshotter&) = delete;
  Snapshotter& operator=(const Snapshotter&) = delete;

  void Start();

  // Tells that records up to `commit_index` are committed. Quick: for who writes the log.
  void OnCommitted(uint64_t commit_index);

  // Takes a snapshot of the state committed now, or of a later one, unless that has one already;
  // then calls `done`, on the background thread; on the caller's for DRAINING and LIMIT_REACHED.
  //   kUnavailable: SNAPSHOT_FAILED; DRAINING
  //   kResourceExhausted: SNAPSHOT_FAILED, the disk has no room for it; LIMIT_REACHED,
  //     kSnapshotRequestsMax others wait
  void TakeNow(Done done);

  // Finishes a snapshot that is being written, no longer slowly, takes a last one of the committed
  // state if `final` and it has none, without a bound on its speed, and ends the thread. Returns
  // the last one's error. Idempotent; the first call's `final` counts.
  absl::Status Stop(bool final);

  uint64_t last_index() const { return last_index_.load(std::memory_order_acquire); }

 private:
  // Background thread.
  void Run();
  bool AwaitWork(absl::Time not_before, std::vector<Done>* requests) ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Taken> Take(bool paced) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<uint64_t> Write(const State& state, SnapshotPause pause);
  SnapshotPause PauseFor(uint64_t index);
  void CheckDue(uint64_t commit_index) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsAlone() const;

  SnapshotStore* const store_;
  Metrics* const metrics_;
  const Options options_;
  std::atomic<uint64_t> last_index_;
  uint64_t last_bytes_ = 0;  // of the newest one taken here; of the background thread
  // Where and when, by the monotonic clock, the newest one was begun here, or this was started. Of
  // the background thread.
  uint64_t begun_index_ = 0;
  absl::Time begun_ = absl::InfinitePast();
  std::atomic<uint64_t> due_index_;  // a commit at or above it makes a snapshot due
  // Of the last OnCommitted(): by the monotonic clock, since its epoch.
  std::atomic<int64_t> committed_us_{0};
  std::atomic<bool> hurries_{false};  // Stop() waits

  absl::Mutex mutex_;
  absl::CondVar wakes_;
  bool due_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Done> requests_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool final_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status final_status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SNAPSHOTTER_H_
