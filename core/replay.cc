#include "core/replay.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/record.h"
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

}  // namespace

absl::Status PrepareReplay(uint64_t index, absl::string_view stored, v1::Record* record,
                           PreparedRecord* prepared) {
  prepared->stored = stored;
  prepared->record = record;
  absl::Status status = DecodeRecordBesideChanges(stored, record, &prepared->changes);
  if (!status.ok()) return Damaged(index, status.message());
  prepared->hash = Sha256(stored);
  prepared->keys = InstanceKeys(record->namespace_(), record->transitions());
  return absl::OkStatus();
}

absl::Status ApplyReplay(const PreparedRecord& prepared, StateWriter* writer,
                         std::string* reduced) {
  const LogPosition& before = writer->position();
  const uint64_t index = before.index + 1;
  const v1::Record& record = *prepared.record;
  if (absl::Status status = CheckPlace(record, before); !status.ok()) return status;
  if (record.reducer_version() > kReducerVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("record ", index, " was made by reducer version ", record.reducer_version(),
                     "; this binary has ", kReducerVersion, ": run a newer one"));
  }
  if (record.reducer_version() < writer->reducer_version()) {
    return Damaged(index, "its reducer version is below that of the state");
  }

  const Hlc hlc = FromProto(record.hlc());
  Proposal proposal;
  proposal.ns = record.namespace_();
  proposal.actor = record.actor();
  proposal.transitions = &record.transitions();
  proposal.guard_outcomes = &record.guard_outcomes();
  proposal.keys = prepared.keys;
  proposal.reducer_version = record.reducer_version();
  absl::StatusOr<Reduction> reduction = Reduce(writer->view(), proposal, hlc);
  if (!reduction.ok()) {
    return Damaged(index, absl::StrCat("the reducer refuses it: ", reduction.status().message()));
  }
  *reduced = std::move(reduction->changes);
  writer->Apply(reduction->effect, record.reducer_version(), hlc);
  writer->SetRecordHash(prepared.hash);
  if (!record.state_hash().empty() && record.state_hash() != AsBytes(writer->Hash())) {
    return Damaged(index, "the state after it has another hash than the one recorded");
  }
  return absl::OkStatus();
}

// The reduced changes have the recorded bytes in nearly every case; where the library that wrote
// them ordered a map in another way, the content is compared.
absl::Status CheckReplayed(uint64_t index, const PreparedRecord& prepared,
                           absl::string_view reduced) {
  if (reduced == prepared.changes) return absl::OkStatus();
  v1::Record whole;
  if (absl::Status status = DecodeRecord(prepared.stored, &whole); !status.ok()) {
    return Damaged(index, status.message());
  }
  v1::Record again;
  SWOOSH_CHECK(AddChanges(reduced, &again));
  if (std::equal(whole.changes().begin(), whole.changes().end(), again.changes().begin(),
                 again.changes().end(), google::protobuf::util::MessageDifferencer::Equals)) {
    return absl::OkStatus();
  }
  return Damaged(index, "the reducer makes other changes of it than those recorded");
}

absl::Status ReplayRecord(absl::string_view stored, StateWriter* writer, v1::Record* record) {
  const uint64_t index = writer->position().index + 1;
  PreparedRecord prepared;
  absl::Status status = PrepareReplay(index, stored, record, &prepared);
  if (!status.ok()) return status;
  std::string reduced;
  const absl::Status applied = ApplyReplay(prepared, writer, &reduced);
  // Nothing was reduced when the record was refused before.
  if (writer->position().index == index) status = CheckReplayed(index, prepared, reduced);
  return status.ok() ? applied : status;
}

}  // namespace swoosh
