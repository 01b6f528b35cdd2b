#include "server/group_builder.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/reducer_version.h"

namespace swoosh {
namespace {

// A state hash adds its tag, its size and itself.
constexpr size_t kStateHashFieldBytes = 2 + sizeof(Digest);

void SetDigest(const Digest& digest, std::string* field) {
  field->assign(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// The record that `reduction` of `pending` makes, but for the hash of the one before it, which has
// its size. Takes the transitions and changes out of its arguments.
std::shared_ptr<CommittedRecord> DraftRecord(uint64_t index, Hlc hlc, Pending* pending,
                                             Reduction* reduction) {
  auto draft = std::make_shared<CommittedRecord>();
  v1::SubmitRequest& request = pending->submission.request;
  v1::Record& record = draft->record;
  record.set_index(index);
  *record.mutable_hlc() = ToProto(hlc);
  SetDigest(Digest{}, record.mutable_previous_hash());
  record.set_reducer_version(kReducerVersion);
  record.set_namespace_(request.namespace_());
  if (!request.request_id().empty()) {
    record.set_request_id(request.request_id());
    SetDigest(pending->fingerprint, record.mutable_request_fingerprint());
  }
  record.set_actor(pending->submission.actor);
  record.mutable_transitions()->Swap(request.mutable_transitions());
  record.mutable_changes()->Swap(&reduction->changes);
  return draft;
}

}  // namespace

GroupBuilder::GroupBuilder(StateWriter writer, std::unique_ptr<RequestWindow> window, Clock* clock,
                           Log::Limits limits)
    : writer_(std::move(writer)),
      window_(std::move(window)),
      clock_(clock),
      group_records_max_(std::min(kGroupRecordsMax, limits.append_records_max)),
      append_bytes_max_(limits.append_bytes_max),
      record_bytes_max_(std::min(kRecordBytesMax, limits.append_bytes_max)) {
  SWOOSH_CHECK(group_records_max_ > 0);
}

bool GroupBuilder::Add(Pending* pending) {
  if (!Fits(0)) return false;
  if (AnswerFromWindow(pending)) return true;

  const v1::SubmitRequest& request = pending->submission.request;
  const int64_t now_us = clock_->NowUs();
  const Hlc hlc = NextHlc(writer_.position().hlc, now_us);
  Proposal proposal;
  proposal.ns = request.namespace_();
  proposal.actor = pending->submission.actor;
  proposal.transitions = &request.transitions();
  const google::protobuf::RepeatedPtrField<v1::GuardOutcome> no_guard_outcomes;
  proposal.guard_outcomes = &no_guard_outcomes;
  const auto begin = std::chrono::steady_clock::now();
  absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, hlc);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  if (!reduction.ok()) {
    group_->reduce_seconds.push_back(elapsed.count());
    Refuse(pending, reduction.status());
    return true;
  }
  std::shared_ptr<CommittedRecord> record =
      DraftRecord(writer_.position().index + 1, hlc, pending, &*reduction);
  const size_t stored_bytes = 1 + record->record.ByteSizeLong() + kStateHashFieldBytes;
  if (stored_bytes > record_bytes_max_) {
    Refuse(pending, MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                              absl::StrCat("the proposal's record would have ", stored_bytes,
                                           " bytes, of which ", record_bytes_max_,
                                           " are allowed; split it into several")));
    return true;
  }
  if (!Fits(stored_bytes)) {
    pending->submission.request.mutable_transitions()->Swap(record->record.mutable_transitions());
    return false;
  }
  group_->reduce_seconds.push_back(elapsed.count());
  group_->clock_held_us = hlc.time_us - now_us;
  group_bytes_ += stored_bytes;
  Accept(pending, std::move(reduction->outcomes), reduction->effect, std::move(record));
  return true;
}

void GroupBuilder::GiveUp(Pending* pending, const absl::Status& refusal) {
  if (!AnswerFromWindow(pending)) Refuse(pending, refusal);
}

bool GroupBuilder::Fits(size_t stored_bytes) const {
  return group_->records.size() < group_records_max_ && group_bytes_ < kGroupBytesMax &&
         group_bytes_ + stored_bytes <= append_bytes_max_;
}

bool GroupBuilder::AnswerFromWindow(Pending* pending) {
  const v1::SubmitRequest& request = pending->submission.request;
  if (request.request_id().empty()) return false;
  const std::optional<RequestWindow::Found> found =
      window_->Find(request.namespace_(), request.request_id(), pending->fingerprint);
  if (!found.has_value()) return false;
  if (!found->same_content) {
    Refuse(pending, InvalidField("request_id",
                                 absl::StrCat("was accepted before, as record ", found->index,
                                              ", with another content"),
                                 v1::REQUEST_ID_REUSED));
    return true;
  }
  PendingAnswer answer;
  answer.kind = PendingAnswer::Kind::kDuplicate;
  answer.index = found->index;
  answer.view = request.view();
  answer.done = std::move(pending->submission.done);
  group_->answers.push_back(std::move(answer));
  return true;
}

void GroupBuilder::Refuse(Pending* pending, absl::Status refusal) {
  PendingAnswer answer;
  answer.kind = PendingAnswer::Kind::kRefused;
  answer.refusal = std::move(refusal);
  answer.done = std::move(pending->submission.done);
  group_->answers.push_back(std::move(answer));
}

void GroupBuilder::Accept(Pending* pending, std::vector<TransitionOutcome> outcomes,
                          const Effect& effect, std::shared_ptr<CommittedRecord> record) {
  CloseLastRecord();
  SetDigest(writer_.position().record_hash, record->record.mutable_previous_hash());
  record->stored = EncodeRecord(record->record);
  writer_.Apply(effect, kReducerVersion, FromProto(record->record.hlc()));
  SWOOSH_CHECK(writer_.position().index == record->index());
  SWOOSH_CHECK(window_->Add(record->index(), record->record.namespace_(),
                            record->record.request_id(), pending->fingerprint));

  PendingAnswer answer;
  answer.kind = PendingAnswer::Kind::kAccepted;
  answer.index = record->index();
  answer.view = pending->submission.request.view();
  answer.record = record;
  answer.outcomes = std::move(outcomes);
  answer.done = std::move(pending->submission.done);
  group_->answers.push_back(std::move(answer));
  group_->records.push_back(std::move(record));
}

// A record's hash is known when it is certain that it will not get the state's.
void GroupBuilder::CloseLastRecord() {
  if (group_->records.empty()) return;
  CommittedRecord& last = *group_->records.back();
  last.hash = Sha256(last.stored);
  writer_.SetRecordHash(last.hash);
}

std::unique_ptr<Group> GroupBuilder::Take() {
  if (!group_->records.empty()) {
    const Digest& state_hash = writer_.Seal();
    CommittedRecord& last = *group_->records.back();
    SetDigest(state_hash, last.record.mutable_state_hash());
    AppendStateHash(state_hash, &last.stored);
    CloseLastRecord();
    group_->state = std::make_shared<const State>(writer_.Sealed());
  }
  group_bytes_ = 0;
  return std::exchange(group_, std::make_unique<Group>());
}

}  // namespace swoosh
