#include "server/group_builder.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/container/inlined_vector.h"
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

// Fills in what is known of a record but its changes; the hash of the one before it is not, but has
// its size. Takes the transitions out of `pending`.
void FillRecord(uint64_t index, Hlc hlc, Pending* pending, v1::Record* filled) {
  v1::SubmitRequest& request = *pending->submission.request;
  v1::Record& record = *filled;
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
  *record.mutable_guard_outcomes() = pending->submission.guard_outcomes;
}

}  // namespace

GroupBuilder::GroupBuilder(StateWriter writer, std::unique_ptr<RequestWindow> window, Clock* clock,
                           ManualClock* manual_clock, Log::Limits limits)
    : writer_(std::move(writer)),
      window_(std::move(window)),
      clock_(clock),
      manual_clock_(manual_clock),
      group_records_max_(std::min(kGroupRecordsMax, limits.append_records_max)),
      append_bytes_max_(limits.append_bytes_max),
      record_bytes_max_(std::min(kRecordBytesMax, limits.append_bytes_max)) {
  SWOOSH_CHECK(group_records_max_ > 0);
}

GroupBuilder::Added GroupBuilder::Add(Pending* pending) {
  if (!Fits(0)) return Added::kNothing;
  if (pending->submission.request->transitions(0).has_advance_time()) return AddClockStep(pending);
  if (AnswerAtOnce(pending)) return Added::kWhole;
  absl::StatusOr<Draft> draft = MakeDraft(pending);
  if (!draft.ok()) {
    Refuse(pending, draft.status());
    return Added::kWhole;
  }
  if (draft->stored_bytes > record_bytes_max_) {
    Refuse(pending, MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                              absl::StrCat("the proposal's record would have ", draft->stored_bytes,
                                           " bytes, of which ", record_bytes_max_,
                                           " are allowed; split it into several")));
    return Added::kWhole;
  }
  return Accept(*std::move(draft), pending);
}

// A proposal of several transitions is looked ahead in by Reduce itself.
void GroupBuilder::LookAhead(const std::deque<Pending>& coming) const {
  absl::InlinedVector<const StateKey*, kKeysAhead> keys;
  const size_t count = std::min(coming.size(), kKeysAhead);
  for (size_t i = 0; i < count; ++i) {
    if (coming[i].keys.size() == 1) keys.push_back(&coming[i].keys[0]);
  }
  writer_.view().Prefetch(keys);
}

GroupBuilder::Added GroupBuilder::AddClockStep(Pending* pending) {
  const v1::AdvanceTime& advance = pending->submission.request->transitions(0).advance_time();
  const int64_t to_us = MicrosFromTimestamp(advance.to());
  const std::optional<TimerIndex::Due> due = writer_.first_due();
  if (due.has_value() && due->due_us <= to_us) {
    if (clock_timers_fired_ >= kTimersOfAdvanceClockMax) {
      clock_timers_fired_ = 0;
      Refuse(pending, MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                                absl::StrCat(kTimersOfAdvanceClockMax,
                                             " timers fired, and there are more to come")));
      return Added::kWhole;
    }
    if (due->due_us > clock_->NowUs()) SWOOSH_CHECK(manual_clock_->AdvanceTo(due->due_us).ok());
    const size_t fired_before = group_->fired_due_us.size();
    const Added added = FireDueTimers();
    clock_timers_fired_ += group_->fired_due_us.size() - fired_before;
    return added == Added::kNothing ? added : Added::kPartly;
  }
  clock_timers_fired_ = 0;
  const absl::Status advanced = manual_clock_->AdvanceTo(to_us);
  absl::StatusOr<Draft> draft = advanced.ok() ? MakeDraft(pending) : advanced;
  if (!draft.ok()) {
    Refuse(pending, draft.status());
    return Added::kWhole;
  }
  return Accept(*std::move(draft), pending);
}

int64_t GroupBuilder::UntilDueUs() const {
  const std::optional<TimerIndex::Due> due = writer_.first_due();
  if (!due.has_value()) return INT64_MAX;
  return due->due_us - std::max(clock_->NowUs(), writer_.position().hlc.time_us);
}

// A record that would be too large is tried again with half as many timers. One step always fits:
// core/limits.h bounds what it can do.
GroupBuilder::Added GroupBuilder::FireDueTimers() {
  for (uint32_t fire_max = kTimersFiredAtOnceMax; timers_due(); fire_max /= 2) {
    SWOOSH_CHECK(fire_max > 0);
    if (!Fits(0)) return Added::kNothing;
    Pending pending;
    pending.submission.request->set_namespace_(writer_.first_due()->ns);
    v1::AdvanceTime& advance =
        *pending.submission.request->add_transitions()->mutable_advance_time();
    *advance.mutable_to() =
        TimestampFromMicros(std::max(clock_->NowUs(), writer_.position().hlc.time_us));
    advance.set_fire_max(fire_max);
    absl::StatusOr<Draft> draft = MakeDraft(&pending);
    SWOOSH_CHECK(draft.ok());
    if (draft->stored_bytes > record_bytes_max_) continue;
    if (!Fits(draft->stored_bytes)) return Added::kNothing;
    Append(*draft, &pending);
    return timers_due() ? Added::kPartly : Added::kWhole;
  }
  return Added::kWhole;
}

