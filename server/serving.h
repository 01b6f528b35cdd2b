#ifndef SWOOSH_SERVER_SERVING_H_
#define SWOOSH_SERVER_SERVING_H_

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/backups.h"
#include "server/change_feed.h"
#include "server/clock.h"
#include "server/executor.h"
#include "server/guard_resolver.h"
#include "server/reader.h"
#include "server/snapshotter.h"
#include "server/verifier.h"
#include "server/watch_session.h"

namespace swoosh {

// What the services work on, once the store is recovered. Nothing is owned.
struct Backend {
  Executor* executor = nullptr;
  GuardResolver* guards = nullptr;
  const ChangeFeed* feed = nullptr;
  const Reader* reader = nullptr;
  Snapshotter* snapshotter = nullptr;
  Backups* backups = nullptr;
  Verifier* verifier = nullptr;
  ManualClock* manual_clock = nullptr;  // null with --clock=system
  WatchSession::Sources watch;
  std::string recovery_report;
};

// Whether the server takes requests: not before it has recovered, nor when it shuts down. The port
// is bound before that, so that a client is told why instead of finding nobody. Thread-safe.
class Serving {
 public:
  // When the process started, for GetStatus.
  explicit Serving(absl::Time start_time) : start_time_(start_time) {}
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  // From now on requests are taken. `backend` must outlive whatever uses it.
  void Begin(const Backend* backend) { backend_.store(backend, std::memory_order_release); }
  // From now on new requests are refused; those taken go on.
  void Drain() { draining_.store(true, std::memory_order_release); }

  // From now on new requests are answered with `why`: the state can't be trusted. Those taken go
  // on. The first call counts.
  void Refuse(const absl::Status& why);

  // kUnavailable: RECOVERING or DRAINING; what Refuse said.
  absl::StatusOr<const Backend*> Admit() const;
  bool ready() const { return Admit().ok(); }
  absl::Time start_time() const { return start_time_; }

 private:
  const absl::Time start_time_;
  std::atomic<const Backend*> backend_{nullptr};
  std::atomic<bool> draining_{false};
  std::atomic<bool> refusing_{false};
  absl::Status refusal_;  // written before refusing_ is set, and never again
};

// UNAVAILABLE, DRAINING: what ends streams when the server shuts down.
absl::Status DrainingError();

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SERVING_H_
