#ifndef SWOOSH_SERVER_WATCH_MESSAGE_CACHE_H_
#define SWOOSH_SERVER_WATCH_MESSAGE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/change_feed.h"

namespace swoosh {

inline constexpr size_t kCachedWatchMessagesMax = 512;
inline constexpr size_t kCachedWatchMessageBytesMax = 16'384;  // larger ones are not kept

// A serialised WatchResponse, shared by the watches that send it.
using WatchMessage = std::shared_ptr<const std::string>;

// Serialises the changes of a record once for all watches that want all of them: keeps those of the
// newest records. Thread-safe.
class WatchMessageCache {
 public:
  explicit WatchMessageCache(std::string history_id);

  // All changes of `record`, as a WatchResponse.
  WatchMessage Whole(const CommittedRecord& record);

 private:
  struct Slot {
    uint64_t index = 0;
    WatchMessage message;
  };

  const std::string history_id_;
  absl::Mutex mutex_;
  std::vector<Slot> slots_ ABSL_GUARDED_BY(mutex_);  // record i at i % size
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_WATCH_MESSAGE_CACHE_H_
