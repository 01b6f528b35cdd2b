#include "storage/history_for_test.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/hlc.h"
#include "core/record.h"
#include "core/reducer.h"
#include "core/sha256.h"
#include "google/protobuf/util/json_util.h"

namespace swoosh {
namespace {

constexpr char kMachine[] = R"({"registerMachine":{"machine":{"name":"counter",
    "context":{"n":0},"root":{"id":"r","on":[{"event":"add","actions":[
    {"assign":{"location":"context.n","value":"context.n + 1"}}]}]}}}})";
constexpr uint64_t kRecordsPerInstance = 3;
constexpr int64_t kFirstTimeUs = 1'700'000'000'000'000;

std::string TransitionOf(uint64_t index) {
  if (index == 1) return kMachine;
  const uint64_t events = (index - 2) % kRecordsPerInstance;
  if (events == 0) {
    return absl::StrCat(R"({"createInstance":{"machine":"counter","instanceId":"i)", index,
                        R"("}})");
  }
  return absl::StrCat(R"({"sendEvent":{"event":"add","instanceId":"i)", index - events, R"("}})");
}

}  // namespace

HistoryForTest::HistoryForTest(StateWriter writer, std::string actor)
    : writer_(std::move(writer)), actor_(std::move(actor)) {
  writer_.Seal();
}

v1::Record HistoryForTest::MakeRecord() const {
  const LogPosition& position = writer_.position();
  v1::Record record;
  record.set_index(position.index + 1);
  *record.mutable_hlc() =
      ToProto(NextHlc(position.hlc, kFirstTimeUs + static_cast<int64_t>(position.index) * 1'000));
  record.set_previous_hash(std::string(AsBytes(position.record_hash)));
  record.set_reducer_version(kReducerVersion);
  record.set_namespace_("default");
  record.set_actor(actor_);
  const auto parsed = google::protobuf::util::JsonStringToMessage(TransitionOf(record.index()),
                                                                  record.add_transitions());
  SWOOSH_CHECK(parsed.ok());
  return record;
}

std::vector<EncodedRecord> HistoryForTest::Next(uint64_t count) {
  std::vector<EncodedRecord> encoded;
  for (uint64_t i = 0; i < count; ++i) {
    v1::Record record = MakeRecord();
    Proposal proposal;
    proposal.ns = record.namespace_();
    proposal.actor = record.actor();
    proposal.transitions = &record.transitions();
    proposal.guard_outcomes = &record.guard_outcomes();
    const Hlc hlc = FromProto(record.hlc());
    absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, hlc);
    SWOOSH_CHECK(reduction.ok());
    writer_.Apply(reduction->effect, kReducerVersion, hlc);
    std::string stored = EncodeRecord(record, reduction->changes);
    if (i + 1 == count) AppendStateHash(writer_.Seal(), &stored);
    const Digest hash = Sha256(stored);
    writer_.SetRecordHash(hash);
    encoded.push_back({record.index(), std::move(stored), hash});
  }
  return encoded;
}

}  // namespace swoosh
