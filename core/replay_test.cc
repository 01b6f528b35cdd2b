#include "core/replay.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/record.h"
#include "core/reducer.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr char kHistory[] = "history";
constexpr int kRecordCount = 40;

// A short history, as a server would write it: groups of three records.
class ReplayTest : public testing::Test {
 protected:
  void SetUp() override {
    StateWriter writer(kHistory);
    for (int i = 0; i < kRecordCount; ++i) {
      records_.push_back(MakeRecord(i, writer));
      v1::Record& record = records_.back();
      google::protobuf::RepeatedPtrField<v1::Transition> transitions = record.transitions();
      Proposal proposal;
      proposal.ns = record.namespace_();
      proposal.transitions = &transitions;
      auto reduction = Reduce(writer.view(), proposal, FromProto(record.hlc()));
      ASSERT_TRUE(reduction.ok()) << reduction.status();
      ASSERT_TRUE(AddChanges(reduction->changes, &record));
      writer.Apply(reduction->effect, kReducerVersion, FromProto(record.hlc()));
      if (i % 3 == 2 || i + 1 == kRecordCount) {
        record.set_state_hash(std::string(AsBytes(writer.Seal())));
      }
      stored_.push_back(EncodeRecord(record));
      writer.SetRecordHash(Sha256(stored_.back()));
    }
    hash_ = writer.Seal();
  }

  static v1::Record MakeRecord(int i, const StateWriter& writer) {
    std::string transition =
        R"({"registerMachine":{"machine":{"name":"m","context":{"n":0,"z":1,"a":"b"},"root":{
            "id":"r","on":[{"event":"add","actions":[{"assign":{"location":"context.n",
            "value":"context.n + 1"}}]}]}}}})";
    if (i > 0) {
      transition =
          i <= 5
              ? absl::StrCat(R"({"createInstance":{"machine":"m","instanceId":"i)", i, R"("}})")
              : absl::StrCat(R"({"sendEvent":{"event":"add","instanceId":"i)", 1 + i % 5, R"("}})");
    }
    v1::Record record;
    record.set_index(writer.position().index + 1);
    *record.mutable_hlc() = ToProto(NextHlc(writer.position().hlc, 1'000'000 + i / 2));
    record.set_previous_hash(std::string(AsBytes(writer.position().record_hash)));
    record.set_reducer_version(kReducerVersion);
    record.set_namespace_("default");
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(transition, record.add_transitions()).ok());
    return record;
  }

  // Replays all; the first error.
  static absl::Status Replay(const std::vector<std::string>& stored, StateWriter* writer) {
    v1::Record record;
    for (const std::string& bytes : stored) {
      absl::Status status = ReplayRecord(bytes, writer, &record);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // Stores `record` in place of the one with its index, and links the ones after it anew: damage
  // that the chain does not see.
  void Forge(const v1::Record& record) {
    for (size_t i = record.index() - 1; i < records_.size(); ++i) {
      v1::Record forged = i + 1 == record.index() ? record : records_[i];
      if (i + 1 != record.index()) {
        forged.set_previous_hash(std::string(AsBytes(Sha256(stored_[i - 1]))));
      }
      stored_[i] = EncodeRecord(forged);
    }
  }

  std::vector<v1::Record> records_;
  std::vector<std::string> stored_;
  Digest hash_;
};

TEST_F(ReplayTest, MakesTheSameState) {
  StateWriter writer(kHistory);
  ASSERT_TRUE(Replay(stored_, &writer).ok());
  EXPECT_EQ(writer.Seal(), hash_);
  EXPECT_EQ(writer.position().index, stored_.size());
  EXPECT_EQ(writer.position().record_hash, Sha256(stored_.back()));
}

TEST_F(ReplayTest, AnotherHistoryIsNamedAtItsFirstRecord) {
  StateWriter writer("another");
  const absl::Status status = Replay(stored_, &writer);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(status.message(), "record 1:")) << status;
}

TEST_F(ReplayTest, EveryFlippedBitIsFoundAtItsRecordOrTheNext) {
  for (size_t at = 0; at < stored_[20].size(); ++at) {
    std::vector<std::string> damaged(stored_.begin(), stored_.begin() + 23);
    damaged[20][at] ^= 0x10;
    StateWriter writer(kHistory);
    EXPECT_FALSE(Replay(damaged, &writer).ok()) << "byte " << at;
    EXPECT_LE(writer.position().index, 21u) << "byte " << at;
  }
}

TEST_F(ReplayTest, AMissingRecordIsNamed) {
  stored_.erase(stored_.begin() + 10);
  StateWriter writer(kHistory);
  const absl::Status status = Replay(stored_, &writer);
  EXPECT_TRUE(absl::StrContains(status.message(), "record 11:")) << status;
}

TEST_F(ReplayTest, OtherChangesThanTheReducerMakesAreNamed) {
  v1::Record forged = records_[12];
  (*forged.mutable_changes(0)->mutable_context()->mutable_fields())["n"].set_number_value(1e6);
  Forge(forged);
  StateWriter writer(kHistory);
  const absl::Status status = Replay(stored_, &writer);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(status.message(), "record 13: the reducer makes other changes"))
      << status;
}

TEST_F(ReplayTest, AnotherStateHashIsNamed) {
  v1::Record forged = records_[14];
  ASSERT_FALSE(forged.state_hash().empty());
  forged.mutable_state_hash()->at(0) ^= 1;
  Forge(forged);
  StateWriter writer(kHistory);
  const absl::Status status = Replay(stored_, &writer);
  EXPECT_TRUE(absl::StrContains(status.message(), "record 15: the state after it")) << status;
}

