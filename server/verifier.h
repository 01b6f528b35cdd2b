#ifndef SWOOSH_SERVER_VERIFIER_H_
#define SWOOSH_SERVER_VERIFIER_H_

#include <cstddef>
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
#include "server/executor.h"
#include "server/metrics.h"
#include "storage/log.h"
#include "storage/snapshot_store.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// The first run after a start, and from the end of one to the next. A check that has to be asked
// for is one that nobody asks for.
inline constexpr absl::Duration kVerifyFirstAfter = absl::Minutes(5);
inline constexpr absl::Duration kVerifyInterval = absl::Hours(24);
// About a fifth of what a core replays.
inline constexpr uint64_t kVerifyRecordsPerSecondMax = 20'000;
inline constexpr size_t kVerifyRequestsMax = 64;  // that wait

// Proves, in a server that runs, that the state which is served is the one that the stored records
// lead to: by a second replay, from the oldest state there is, on a background thread of low
// priority and at a bounded rate; and then entry by entry. The recovery before proved the same of
// the state it began with; this finds what went wrong since, in memory or in the server's own code.
//
// While it runs it holds a second copy of the state, and the log is not trimmed. A run is refused
// where less memory is free than the process uses.
//
// Thread-safe, except Start and Stop.
class Verifier {
 public:
  struct Options {
    const Log* log = nullptr;
    SnapshotStore* snapshots = nullptr;
    std::string origin_id;
    std::function<std::shared_ptr<const State>()> committed;
    std::function<std::unique_ptr<Executor::LogPin>()> pin_log;
    // Called once, on the background thread, when the state served is not what the records lead to,
    // with kDataLoss. It must see to it that the state is not served any more.
    std::function<void(const absl::Status&)> on_mismatch;
    absl::Duration first_after = kVerifyFirstAfter;
    absl::Duration interval = kVerifyInterval;
    uint64_t records_per_second_max = kVerifyRecordsPerSecondMax;  // 0 = no bound
    // Bytes that the process could still take, and those that it has; replaced in tests.
    std::function<uint64_t()> memory_free_bytes;
    std::function<uint64_t()> memory_used_bytes;
  };
  struct Verified {
    uint64_t from_index = 0;  // of the state that the replay began with
    uint64_t index = 0;
    Digest state_hash = {};
    uint64_t records = 0;  // replayed
    absl::Time time = absl::InfinitePast();
  };
  using Done = std::function<void(absl::StatusOr<Verified>)>;

  // Pointers are not owned.
  Verifier(Metrics* metrics, Options options);
  // As Stop().
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  void Start();
  // Gives up a run that is under way, answers who waits, and ends the thread. Idempotent.
  void Stop();

  // Runs as soon as the run that is under way has ended, then calls `done` on the background
  // thread; on the caller's for LIMIT_REACHED and DRAINING.
  //   kDataLoss: DATA_DAMAGED: the state served is wrong, and on_mismatch was called; or a stored
  //     record is damaged, and it was not. The message says which, and names the index.
  //   kResourceExhausted: LIMIT_REACHED: too little memory, or kVerifyRequestsMax others wait
  //   kUnavailable: VERIFY_FAILED: the disk can't be read; DRAINING
  void VerifyNow(Done done) ABSL_LOCKS_EXCLUDED(mutex_);

  // The last run that found everything right; its index is 0 when there was none.
  Verified last() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Background thread.
  void Run();
  bool AwaitWork(absl::Time due, std::vector<Done>* requests) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Verified> RunOnce();
  absl::Status CheckMemory() const;
  absl::Status Mismatch(absl::string_view what);
  absl::StatusOr<Verified> Prove();
  absl::StatusOr<StateWriter> OldestState(uint64_t first_index);
  absl::Status ReplayTo(uint64_t index, uint64_t records_per_second_max, StateWriter* writer);
  absl::Status Pause(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_);
  bool mismatch_ = false;  // of that thread
  bool stopping() const ABSL_LOCKS_EXCLUDED(mutex_);

  Metrics* const metrics_;
  const Options options_;

  mutable absl::Mutex mutex_;
  absl::CondVar wakes_;
  std::vector<Done> requests_ ABSL_GUARDED_BY(mutex_);
  Verified last_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// OK when `served` holds what `replayed` does, entry by entry, with what is kept beside the values.
// kDataLoss names the first entry that differs. Both are of one index.
absl::Status CompareStates(const State& served, const State& replayed);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_VERIFIER_H_
