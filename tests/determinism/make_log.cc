// Writes a log of random accepted proposals: the same one for the same seed, on every machine.
//
// Usage: make_log RECORDS SEED FILE   a file for replay_log
//        make_log RECORDS SEED        text on stdout, as in core/testdata/reducer_version_*.txt
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/hlc.h"
#include "core/record.h"
#include "core/reducer.h"
#include "core/state.h"
#include "google/protobuf/util/json_util.h"
#include "tests/determinism/log_file.h"
#include "tests/determinism/machines.h"

namespace swoosh {
namespace {

constexpr char kHistoryId[] = "0123456789abcdef0123456789abcdef";
constexpr int64_t kStartUs = 1'700'000'000'000'000;
constexpr int64_t kStepUsMax = 40'000;  // between two records
constexpr uint64_t kInstances = 500;    // ids that there are
constexpr uint64_t kGroupRecordsMax = 40;
constexpr uint32_t kFireMax = 20;
constexpr int kGuardsAskedMax = 8;
const char* const kNamespaces[] = {"default", "other"};
const char* const kEvents[] = {"add",      "add",     "add",  "push",   "fold", "go",
                               "add.more", "step",    "step", "turn",   "back", "pause",
                               "resume",   "restart", "drop", "ask",    "ask",  "close",
                               "again",    "break",   "fail", "unknown"};
const char* const kNumbers[] = {
    "1", "2", "0.1", "97", "1e-300", "123456789.123", "3", "0.30000000000000004"};

using Sink = std::function<void(const std::string& stored)>;

class LogMaker {
 public:
  LogMaker(uint64_t seed, Sink sink) : random_(seed), sink_(std::move(sink)) {}

  // Returns the state hash at the end.
  Digest Make(uint64_t records) {
    RegisterAll();
    while (writer_.position().index < records) Step(records);
    return writer_.Seal();
  }

 private:
  using Transitions = google::protobuf::RepeatedPtrField<v1::Transition>;

  uint64_t Below(uint64_t end) { return random_() % end; }
  template <typename T, size_t kCount>
  T OneOf(T (&items)[kCount]) {
    return items[Below(kCount)];
  }

  void RegisterAll() {
    for (const char* ns : kNamespaces) {
      for (const char* machine : kMachines) {
        v1::Record record;
        record.set_namespace_(ns);
        const auto parsed = google::protobuf::util::JsonStringToMessage(
            machine, record.add_transitions()->mutable_register_machine()->mutable_machine());
        SWOOSH_CHECK(parsed.ok());
        const absl::Status status = Submit(std::move(record));
        if (!status.ok()) std::cerr << status.message() << "\n";
        SWOOSH_CHECK(status.ok());
      }
    }
  }

  // Proposes something, which may be refused. The last record ends a group.
  void Step(uint64_t records) {
    now_us_ += static_cast<int64_t>(Below(kStepUsMax));
    last_ = writer_.position().index + 1 == records;
    v1::Record record;
    const auto due = writer_.first_due();
    if (due.has_value() && due->due_us <= now_us_) {
      record.set_namespace_(due->ns);
      v1::AdvanceTime* advance = record.add_transitions()->mutable_advance_time();
      *advance->mutable_to() = TimestampFromMicros(now_us_);
      advance->set_fire_max(static_cast<uint32_t>(1 + Below(kFireMax)));
    } else {
      record.set_namespace_(OneOf(kNamespaces));
      if (Below(3) == 0) record.set_actor(absl::StrCat("actor-", Below(3)));
      const uint64_t transitions = Below(8) == 0 ? 1 + Below(4) : 1;
      for (uint64_t i = 0; i < transitions; ++i) Propose(record.add_transitions());
    }
    (void)Submit(std::move(record));  // refusals leave no trace
  }