TEST_F(ReplayTest, TimeThatGoesBackIsNamed) {
  v1::Record forged = records_[14];
  *forged.mutable_hlc() = records_[13].hlc();
  Forge(forged);
  StateWriter writer(kHistory);
  const absl::Status status = Replay(stored_, &writer);
  EXPECT_TRUE(absl::StrContains(status.message(), "record 15: its time")) << status;
}

TEST_F(ReplayTest, ARecordOfANewerReducerIsRefusedByName) {
  v1::Record forged = records_[14];
  forged.set_reducer_version(kReducerVersion + 1);
  Forge(forged);
  StateWriter writer(kHistory);
  const absl::Status status = Replay(stored_, &writer);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(
      status.message(),
      absl::StrCat("record 15 was made by reducer version ", kReducerVersion + 1)))
      << status;
}

TEST_F(ReplayTest, MapsThatAnotherLibraryOrderedOtherwiseAreTheSameChanges) {
  // The last record only: what follows would hold the hash of other bytes.
  v1::Record last = records_.back();
  std::string unordered(1, kRecordFormatVersion);
  v1::Record without_changes = last;
  without_changes.clear_changes();
  without_changes.clear_state_hash();
  without_changes.AppendToString(&unordered);
  // Field order is free in protobuf: the same fields in another order are other bytes.
  v1::Record only_changes;
  *only_changes.mutable_changes() = last.changes();
  only_changes.set_state_hash(last.state_hash());
  std::string tail;
  only_changes.SerializeToString(&tail);
  std::string reordered(1, kRecordFormatVersion);
  reordered += tail;
  reordered += unordered.substr(1);
  ASSERT_NE(reordered, stored_.back());
  stored_.back() = reordered;
  StateWriter writer(kHistory);
  EXPECT_TRUE(Replay(stored_, &writer).ok());
}

// The log of a reducer of `version`, as it was written then. Kept for ever.
struct GoldenLog {
  explicit GoldenLog(uint32_t version) {
    std::ifstream file(absl::StrCat("core/testdata/reducer_version_", version, ".txt"));
    std::string word;
    while (file >> word) {
      if (word == "#") std::getline(file, word);
      if (word == "history") file >> history_id;
      if (word == "record" && file >> word) records.push_back(absl::HexStringToBytes(word));
      if (word == "state_hash" && file >> word) state_hash = absl::HexStringToBytes(word);
    }
  }
  StateWriter Replayed() const {
    StateWriter writer(history_id);
    for (const std::string& stored : records) {
      v1::Record record;
      const absl::Status status = ReplayRecord(stored, &writer, &record);
      EXPECT_TRUE(status.ok()) << status;
    }
    return writer;
  }

  std::string history_id;
  std::vector<std::string> records;
  std::string state_hash;
};

TEST(GoldenLogTest, OfEachVersionIsReplayedToTheStateThatItHadThen) {
  for (uint32_t version = 1; version <= kReducerVersion; ++version) {
    SCOPED_TRACE(version);
    const GoldenLog log(version);
    ASSERT_GT(log.records.size(), 0u);
    StateWriter writer = log.Replayed();
    EXPECT_EQ(AsBytes(writer.Seal()), log.state_hash);
    EXPECT_EQ(writer.position().index, log.records.size());
    EXPECT_EQ(writer.reducer_version(), version);
  }
}

TEST(GoldenLogTest, MachinesOfVersion1KeepTheirMeaningAndNewOnesGetTodays) {
  StateWriter writer = GoldenLog(1).Replayed();
  const Machine* old = writer.view().machines().Find("default", "choosy", 0);
  ASSERT_NE(old, nullptr);
  EXPECT_EQ(old->semantics_version(), 1u);

  const auto reduce = [&](const v1::Transition& transition) {
    google::protobuf::RepeatedPtrField<v1::Transition> transitions;
    *transitions.Add() = transition;
    Proposal proposal;
    proposal.ns = "default";
    proposal.transitions = &transitions;
    const Hlc hlc = NextHlc(writer.position().hlc, 0);
    auto reduction = Reduce(writer.view(), proposal, hlc);
    EXPECT_TRUE(reduction.ok()) << reduction.status();
    writer.Apply(reduction->effect, kReducerVersion, hlc);
    return *std::move(reduction);
  };
  const auto emitted = [&](uint32_t machine_version, const std::string& id) {
    v1::Transition create;
    create.mutable_create_instance()->set_instance_id(id);
    create.mutable_create_instance()->set_machine("choosy");
    create.mutable_create_instance()->set_machine_version(machine_version);
    reduce(create);
    v1::Transition go;
    go.mutable_send_event()->set_instance_id(id);
    go.mutable_send_event()->set_event("go");
    std::vector<std::string> names;
    v1::Record gone;
    EXPECT_TRUE(AddChanges(reduce(go).changes, &gone));
    for (const v1::Emitted& each : gone.changes(0).emitted()) names.push_back(each.name());
    return names;
  };
  // The first branch's guard can't be evaluated: that ended the list of actions once, and is false
  // today.
  EXPECT_EQ(emitted(1, "as_before"), (std::vector<std::string>{}));
  v1::Transition again;
  *again.mutable_register_machine()->mutable_machine() = old->ToProto(/*with_root=*/true);
  EXPECT_EQ(reduce(again).outcomes[0].machine->version(), 2u);
  EXPECT_EQ(emitted(2, "today"), (std::vector<std::string>{"else", "rest"}));
  EXPECT_EQ(writer.reducer_version(), kReducerVersion);
}

}  // namespace
}  // namespace swoosh
