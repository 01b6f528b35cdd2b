#include "server/active_streams.h"

#include <vector>

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
  absl::Status ended;
  {
    absl::MutexLock lock(&mutex_);
    streams_.insert(stream);
    ended = ended_;
  }
  if (!ended.ok()) stream->End(ended);
}

void ActiveStreams::Remove(ActiveStream* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
  while (IsCalledByOthers(stream)) call_ended_.Wait(&mutex_);
}

void ActiveStreams::EndAll(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    ended_ = status;
  }
  ForEach([&](ActiveStream* stream) { stream->End(status); });
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
  const auto stopped = [&] {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), tick_interval);
  };
  while (!stopped()) {
    const absl::Time now = MonotonicNow();
    ForEach([now](ActiveStream* stream) { stream->Tick(now); });
  }
}

void ActiveStreams::ForEach(absl::FunctionRef<void(ActiveStream*)> call) {
  absl::MutexLock round(&round_);
  std::vector<ActiveStream*> streams;
  {
    absl::MutexLock lock(&mutex_);
    streams.assign(streams_.begin(), streams_.end());
    caller_ = std::this_thread::get_id();
  }
  for (ActiveStream* stream : streams) {
    {
      absl::MutexLock lock(&mutex_);
      if (!streams_.contains(stream)) continue;
      called_ = stream;
    }
    call(stream);
    absl::MutexLock lock(&mutex_);
    called_ = nullptr;
    call_ended_.SignalAll();
  }
}

bool ActiveStreams::IsCalledByOthers(ActiveStream* stream) const {
  return called_ == stream && caller_ != std::this_thread::get_id();
}

}  // namespace swoosh