  void Propose(v1::Transition* transition) {
    const std::string id = absl::StrCat("i", Below(kInstances));
    const uint64_t kind = Below(100);
    if (kind < 15) {
      v1::CreateInstance* create = transition->mutable_create_instance();
      create->set_instance_id(id);
      const char* const names[] = {"sums", "regions", "gate"};
      create->set_machine(OneOf(names));
      create->set_allow_existing(Below(4) == 0);
      if (Below(3) == 0) SetNumber("n", create->mutable_context());
    } else if (kind < 17) {
      transition->mutable_delete_instance()->set_instance_id(id);
    } else {
      v1::SendEvent* send = transition->mutable_send_event();
      send->set_instance_id(id);
      send->set_event(OneOf(kEvents));
      if (Below(4) != 0) SetNumber("v", send->mutable_data());
    }
  }
  void SetNumber(const char* key, google::protobuf::Struct* message) {
    double number = 0;
    SWOOSH_CHECK(absl::SimpleAtod(OneOf(kNumbers), &number));
    (*message->mutable_fields())[key].set_number_value(number);
  }

  // Reduces; external guards are answered by chance.
  absl::Status Submit(v1::Record record) {
    const Hlc hlc = NextHlc(writer_.position().hlc, now_us_);
    const Transitions transitions = record.transitions();
    Proposal proposal;
    proposal.ns = record.namespace_();
    proposal.actor = record.actor();
    proposal.transitions = &transitions;
    proposal.guard_outcomes = &record.guard_outcomes();
    absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, hlc);
    for (int asked = 0; asked < kGuardsAskedMax && !reduction.ok(); ++asked) {
      v1::GuardOutcome question;
      if (!GetDetail(reduction.status(), &question)) break;
      question.set_allowed(Below(3) != 0);
      question.set_provider("chance");
      *record.add_guard_outcomes() = std::move(question);
      reduction = Reduce(writer_.view(), proposal, hlc);
    }
    if (!reduction.ok()) return reduction.status();
    record.set_index(writer_.position().index + 1);
    *record.mutable_hlc() = ToProto(hlc);
    record.set_previous_hash(std::string(AsBytes(writer_.position().record_hash)));
    record.set_reducer_version(kReducerVersion);
    Store(record, *reduction, hlc);
    return absl::OkStatus();
  }

  void Store(const v1::Record& record, const Reduction& reduction, const Hlc& hlc) {
    writer_.Apply(reduction.effect, kReducerVersion, hlc);
    std::string stored = EncodeRecord(record, reduction.changes);
    if (last_ || Below(kGroupRecordsMax) == 0) AppendStateHash(writer_.Seal(), &stored);
    writer_.SetRecordHash(Sha256(stored));
    sink_(stored);
  }

  std::mt19937_64 random_;
  const Sink sink_;
  StateWriter writer_{kHistoryId};
  int64_t now_us_ = kStartUs;
  bool last_ = false;
};

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

int WriteFile(uint64_t records, uint64_t seed, const char* path) {
  std::ofstream file(path, std::ios::binary);
  WritePart(kHistoryId, &file);
  LogMaker(seed, [&](const std::string& stored) { WritePart(stored, &file); }).Make(records);
  file.close();
  if (file) return 0;
  std::cerr << path << " can't be written\n";
  return 1;
}

int WriteText(uint64_t records, uint64_t seed) {
  std::cout << "# A log of reducer version " << kReducerVersion
            << ": the history id, each record as stored, the state hash at\n# the end. Written by "
            << "tests/determinism:make_log " << records << " " << seed << ".\n"
            << "history " << kHistoryId << "\n";
  const Digest state_hash = LogMaker(seed, [](const std::string& stored) {
                              std::cout << "record " << Hex(stored) << "\n";
                            }).Make(records);
  std::cout << "state_hash " << Hex(AsBytes(state_hash)) << "\n";
  return 0;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  uint64_t records = 0;
  uint64_t seed = 0;
  if (argc < 3 || argc > 4 || !absl::SimpleAtoi(argv[1], &records) ||
      !absl::SimpleAtoi(argv[2], &seed)) {
    std::cerr << "usage: make_log RECORDS SEED [FILE]\n";
    return 2;
  }
  return argc == 4 ? swoosh::WriteFile(records, seed, argv[3]) : swoosh::WriteText(records, seed);
}
