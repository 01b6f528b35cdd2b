#include "server/watch_message_cache.h"

#include <utility>

#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

WatchMessage Serialise(const CommittedRecord& record, const std::string& history_id) {
  v1::WatchResponse response;
  response.set_index(record.index());
  *response.mutable_hlc() = record.record.hlc();
  *response.mutable_changes() = record.changes();
  response.set_history_id(history_id);
  return std::make_shared<const std::string>(response.SerializeAsString());
}

}  // namespace

WatchMessageCache::WatchMessageCache(std::string history_id)
    : history_id_(std::move(history_id)), slots_(kCachedWatchMessagesMax) {}

WatchMessage WatchMessageCache::Whole(const CommittedRecord& record) {
  const uint64_t index = record.index();
  {
    absl::MutexLock lock(&mutex_);
    const Slot& slot = slots_[index % slots_.size()];
    if (slot.index == index) return slot.message;
  }
  // Outside the lock: two watches may serialise the same record now and then.
  WatchMessage message = Serialise(record, history_id_);
  if (message->size() > kCachedWatchMessageBytesMax) return message;
  absl::MutexLock lock(&mutex_);
  Slot& slot = slots_[index % slots_.size()];
  // One that resumes far behind does not push out what the others are about to send.
  if (slot.index < index) slot = {index, message};
  return message;
}

}  // namespace swoosh
