#include "server/answer_thread.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/errors.h"
#include "server/answer.h"

namespace swoosh {

AnswerThread::AnswerThread(const ChangeFeed* feed, Metrics* metrics,
                           std::function<void(size_t)> on_answering)
    : feed_(feed),
      metrics_(metrics),
      on_answering_(std::move(on_answering)),
      thread_("swoosh-answer") {}

void AnswerThread::Post(std::unique_ptr<Group> group, std::shared_ptr<const State> state) {
  // std::function copies what it holds.
  std::shared_ptr<Group> shared = std::move(group);
  thread_.Post([this, shared, state] { Release(shared.get(), *state); });
}

void AnswerThread::AnswerAndReturn(Group* group, const State& state) {
  Release(group, state);
  thread_.Return();
}

void AnswerThread::Release(Group* group, const State& state) {
  on_answering_(group->answers.size());
  CountAnswers(*group);
  for (PendingAnswer& pending : group->answers) {
    pending.done(MakeAnswer(&pending, state));
  }
}

Answer AnswerThread::MakeAnswer(PendingAnswer* pending, const State& state) const {
  if (pending->kind == PendingAnswer::Kind::kRefused) return std::move(pending->refusal);
  if (pending->kind == PendingAnswer::Kind::kDuplicate) {
    absl::StatusOr<CommittedRecordPtr> record = feed_->ReadOne(pending->index);
    if (!record.ok()) return record.status();
    if (pending->grant != nullptr) {
      if (absl::Status denied = pending->grant->CheckRecord((*record)->Whole()); !denied.ok()) {
        return denied;
      }
    }
    return AnswerAgain(state, **record, pending->view);
  }
  const v1::Record& record = pending->record->record;
  v1::SubmitResponse response;
  response.set_request_id(record.request_id());
  response.set_index(record.index());
  *response.mutable_hlc() = record.hlc();
  response.set_record_hash(std::string(AsBytes(pending->record->hash)));
  FillResults(state, record.namespace_(), pending->outcomes, pending->view,
              response.mutable_results());
  return response;
}

void AnswerThread::CountAnswers(const Group& group) {
  double accepted = 0;
  double duplicate = 0;
  double refused = 0;
  double unavailable = 0;
  for (const PendingAnswer& answer : group.answers) {
    if (answer.kind == PendingAnswer::Kind::kAccepted) {
      ++accepted;
    } else if (answer.kind == PendingAnswer::Kind::kDuplicate) {
      ++duplicate;
    } else if (absl::IsUnavailable(answer.refusal) ||
               ReasonOf(answer.refusal) == v1::DISK_NEARLY_FULL) {
      ++unavailable;
    } else {
      ++refused;
    }
  }
  metrics_->proposals_accepted.Increment(accepted);
  metrics_->proposals_duplicate.Increment(duplicate);
  metrics_->proposals_refused.Increment(refused);
  metrics_->proposals_unavailable.Increment(unavailable);
  static const std::vector<double>& bounds = *new std::vector<double>(ReduceSecondsBounds());
  ObserveAll(group.reduce_seconds, bounds, &metrics_->reduce_seconds);
}

}  // namespace swoosh
