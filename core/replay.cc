#include "core/replay.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/record.h"
#include "core/reducer.h"
#include "google/protobuf/util/message_differencer.h"

namespace swoosh {
namespace {

absl::Status Damaged(uint64_t index, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("record ", index, ": ", what));
}

absl::Status CheckPlace(const v1::Record& record, const LogPosition& before) {
  const uint64_t index = before.index + 1;
  if (record.index() != index) {
    return Damaged(index, absl::StrCat("its bytes say that it is record ", record.index()));
  }
  if (record.previous_hash() != AsBytes(before.record_hash)) {
    return Damaged(index, "it does not hold the hash of the record before it");
  }
  if (!(before.hlc < FromProto(record.hlc()))) {
    return Damaged(index, "its time is not after that of the record before it");
  }
  return absl::OkStatus();
}

// Whether `reduced` is what the record holds. The record that it would make has the stored bytes in
// nearly every case; where the library that wrote them ordered a map in another way, the content is
// compared. Leaves the record with the one or the other.
bool SameChanges(absl::string_view stored, v1::Record* record, Changes* reduced) {
  record->mutable_changes()->Swap(reduced);
  if (EncodeRecord(*record) == stored) return true;
  return std::equal(record->changes().begin(), record->changes().end(), reduced->begin(),
                    reduced->end(), google::protobuf::util::MessageDifferencer::Equals);
}

}  // namespace

absl::Status ReplayRecord(absl::string_view stored, StateWriter* writer, v1::Record* record) {
  const LogPosition before = writer->position();
  const uint64_t index = before.index + 1;
  if (absl::Status status = DecodeRecord(stored, record); !status.ok()) {
    return Damaged(index, status.message());
  }
  if (absl::Status status = CheckPlace(*record, before); !status.ok()) return status;
  if (record->reducer_version() > kReducerVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("record ", index, " was made by reducer version ", record->reducer_version(),
                     "; this binary has ", kReducerVersion, ": run a newer one"));
  }
  if (record->reducer_version() < writer->reducer_version()) {
    return Damaged(index, "its reducer version is below that of the state");
  }

  const Hlc hlc = FromProto(record->hlc());
  Proposal proposal;
  proposal.ns = record->namespace_();
  proposal.actor = record->actor();
  proposal.transitions = &record->transitions();
  proposal.guard_outcomes = &record->guard_outcomes();
  proposal.reducer_version = record->reducer_version();
  Changes changes;
  absl::StatusOr<Reduction> reduction = Reduce(writer->view(), proposal, hlc, &changes);
  if (!reduction.ok()) {
    return Damaged(index, absl::StrCat("the reducer refuses it: ", reduction.status().message()));
  }
  if (!SameChanges(stored, record, &changes)) {
    return Damaged(index, "the reducer makes other changes of it than those recorded");
  }
  writer->Apply(reduction->effect, record->reducer_version(), hlc);
  writer->SetRecordHash(Sha256(stored));
  if (!record->state_hash().empty() && record->state_hash() != AsBytes(writer->Seal())) {
    return Damaged(index, "the state after it has another hash than the one recorded");
  }
  return absl::OkStatus();
}

}  // namespace swoosh
