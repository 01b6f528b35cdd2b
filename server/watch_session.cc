#include "server/watch_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/record.h"
#include "server/instance_scan.h"
#include "server/request_validation.h"

namespace swoosh {
namespace {

absl::Status CheckWatch(const v1::WatchRequest& request) {
  if (request.initial() && request.from_index() != 0) {
    return InvalidField("from_index", "must be 0 with `initial`, which begins at the present");
  }
  absl::Status status = CheckFilter(request.machines_size(), "machines");
  if (status.ok()) status = CheckFilter(request.instance_ids_size(), "instance_ids");
  if (status.ok()) status = CheckFilter(request.states_size(), "states");
  return status;
}

}  // namespace

WatchSession::WatchSession(const v1::WatchRequest& request, std::string ns, const Sources* sources)
    : sources_(sources), ns_(std::move(ns)), filter_(request), batched_(request.batched()) {}

absl::StatusOr<std::unique_ptr<WatchSession>> WatchSession::Open(const v1::WatchRequest& request,
                                                                 const Sources* sources) {
  absl::StatusOr<std::string> ns = CheckNamespace(request.namespace_());
  if (!ns.ok()) return ns.status();
  if (absl::Status status = CheckWatch(request); !status.ok()) return status;
  if (!request.history_id().empty() && request.history_id() != sources->history_id) {
    return MakeError(absl::StatusCode::kAborted, v1::HISTORY_MISMATCH,
                     absl::StrCat("the history here is ", sources->history_id, ", not ",
                                  request.history_id(), "; watch anew with `initial`"));
  }
  absl::StatusOr<std::unique_ptr<ChangeFeed::Cursor>> cursor =
      sources->feed->Open(request.from_index());
  if (!cursor.ok()) return cursor.status();
  std::unique_ptr<WatchSession> session(new WatchSession(request, *std::move(ns), sources));
  session->cursor_ = *std::move(cursor);
  session->last_index_ = session->cursor_->next_index() - 1;
  // Taken after the cursor, so that no record lies between the two; those that the state has
  // already are passed over.
  const std::shared_ptr<const State> committed = sources->committed();
  if (request.initial()) {
    session->initial_ = committed;
    session->last_index_ = std::max(session->last_index_, committed->index());
  }
  if (session->last_index_ == committed->index() && committed->index() != 0) {
    session->last_hlc_ = committed->position().hlc;
  }
  return session;
}

WatchSession::Step WatchSession::NextInMemory(absl::Time now) {
  if (initial_ != nullptr) return {};
  if (WatchMessage message = NextOfBatch(now)) return {std::move(message), false};
  std::optional<std::vector<CommittedRecordPtr>> read =
      cursor_->NextInMemory(kWatchBatchRecordsMax, kWatchBatchBytesMax);
  if (!read.has_value()) return {};
  SetBatch(*std::move(read));
  if (batch_.empty()) return {nullptr, !BookmarkDue(now)};
  return {NextOfBatch(now), false};
}

bool WatchSession::HasMore(absl::Time now) {
  if (ahead_ == nullptr) ahead_ = NextOfBatch(now);
  return ahead_ != nullptr;
}

void WatchSession::ForgetAhead() {
  if (batch_next_ == batch_.size()) return;
  cursor_->GoBackTo(batch_[batch_next_]->index());
  SetBatch({});
}

void WatchSession::SetBatch(std::vector<CommittedRecordPtr> batch) {
  batch_ = std::move(batch);
  batch_next_ = 0;
}

WatchMessage WatchSession::NextOfBatch(absl::Time now) {
  if (ahead_ != nullptr) return std::exchange(ahead_, nullptr);
  while (batch_next_ < batch_.size()) {
    const CommittedRecordPtr record = std::move(batch_[batch_next_++]);
    if (record->index() <= last_index_) continue;
    if (WatchMessage message = Pass(*record, now)) return message;
  }
  return nullptr;
}

absl::StatusOr<WatchSession::Step> WatchSession::Next(absl::Time now) {
  if (initial_ != nullptr) return NextInitial(now);
  if (WatchMessage message = NextOfBatch(now)) return Step{std::move(message), false};
  absl::StatusOr<std::vector<CommittedRecordPtr>> read =
      cursor_->Next(kWatchBatchRecordsMax, kWatchBatchBytesMax);
  if (!read.ok()) return read.status();
  SetBatch(*std::move(read));
  if (!batch_.empty()) return Step{NextOfBatch(now), false};
  if (!BookmarkDue(now)) return Step{nullptr, true};
  absl::StatusOr<WatchMessage> bookmark = IdleBookmark(now);
  if (!bookmark.ok()) return bookmark.status();
  return Step{*std::move(bookmark), false};
}

absl::StatusOr<WatchSession::Step> WatchSession::NextInitial(absl::Time now) {
  v1::WatchResponse response;
  const ScanBounds bounds = {.entries_max = kInitialScannedEntriesMax,
                             .instances_max = kInitialChunkInstancesMax,
                             .bytes_max = kInitialChunkBytesMax};
  absl::StatusOr<ScanEnd> end = ScanInstances(*initial_, ns_, filter_, v1::VIEW_CONTEXT,
                                              initial_from_, bounds, response.mutable_initial());
  if (!end.ok()) return end.status();
  initial_from_ = end->next;
  response.set_initial_complete(end->at_end);
  response.set_index(initial_->index());
  response.set_history_id(sources_->history_id);
  if (initial_->index() != 0) *response.mutable_hlc() = ToProto(initial_->position().hlc);
  if (end->at_end) initial_.reset();
  if (response.initial().empty() && !end->at_end) return Step{nullptr, false};
  return Step{Send(std::make_shared<const std::string>(response.SerializeAsString()), now), false};
}

// What is to be sent of a record: its changes that match, or a bookmark now and then; mostly
// nothing.
WatchMessage WatchSession::Pass(const CommittedRecord& record, absl::Time now) {
  last_index_ = record.index();
  last_hlc_ = FromProto(record.record.hlc());
  int matching = 0;
  if (record.record.namespace_() == ns_) {
    for (const v1::Change& change : record.changes()) matching += filter_.Matches(change);
  }
  if (matching == 0) {
    if (++passed_ < kRecordsPassedMax && !BookmarkDue(now)) return nullptr;
    return Bookmark(last_index_, last_hlc_, now);
  }
  if (matching == record.changes().size()) return Send(sources_->cache->Whole(record), now);
  v1::WatchResponse response;
  response.set_index(record.index());
  *response.mutable_hlc() = record.record.hlc();
  response.set_history_id(sources_->history_id);
  for (const v1::Change& change : record.changes()) {
    if (filter_.Matches(change)) *response.add_changes() = change;
  }
  return Send(std::make_shared<const std::string>(response.SerializeAsString()), now);
}

absl::StatusOr<WatchMessage> WatchSession::IdleBookmark(absl::Time now) {
  if (last_index_ != 0 && !last_hlc_.has_value()) {
    absl::StatusOr<CommittedRecordPtr> last = sources_->feed->ReadOne(last_index_);
    // It may have been trimmed, being before the watch's first.
    if (last.ok()) last_hlc_ = FromProto((*last)->record.hlc());
  }
  return Bookmark(last_index_, last_hlc_, now);
}

WatchMessage WatchSession::Bookmark(uint64_t index, const std::optional<Hlc>& hlc, absl::Time now) {
  v1::WatchResponse response;
  response.set_index(index);
  if (hlc.has_value()) *response.mutable_hlc() = ToProto(*hlc);
  response.set_history_id(sources_->history_id);
  return Send(std::make_shared<const std::string>(response.SerializeAsString()), now);
}

WatchMessage WatchSession::Send(WatchMessage message, absl::Time now) {
  sent_ = now;
  passed_ = 0;
  return message;
}

}  // namespace swoosh
