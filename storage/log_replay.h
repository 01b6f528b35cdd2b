#ifndef SWOOSH_STORAGE_LOG_REPLAY_H_
#define SWOOSH_STORAGE_LOG_REPLAY_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "core/sha256.h"
#include "core/state.h"
#include "storage/log.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// Who looks on while a log is replayed. Called on the thread of ReplayLog, in the order of the log.
// Either may be empty.
struct ReplayObserver {
  // A record was applied and stands at `position`; its changes may not be checked yet. An error
  // ends the replay.
  std::function<absl::Status(const LogPosition& position)> on_applied;
  // A record was found to be right in every respect. `record` may lack its changes.
  std::function<void(const v1::Record& record, const Digest& hash)> on_checked;
};

// Replays the records of `log` that follow `writer`'s position, below `end`, with the checks of
// ReplayRecord. Reading and decoding go ahead on a thread of its own, comparing the changes goes on
// behind; what is under way is bounded by kReplayBatches of kReplayBatchBytes.
//
// The error is the one that a replay of one record after the other would meet first: a refusal
// (recovery_refusal.h), or what on_applied returned. `writer` is unusable then.
absl::Status ReplayLog(const Log& log, uint64_t end, StateWriter* writer,
                       const ReplayObserver& observer);

// A batch may have one record more than fits.
inline constexpr size_t kReplayBatches = 4;
inline constexpr size_t kReplayBatchBytes = 524'288;

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_LOG_REPLAY_H_
