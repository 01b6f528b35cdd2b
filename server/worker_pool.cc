#include "server/worker_pool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "server/serial_thread.h"

namespace swoosh {

WorkerPool::WorkerPool(const std::string& name, int thread_count, size_t waiting_max, int nice)
    : waiting_max_(waiting_max) {
  for (int i = 0; i < thread_count; ++i) {
    threads_.emplace_back([this, name, nice] {
      NameThisThread(name);
      if (nice > 0) LowerPriorityOfThisThread(nice);
      Run();
    });
  }
}

WorkerPool::~WorkerPool() { Stop(); }

absl::Status WorkerPool::TryPost(std::function<void()> run) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) {
    return MakeError(absl::StatusCode::kUnavailable, v1::DRAINING, "the server is shutting down");
  }
  if (waiting_.size() >= waiting_max_) {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                     absl::StrCat(waiting_max_, " requests wait for a thread already"));
  }
  waiting_.push_back(std::move(run));
  return absl::OkStatus();
}

void WorkerPool::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkerPool::Run() {
  while (true) {
    std::function<void()> run;
    {
      const auto something = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || !waiting_.empty();
      };
      absl::MutexLock lock(&mutex_, absl::Condition(&something));
      if (waiting_.empty()) return;
      run = std::move(waiting_.front());
      waiting_.pop_front();
    }
    run();
  }
}

}  // namespace swoosh
