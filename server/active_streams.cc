#include "server/active_streams.h"

#include "core/check.h"
#include "server/monotonic_time.h"
#include "server/serial_thread.h"

namespace swoosh {

ActiveStreams::ActiveStreams(absl::Duration tick_interval)
    : ticker_([this, tick_interval] { Run(tick_interval); }) {}

ActiveStreams::~ActiveStreams() {
  {
    absl::MutexLock lock(&mutex_);
    SWOOSH_CHECK(streams_.empty());
    stopping_ = true;
  }
  ticker_.join();
}

void ActiveStreams::Add(ActiveStream* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.insert(stream);
  if (!ended_.ok()) stream->End(ended_);
}

void ActiveStreams::Remove(ActiveStream* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void ActiveStreams::EndAll(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  ended_ = status;
  for (ActiveStream* stream : streams_) stream->End(status);
}

bool ActiveStreams::AwaitNone(absl::Duration timeout) const {
  const auto none = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return streams_.empty(); };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&none), timeout);
}

size_t ActiveStreams::size() const {
  absl::MutexLock lock(&mutex_);
  return streams_.size();
}

void ActiveStreams::Run(absl::Duration tick_interval) {
  NameThisThread("stream-ticks");
  absl::MutexLock lock(&mutex_);
  while (!mutex_.AwaitWithTimeout(absl::Condition(&stopping_), tick_interval)) {
    const absl::Time now = MonotonicNow();
    for (ActiveStream* stream : streams_) stream->Tick(now);
  }
}

}  // namespace swoosh
