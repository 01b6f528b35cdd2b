#include "server/serial_thread.h"

#include <linux/ioprio.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "core/check.h"

namespace swoosh {
namespace {

constexpr size_t kThreadNameBytesMax = 15;  // Linux: TASK_COMM_LEN, less the zero
constexpr int kLowestBestEffort = 7;

}  // namespace

void NameThisThread(const std::string& name) {
  SWOOSH_CHECK(name.size() <= kThreadNameBytesMax);
  pthread_setname_np(pthread_self(), name.c_str());
}

void LowerPriorityOfThisThread(int nice) {
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, thread, nice);
  syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, thread,
          IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, kLowestBestEffort));
}

SerialThread::SerialThread(const std::string& name)
    : thread_([this, name] {
        NameThisThread(name);
        Run();
      }) {}

SerialThread::~SerialThread() { Stop(); }

bool SerialThread::Post(std::function<void()> run) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return false;
  waiting_.push_back(std::move(run));
  if (waiting_.size() == 1 && !running_) wakes_.Signal();
  return true;
}

bool SerialThread::TryBorrow() {
  absl::MutexLock lock(&mutex_);
  if (running_ || !waiting_.empty() || stopping_) return false;
  running_ = true;
  return true;
}

void SerialThread::Return() {
  absl::MutexLock lock(&mutex_);
  running_ = false;
  if (!waiting_.empty() || stopping_) wakes_.Signal();
}

void SerialThread::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wakes_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void SerialThread::Run() {
  std::vector<std::function<void()>> running;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      while (running_ || (waiting_.empty() && !stopping_)) wakes_.Wait(&mutex_);
      if (waiting_.empty()) return;
      running.swap(waiting_);
      running_ = true;
    }
    for (std::function<void()>& run : running) {
      run();
      run = nullptr;  // what it holds goes now, not when the last one has run
    }
    running.clear();
    absl::MutexLock lock(&mutex_);
    running_ = false;
  }
}

}  // namespace swoosh
