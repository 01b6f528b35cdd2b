#ifndef SWOOSH_SERVER_WORKER_POOL_H_
#define SWOOSH_SERVER_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace swoosh {

// A few threads for what gRPC's own must not do: read the disk, or compute for long. Functions
// start in the order given. Thread-safe.
class WorkerPool {
 public:
  // `name` has at most 15 bytes. At most `waiting_max` functions wait for a thread. `nice` is as
  // for LowerPriorityOfThisThread; 0: the threads come first like all others.
  WorkerPool(const std::string& name, int thread_count, size_t waiting_max, int nice = 0);
  // As Stop().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // `run` is called once, on one of the threads. kResourceExhausted (LIMIT_REACHED), and `run` is
  // not called, when waiting_max others wait; kUnavailable (DRAINING) after Stop().
  absl::Status TryPost(std::function<void()> run);

  // Runs what was posted before, then ends the threads. Not from one of them. Idempotent.
  void Stop();

 private:
  void Run();

  const size_t waiting_max_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_WORKER_POOL_H_