absl::StatusOr<GroupBuilder::Draft> GroupBuilder::MakeDraft(Pending* pending) {
  const v1::SubmitRequest& request = *pending->submission.request;
  Draft draft;
  draft.now_us = clock_->NowUs();
  draft.hlc = NextHlc(writer_.position().hlc, draft.now_us);
  Proposal proposal;
  proposal.ns = request.namespace_();
  proposal.actor = pending->submission.actor;
  proposal.transitions = &request.transitions();
  proposal.guard_outcomes = &pending->submission.guard_outcomes;
  proposal.keys = pending->keys;
  const auto begin = std::chrono::steady_clock::now();
  absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, draft.hlc);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  group_->reduce_seconds.push_back(elapsed.count());
  if (!reduction.ok()) return reduction.status();
  draft.reduction = *std::move(reduction);
  draft.record =
      google::protobuf::Arena::CreateMessage<v1::Record>(pending->submission.arena.get());
  FillRecord(writer_.position().index + 1, draft.hlc, pending, draft.record);
  draft.stored_bytes =
      1 + draft.record->ByteSizeLong() + draft.reduction.changes.size() + kStateHashFieldBytes;
  return draft;
}

void GroupBuilder::GiveUp(Pending* pending, const absl::Status& refusal) {
  clock_timers_fired_ = 0;
  if (!AnswerAtOnce(pending)) Refuse(pending, refusal);
}

bool GroupBuilder::Fits(size_t stored_bytes) const {
  return group_->records.size() < group_records_max_ && group_bytes_ < kGroupBytesMax &&
         group_bytes_ + stored_bytes <= append_bytes_max_;
}

bool GroupBuilder::AnswerAtOnce(Pending* pending) {
  if (const Grant* grant = pending->submission.grant.get(); grant != nullptr) {
    if (absl::Status denied = grant->CheckProposal(*pending->submission.request, writer_.view());
        !denied.ok()) {
      Refuse(pending, std::move(denied));
      return true;
    }
  }
  return AnswerFromWindow(pending);
}

bool GroupBuilder::AnswerFromWindow(Pending* pending) {
  const v1::SubmitRequest& request = *pending->submission.request;
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
  answer.grant = std::move(pending->submission.grant);
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

std::shared_ptr<const CommittedRecord> GroupBuilder::Append(const Draft& draft, Pending* pending) {
  CloseLastRecord();
  auto committed =
      std::make_shared<CommittedRecord>(std::move(pending->submission.arena), draft.record);
  CommittedRecord& record = *committed;
  SetDigest(writer_.position().record_hash, record.record.mutable_previous_hash());
  record.stored = EncodeRecord(record.record, draft.reduction.changes);
  writer_.Apply(draft.reduction.effect, kReducerVersion, draft.hlc);
  SWOOSH_CHECK(writer_.position().index == record.index());
  SWOOSH_CHECK(window_->Add(record.index(), record.record.namespace_(), record.record.request_id(),
                            pending->fingerprint));
  group_->clock_held_us = draft.hlc.time_us - draft.now_us;
  const std::vector<int64_t>& fired = draft.reduction.fired_due_us;
  group_->fired_due_us.insert(group_->fired_due_us.end(), fired.begin(), fired.end());
  group_->records.push_back(committed);
  group_bytes_ += draft.stored_bytes;
  return committed;
}

GroupBuilder::Added GroupBuilder::Accept(Draft draft, Pending* pending) {
  v1::SubmitRequest& request = *pending->submission.request;
  if (!Fits(draft.stored_bytes)) {  // the proposal gets back what the draft took from it
    request.mutable_transitions()->Swap(draft.record->mutable_transitions());
    return Added::kNothing;
  }
  PendingAnswer answer;
  answer.kind = PendingAnswer::Kind::kAccepted;
  answer.index = draft.record->index();
  answer.view = request.view();
  answer.record = Append(draft, pending);
  answer.outcomes = std::move(draft.reduction.outcomes);
  answer.done = std::move(pending->submission.done);
  group_->answers.push_back(std::move(answer));
  return Added::kWhole;
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
    group_->state_bytes = writer_.bytes_allocated();
  }
  group_bytes_ = 0;
  return std::exchange(group_, std::make_unique<Group>());
}

}  // namespace swoosh
