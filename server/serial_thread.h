#ifndef SWOOSH_SERVER_SERIAL_THREAD_H_
#define SWOOSH_SERVER_SERIAL_THREAD_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace swoosh {

// A named thread that runs what it is given, one function after the other, in the order given.
// Thread-safe. What bounds the number of waiting functions is up to who posts them.
class SerialThread {
 public:
  // `name` has at most 15 bytes.
  explicit SerialThread(const std::string& name);
  // As Stop().
  ~SerialThread();
  SerialThread(const SerialThread&) = delete;
  SerialThread& operator=(const SerialThread&) = delete;

  // `run` is called later, on the thread. False, and it is dropped, once Stop() was called.
  bool Post(std::function<void()> run);

  // When nothing runs or waits to: what the caller does until Return() counts as running on the
  // thread, which wakes no other one. False, and nothing is borrowed, otherwise or once Stop() was
  // called.
  bool TryBorrow();
  void Return();

  // Runs what was posted before, then ends the thread. Not from the thread itself. Idempotent.
  void Stop();

 private:
  void Run();

  absl::Mutex mutex_;
  absl::CondVar wakes_;
  std::vector<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // the thread, or who borrowed it
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Gives the calling thread a name of at most 15 bytes, for debuggers and `top -H`.
void NameThisThread(const std::string& name);

// Lets the calling thread come last, for the processor as for the disk: what it does is not to
// delay a commit. `nice` is its niceness, up to 19. Where the system refuses, it is merely less
// considerate.
inline constexpr int kNiceMax = 19;
void LowerPriorityOfThisThread(int nice = kNiceMax);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SERIAL_THREAD_H_
