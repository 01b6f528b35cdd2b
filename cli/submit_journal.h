#ifndef SWOOSH_CLI_SUBMIT_JOURNAL_H_
#define SWOOSH_CLI_SUBMIT_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/submit_checkpoint.h"
#include "cli/submit_input.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// What a run of `submit` leaves behind: totals, the checkpoint, the file of responses. A crash
// repeats no count and no response: the checkpoint is written after the responses that it covers,
// and a run that goes on from it cuts the file of responses there. Thread-safe.
class SubmitJournal {
 public:
  // Begins, or goes on from the checkpoint where that file exists. "" = no checkpoint; "" = no
  // responses. kInvalidArgument when the file is no checkpoint; kFailedPrecondition when the
  // responses are fewer than it covers; kUnavailable, kNotFound of the files.
  static absl::StatusOr<std::unique_ptr<SubmitJournal>> Open(const std::string& checkpoint_path,
                                                             const std::string& responses_path);
  ~SubmitJournal();
  SubmitJournal(const SubmitJournal&) = delete;
  SubmitJournal& operator=(const SubmitJournal&) = delete;

  // kAborted when the checkpoint is of another history: what it counts is not in this store.
  absl::Status Connected(const std::string& history_id);
  // Counts an answer and writes it down. The checkpoint is written at once for a refusal: sent
  // again by a later run, after other requests for the same instance, it might be accepted.
  // kUnavailable when that fails.
  absl::Status Answered(const SubmitLine& line, const v1::SubmitResponse& response);
  // Writes the checkpoint if a second has passed since the last and there is news, or with `now` in
  // any case. kUnavailable.
  absl::Status WriteCheckpoint(bool now);

  // As of the newest answer.
  SubmitCheckpoint checkpoint() const;
  // How many of the answers were counted by an earlier run.
  uint64_t answered_before() const { return answered_before_; }

 private:
  SubmitJournal() = default;
  absl::Status OpenCheckpoint(const std::string& path);
  absl::Status OpenResponses(const std::string& path);
  absl::Status FlushResponses() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteCheckpointLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::string checkpoint_path_;
  std::string responses_path_;
  int responses_fd_ = -1;
  uint64_t answered_before_ = 0;

  mutable absl::Mutex mutex_;
  SubmitCheckpoint checkpoint_ ABSL_GUARDED_BY(mutex_);
  std::string responses_buffer_ ABSL_GUARDED_BY(mutex_);
  bool has_news_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time last_written_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_SUBMIT_JOURNAL_H_
