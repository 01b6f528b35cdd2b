#ifndef SWOOSH_TESTS_BENCH_SYNC_THREAD_H_
#define SWOOSH_TESTS_BENCH_SYNC_THREAD_H_

#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace swoosh {

// The least that any durable server does: a thread that appends so many bytes to a file for each
// request, syncs the file once for all that wait, and has them answered. Thread-safe.
class SyncThread {
 public:
  // Makes the file anew; ends the process when it can't be made, written or synced.
  SyncThread(const std::string& path, size_t bytes_per_request);
  // All that was asked is answered before.
  ~SyncThread();

  SyncThread(const SyncThread&) = delete;
  SyncThread& operator=(const SyncThread&) = delete;

  // Calls `done` on the thread, after a sync that covers the bytes of this call.
  void Append(std::function<void()> done);

 private:
  bool Waiting() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); }
  void Run();

  const int file_;
  const size_t bytes_per_request_;
  absl::Mutex mutex_;
  std::vector<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_TESTS_BENCH_SYNC_THREAD_H_
