#ifndef SWOOSH_SERVER_CHANGE_FEED_H_
#define SWOOSH_SERVER_CHANGE_FEED_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/committed_record.h"
#include "server/serial_thread.h"
#include "storage/log.h"

namespace swoosh {

inline constexpr size_t kFeedRingBytesMax = 32 * 1024 * 1024;
inline constexpr size_t kWatchersMax = 4'096;

// The committed records for whoever follows or looks back: the newest from a ring in memory, older
// ones from the log. No reader has a queue: a slow one reads the log, and nothing is ever dropped.
//
// Publish is for whoever writes the log; all else is thread-safe. Reading an old record blocks for
// the disk, for up to the bytes asked for.
class ChangeFeed {
 public:
  // A reader's place in the log. Made by Open; must be destroyed before the feed. Next and
  // WhenReady are for one thread at a time.
  class Cursor {
   public:
    // No more wake-ups; waits for one that is running on another thread.
    ~Cursor();

    // As Read() from its place, moving on behind what is returned. Empty: nothing yet.
    absl::StatusOr<std::vector<CommittedRecordPtr>> Next(size_t records_max, size_t bytes_max);

    // The same without the log, and without blocking: nullopt when only the log has it.
    std::optional<std::vector<CommittedRecordPtr>> NextInMemory(size_t records_max,
                                                                size_t bytes_max);

    // The next one is record `index`, which is not ahead of its place. As it was committed once, it
    // needs no check; it may be trimmed until it is read.
    void GoBackTo(uint64_t index);

    // `wake` is called once, on the feed's notifier thread, as soon as there is a record at its
    // place: soon when it is there already. It must not block, nor destroy the cursor. Replaces a
    // wake-up that is still to come.
    void WhenReady(std::function<void()> wake);
    // Takes back the wake-up. False when it ran or is running.
    bool Cancel();

    uint64_t next_index() const;

   private:
    friend class ChangeFeed;
    Cursor(ChangeFeed* feed, uint64_t from) : feed_(feed), next_(from) {}
    ChangeFeed* const feed_;
    uint64_t next_ ABSL_GUARDED_BY(feed_->mutex_);
    std::function<void()> wake_ ABSL_GUARDED_BY(feed_->mutex_);
  };

  // Follows `log`, of which the records below `next_index` are committed. `log` must outlive it.
  ChangeFeed(const Log* log, uint64_t next_index, size_t ring_bytes_max = kFeedRingBytesMax);
  ~ChangeFeed();
  ChangeFeed(const ChangeFeed&) = delete;
  ChangeFeed& operator=(const ChangeFeed&) = delete;

  // Makes the records of a durable group visible; the first follows the one published last. Wakes
  // whoever waits, on the notifier thread.
  void Publish(std::vector<CommittedRecordPtr> group);

  // A cursor before record `from`; `from` = 0: before the next record to come.
  //   kOutOfRange: INDEX_TRIMMED or INDEX_AHEAD, with the range; next_index() itself is allowed.
  //   kResourceExhausted: LIMIT_REACHED, kWatchersMax cursors are open.
  absl::StatusOr<std::unique_ptr<Cursor>> Open(uint64_t from);

  // Committed records from `from` on, in order and without a gap: at most `records_max` of about
  // `bytes_max` stored bytes, at least one when there is one. Empty when `from` is next_index().
  // Ends before a record that can't be read; only where that is `from` itself it is an error:
  //   kOutOfRange: INDEX_TRIMMED, or INDEX_AHEAD beyond next_index(); with the range.
  //   kDataLoss: DATA_DAMAGED, the stored record can't be read; kUnavailable: an I/O error.
  absl::StatusOr<std::vector<CommittedRecordPtr>> Read(uint64_t from, size_t records_max,
                                                       size_t bytes_max) const;

  // One committed record. Errors as for Read; next_index() is INDEX_AHEAD.
  absl::StatusOr<CommittedRecordPtr> ReadOne(uint64_t index) const;

  uint64_t first_index() const { return log_->first_index(); }  // the oldest that can be read
  uint64_t next_index() const;                                  // one above the newest committed

  size_t watcher_count() const;
  // By how many records the slowest cursor is behind; 0 without cursors.
  uint64_t lag_records() const;

  // OUT_OF_RANGE for `index` with the range in ErrorInfo's metadata, or OK when there is such a
  // record; `index` = next_index() is OK too.
  absl::Status CheckIndex(uint64_t index) const;
  // The error for an `index` beyond what is committed: INDEX_AHEAD, with the range.
  absl::Status AheadError(uint64_t index) const;

 private:
  // nullopt when `from` is before the ring.
  std::optional<std::vector<CommittedRecordPtr>> ReadRing(uint64_t from, size_t records_max,
                                                          size_t bytes_max) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::vector<CommittedRecordPtr>> ReadLog(uint64_t from, uint64_t end,
                                                          size_t records_max,
                                                          size_t bytes_max) const;
  // Posts one pass of WakeReady unless one is waiting to run.
  void ScheduleWakeUps() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeReady();
  // Takes the cursor out of those that will be woken. False when it was not among them.
  bool Forget(Cursor* cursor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Log* const log_;
  const size_t ring_bytes_max_;

  mutable absl::Mutex mutex_;
  std::deque<CommittedRecordPtr> ring_ ABSL_GUARDED_BY(mutex_);  // the newest, without gaps
  size_t ring_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<Cursor*> cursors_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<Cursor*> waiting_ ABSL_GUARDED_BY(mutex_);  // those with a wake-up to come
  std::vector<Cursor*> ready_ ABSL_GUARDED_BY(mutex_);  // taken out of them in the pass that runs
  Cursor* waking_ ABSL_GUARDED_BY(mutex_) = nullptr;    // whose wake-up is running
  bool pass_scheduled_ ABSL_GUARDED_BY(mutex_) = false;

  SerialThread notifier_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_CHANGE_FEED_H_
