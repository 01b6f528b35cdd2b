#ifndef SWOOSH_CLI_SUBMITTER_H_
#define SWOOSH_CLI_SUBMITTER_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/submit_input.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

struct SubmitOptions {
  size_t in_flight_max = 256;                         // requests without an answer; at least 1
  absl::Duration retry_for = absl::Seconds(60);       // how long to do without a server
  absl::Duration answer_timeout = absl::Seconds(30);  // silence after which the call is given up
};

// Submits a file over SubmitStream: in its order, many requests at a time, but never two that touch
// the same instance (or a machine that one of them registers). When the connection breaks, or a
// request could not be carried out for a reason that passes (IsTransient), it connects again and
// sends whatever has no answer again, in order. That is exact: what was accepted is answered as a
// duplicate; and since nothing that it depends on was sent meanwhile, what was refused is refused
// again.
class Submitter {
 public:
  struct Events {
    // A server was reached, which has this history ("" = none yet). An error ends the run.
    std::function<absl::Status(const std::string& history_id)> connected;
    // A request was answered; in the file's order. An error ends the run.
    std::function<absl::Status(const SubmitLine& line, const v1::SubmitResponse& response)>
        answered;
    // The connection broke, and will be made anew.
    std::function<void(const absl::Status& why)> broken;
  };

  // `client` and `input` must outlive it. `events` are called by one thread at a time.
  Submitter(Client* client, SubmitInput* input, const SubmitOptions& options, Events events);
  ~Submitter();

  // Submits all that follows in `input`; OK when every request was answered. Once. Errors: what
  // `input` and `events` give, after what was sent before is answered; kUnavailable when no server
  // can be had for `retry_for`; whatever else ended the call.
  absl::Status Run();

  // After Run: whether its error was given by `input` or `events`, not by the server.
  bool failed_locally() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return failed_locally_;
  }

  // Breaks the connection when the server has been silent for too long. Call it now and then while
  // Run is under way. Any thread.
  void BreakIfSilent();

 private:
  struct Pending {
    SubmitLine line;
    std::vector<Touch> touches;
  };
  struct Touched {
    int readers = 0;
    bool changed = false;
  };

  absl::Status Connect();
  void Receive();
  // Handles one answer; false: stop reading.
  bool Handle(const v1::SubmitResponse& response);
  // Sends until everything is answered, the connection breaks, or there is an error.
  void Feed();
  bool Resend();
  // The next request of the input into next_. False: there is none, or the connection broke first.
  bool TakeNext();
  bool MaySendNext() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Settled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddTouches(const std::vector<Touch>& touches) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveTouches(const std::vector<Touch>& touches) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether to connect again after `why`, which ended a connection or prevented one; waits a
  // little. Sets error_ when not.
  bool Retry(const absl::Status& why, bool connected);

  Client* const client_;
  SubmitInput* const input_;
  const SubmitOptions options_;
  const Events events_;

  // Only by the thread of Run.
  std::optional<Pending> next_;
  bool input_done_ = false;
  absl::Status input_error_;
  absl::Duration pause_;
  absl::Time outage_start_;  // since when no request could be answered, if that is so

  mutable absl::Mutex mutex_;
  std::unique_ptr<SubmitCall> call_ ABSL_GUARDED_BY(mutex_);  // set by Run's thread only
  std::deque<Pending> unanswered_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Touched> touched_ ABSL_GUARDED_BY(mutex_);
  bool receiving_ ABSL_GUARDED_BY(mutex_) = false;
  bool answered_since_connect_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time last_heard_ ABSL_GUARDED_BY(mutex_);
  absl::Status transient_ ABSL_GUARDED_BY(mutex_);  // an answer after which to connect anew
  absl::Status error_ ABSL_GUARDED_BY(mutex_);      // ends the run
  bool failed_locally_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_SUBMITTER_H_
