#ifndef SWOOSH_SERVER_ACTIVE_STREAMS_H_
#define SWOOSH_SERVER_ACTIVE_STREAMS_H_

#include <cstddef>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace swoosh {

// A streaming RPC, as far as the server has to reach it from outside.
class ActiveStream {
 public:
  // Ends the stream with `status`, once what it owes the client is written. May be called more than
  // once, at once too. Must not block.
  virtual void End(const absl::Status& status) = 0;
  // Called at every tick with MonotonicNow(). Must not block.
  virtual void Tick(absl::Time now) = 0;

 protected:
  ~ActiveStream() = default;
};

// The streams there are: ticks them, and ends them when the server shuts down. Thread-safe.
class ActiveStreams {
 public:
  explicit ActiveStreams(absl::Duration tick_interval);
  // There must be no streams left.
  ~ActiveStreams();
  ActiveStreams(const ActiveStreams&) = delete;
  ActiveStreams& operator=(const ActiveStreams&) = delete;

  // `stream` stays until Remove. After EndAll it is ended at once, before Add returns.
  void Add(ActiveStream* stream);
  // When it returns, `stream` is not called any more, except where this is called from its own End
  // or Tick.
  void Remove(ActiveStream* stream);

  // Ends all streams, also those that come later, with `status`.
  void EndAll(const absl::Status& status);

  // Waits until there is none, at most for `timeout`; whether there is none.
  bool AwaitNone(absl::Duration timeout) const;

  size_t size() const;

 private:
  void Run(absl::Duration tick_interval);
  // One round at a time, and without mutex_ while a stream is called: gRPC may begin or end any
  // other call on the thread that ends one.
  void ForEach(absl::FunctionRef<void(ActiveStream*)> call) ABSL_LOCKS_EXCLUDED(round_, mutex_);
  bool IsCalledByOthers(ActiveStream* stream) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  absl::Mutex round_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<ActiveStream*> streams_ ABSL_GUARDED_BY(mutex_);
  // What ForEach calls just now, and from where.
  ActiveStream* called_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread::id caller_ ABSL_GUARDED_BY(mutex_);
  absl::CondVar call_ended_;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread ticker_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ACTIVE_STREAMS_H_
