#include "server/root_leases.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/errors.h"

namespace swoosh {

// States are let go outside the lock: freeing what one held may take a while.

RootLeases::RootLeases(std::function<absl::Time()> now) : now_(std::move(now)) {}

void RootLeases::Hold(std::shared_ptr<const State> state) {
  const absl::Time now = now_();
  const uint64_t index = state->index();
  Dropped dropped;
  absl::MutexLock lock(&mutex_);
  dropped = TakeExpired(now);
  const auto found = leases_.find(index);
  if (found == leases_.end() && leases_.size() >= kRootLeasesMax) {
    const auto oldest = std::min_element(
        leases_.begin(), leases_.end(),
        [](const auto& a, const auto& b) { return a.second.expires < b.second.expires; });
    dropped.push_back(std::move(oldest->second.state));
    leases_.erase(oldest);
  }
  leases_[index] = {std::move(state), now + kRootLeaseDuration};
}

absl::StatusOr<std::shared_ptr<const State>> RootLeases::Find(uint64_t index) {
  const absl::Time now = now_();
  Dropped dropped;
  absl::MutexLock lock(&mutex_);
  dropped = TakeExpired(now);
  const auto found = leases_.find(index);
  if (found == leases_.end()) {
    return MakeError(absl::StatusCode::kAborted, v1::PAGE_EXPIRED,
                     absl::StrCat("the state at index ", index,
                                  ", which the pages are of, is not held any more; list again from "
                                  "the first page"));
  }
  found->second.expires = now + kRootLeaseDuration;
  return found->second.state;
}

void RootLeases::Sweep() {
  const absl::Time now = now_();
  Dropped dropped;
  absl::MutexLock lock(&mutex_);
  dropped = TakeExpired(now);
}

size_t RootLeases::size() const {
  absl::MutexLock lock(&mutex_);
  return leases_.size();
}

RootLeases::Dropped RootLeases::TakeExpired(absl::Time now) {
  Dropped dropped;
  for (auto lease = leases_.begin(); lease != leases_.end();) {
    if (lease->second.expires > now) {
      ++lease;
      continue;
    }
    dropped.push_back(std::move(lease->second.state));
    lease = leases_.erase(lease);
  }
  return dropped;
}

}  // namespace swoosh
