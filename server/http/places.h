#ifndef SWOOSH_SERVER_HTTP_PLACES_H_
#define SWOOSH_SERVER_HTTP_PLACES_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace swoosh {

// How many may do something at the same time. Thread-safe.
class Places {
 public:
  explicit Places(int count) : free_(count), count_(count) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  // Takes a place, if there is one, and gives it back with the object.
  class Taken {
   public:
    explicit Taken(Places* places) : places_(places->Take() ? places : nullptr) {}
    ~Taken() {
      if (places_ != nullptr) places_->GiveBack();
    }
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    bool ok() const { return places_ != nullptr; }

   private:
    Places* const places_;
  };

  // Waits until nobody has a place; false after `timeout`.
  bool AwaitAllFree(absl::Duration timeout) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(this, &Places::AllFree), timeout);
  }

 private:
  bool Take() {
    absl::MutexLock lock(&mutex_);
    if (free_ == 0) return false;
    --free_;
    return true;
  }
  void GiveBack() {
    absl::MutexLock lock(&mutex_);
    ++free_;
  }
  bool AllFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return free_ == count_; }

  absl::Mutex mutex_;
  int free_ ABSL_GUARDED_BY(mutex_);
  const int count_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_PLACES_H_
