#ifndef SWOOSH_SERVER_ROOT_LEASES_H_
#define SWOOSH_SERVER_ROOT_LEASES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/state.h"

namespace swoosh {

inline constexpr size_t kRootLeasesMax = 64;
inline constexpr absl::Duration kRootLeaseDuration = absl::Seconds(60);

// Holds on to committed states that paged lists still read, so that all pages are of one index. A
// page token names the index. What is held costs the memory of what changed since: so it is bounded
// in number and in time. Thread-safe.
class RootLeases {
 public:
  // `now` is replaced in tests; it must not go back.
  explicit RootLeases(std::function<absl::Time()> now = absl::Now);

  // Holds `state` from now for kRootLeaseDuration. When there are kRootLeasesMax others, the one
  // used longest ago is let go.
  void Hold(std::shared_ptr<const State> state);

  // The state at `index`, held anew from now. kAborted: PAGE_EXPIRED, it is not held any more.
  absl::StatusOr<std::shared_ptr<const State>> Find(uint64_t index);

  // Lets go what has expired. Quick when nothing has; for the commits' rhythm, since a held
  // state costs nothing as long as nothing is committed.
  void Sweep();

  size_t size() const;

 private:
  struct Lease {
    std::shared_ptr<const State> state;
    absl::Time expires;
  };
  using Dropped = std::vector<std::shared_ptr<const State>>;
  Dropped TakeExpired(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<absl::Time()> now_;
  mutable absl::Mutex mutex_;
  std::map<uint64_t, Lease> leases_ ABSL_GUARDED_BY(mutex_);  // by index
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ROOT_LEASES_H_
