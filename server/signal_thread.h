#ifndef SWOOSH_SERVER_SIGNAL_THREAD_H_
#define SWOOSH_SERVER_SIGNAL_THREAD_H_

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

namespace swoosh {

// Turns SIGINT and SIGTERM into calls on a thread of their own, where anything may be done.
class SignalThread {
 public:
  // Blocks the two signals in this thread, and so in those that it starts from now on: so it is
  // made before any other. `on_signal` is called for each signal, with its number and how many have
  // come, this one included. At most one object at a time.
  explicit SignalThread(std::function<void(int signal, int count)> on_signal);
  // Waits for a call that is running, and restores the signals as they were.
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void Run(const sigset_t& signals, const std::function<void(int, int)>& on_signal);

  sigset_t before_ = {};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SIGNAL_THREAD_H_
