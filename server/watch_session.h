#ifndef SWOOSH_SERVER_WATCH_SESSION_H_
#define SWOOSH_SERVER_WATCH_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/hlc.h"
#include "core/state.h"
#include "server/change_feed.h"
#include "server/instance_filter.h"
#include "server/watch_message_cache.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// With kWatchTickInterval on top, a bookmark comes at least each second.
inline constexpr absl::Duration kBookmarkInterval = absl::Milliseconds(750);
inline constexpr absl::Duration kWatchTickInterval = absl::Milliseconds(200);
inline constexpr uint64_t kRecordsPassedMax = 1'000;  // without a match, before a bookmark
// What is read ahead for one watch, until its client is found to have stalled.
inline constexpr size_t kWatchBatchRecordsMax = 64;
inline constexpr size_t kWatchBatchBytesMax = 64 * 1'024;
// A chunk of initial instances.
inline constexpr size_t kInitialChunkBytesMax = 256 * 1'024;
inline constexpr int kInitialChunkInstancesMax = 1'000;
inline constexpr size_t kInitialScannedEntriesMax = 10'000;

// One watch, without gRPC: says what to send next. It is pulled, so it holds no queue. For one
// thread at a time. Times are MonotonicNow()'s.
class WatchSession {
 public:
  struct Sources {
    std::function<std::shared_ptr<const State>()> committed;  // Executor::committed()
    ChangeFeed* feed = nullptr;
    WatchMessageCache* cache = nullptr;
    std::string history_id;
  };

  // Checks the request and takes its place in the feed. `sources` must outlive the session.
  //   kInvalidArgument; kAborted (HISTORY_MISMATCH); kOutOfRange (INDEX_TRIMMED, INDEX_AHEAD);
  //   kResourceExhausted (LIMIT_REACHED): too many watches.
  static absl::StatusOr<std::unique_ptr<WatchSession>> Open(const v1::WatchRequest& request,
                                                            const Sources* sources);

  struct Step {
    WatchMessage message;  // to send; or nullptr:
    bool wait = false;     // true: nothing to send before WhenReady or BookmarkDue; false: go on
  };
  // What can be told from memory: no blocking, and little computing. To go on means to call Next.
  Step NextInMemory(absl::Time now);
  // Reads the log or scans the state where that is needed. May take some milliseconds. Errors end
  // the watch: kOutOfRange (INDEX_TRIMMED), kDataLoss, kUnavailable.
  absl::StatusOr<Step> Next(absl::Time now);
  // Whether the next step has a message for certain: then the one before need not be flushed.
  bool HasMore(absl::Time now);
  // Whether the client takes several messages as one.
  bool batched() const { return batched_; }
  // Forgets what was read ahead and is not sent, to be read again: the client does not read.
  void ForgetAhead();

  // After Next said to wait: `wake` is called once there are records.
  // ChangeFeed::Cursor::WhenReady.
  void WhenReady(std::function<void()> wake) { cursor_->WhenReady(std::move(wake)); }
  // Whether Next has a bookmark to send although there are no records.
  bool BookmarkDue(absl::Time now) const { return now >= sent_ + kBookmarkInterval; }

 private:
  WatchSession(const v1::WatchRequest& request, std::string ns, const Sources* sources);

  absl::StatusOr<Step> NextInitial(absl::Time now);
  WatchMessage NextOfBatch(absl::Time now);
  void SetBatch(std::vector<CommittedRecordPtr> batch);
  WatchMessage Pass(const CommittedRecord& record, absl::Time now);
  absl::StatusOr<WatchMessage> IdleBookmark(absl::Time now);
  WatchMessage Bookmark(uint64_t index, const std::optional<Hlc>& hlc, absl::Time now);
  WatchMessage Send(WatchMessage message, absl::Time now);

  const Sources* const sources_;
  const std::string ns_;
  const InstanceFilter filter_;
  const bool batched_;

  std::shared_ptr<const State> initial_;  // being sent; null afterwards
  StateCursor initial_from_;

  std::unique_ptr<ChangeFeed::Cursor> cursor_;
  std::vector<CommittedRecordPtr> batch_;  // read; those from batch_next_ on are still to pass
  size_t batch_next_ = 0;
  WatchMessage ahead_;   // made of the batch already; to be sent next
  uint64_t passed_ = 0;  // records without a match since the last message
  // The record passed last, or the one before the first, whose time may not be known.
  uint64_t last_index_ = 0;
  std::optional<Hlc> last_hlc_;
  // When the last message was made. A watch without initial instances begins with a bookmark, which
  // says where it stands.
  absl::Time sent_ = absl::InfinitePast();
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_WATCH_SESSION_H_
