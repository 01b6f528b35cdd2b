#include "server/signal_thread.h"

#include <pthread.h>

#include <utility>

#include "core/check.h"
#include "server/serial_thread.h"

namespace swoosh {

SignalThread::SignalThread(std::function<void(int signal, int count)> on_signal) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  SWOOSH_CHECK(pthread_sigmask(SIG_BLOCK, &signals, &before_) == 0);
  thread_ =
      std::thread([this, signals, on_signal = std::move(on_signal)] { Run(signals, on_signal); });
}

SignalThread::~SignalThread() {
  stopping_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalThread::Run(const sigset_t& signals, const std::function<void(int, int)>& on_signal) {
  NameThisThread("signals");
  for (int count = 1;; ++count) {
    int signal = 0;
    SWOOSH_CHECK(sigwait(&signals, &signal) == 0);
    if (stopping_) return;
    on_signal(signal, count);
  }
}

}  // namespace swoosh
