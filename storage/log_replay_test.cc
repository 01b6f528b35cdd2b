#include "storage/log_replay.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/record.h"
#include "core/replay.h"
#include "gtest/gtest.h"
#include "storage/bad_index.h"
#include "storage/history_for_test.h"
#include "storage/memory_log.h"
#include "storage/recovery_refusal.h"

namespace swoosh {
namespace {

constexpr char kOrigin[] = "origin";
constexpr uint64_t kGroup = 50;
// Enough for more batches than are under way at once.
constexpr uint64_t kRecords = 12'000;

// A log to be damaged in ways that the chain of hashes does not show.
class History {
 public:
  explicit History(uint64_t records) {
    HistoryForTest history{StateWriter(kOrigin)};
    while (stored_.size() < records) {
      for (EncodedRecord& record : history.Next(kGroup)) stored_.push_back(std::move(record.bytes));
    }
    state_hash_ = history.state().hash();
  }

  std::string& at(uint64_t index) { return stored_[index - 1]; }
  uint64_t size() const { return stored_.size(); }
  const Digest& state_hash() const { return state_hash_; }

  void ForgeChanges(uint64_t index) {
    v1::Record record = Decoded(index);
    record.mutable_changes(0)->set_machine("another");
    at(index) = EncodeRecord(record);
    Link(index + 1);
  }
  void ForgeStateHash(uint64_t index) {
    v1::Record record = Decoded(index);
    ASSERT_FALSE(record.state_hash().empty());
    record.mutable_state_hash()->at(0) ^= 1;
    at(index) = EncodeRecord(record);
    Link(index + 1);
  }

  void FillLog(MemoryLog* log) const {
    uint64_t next = 1;
    for (const std::string& stored : stored_) {
      const EncodedRecord record = {next, stored, Sha256(stored)};
      ASSERT_TRUE(log->Append(next, {&record, 1}).ok());
      ++next;
    }
  }
  // What a replay of one record after the other meets first.
  absl::Status FirstError() const {
    StateWriter writer(kOrigin);
    v1::Record record;
    for (const std::string& stored : stored_) {
      const uint64_t index = writer.position().index + 1;
      if (absl::Status status = ReplayRecord(stored, &writer, &record); !status.ok()) {
        return AtRecord(index, RefuseFor(Refusal::kRecordRefused, status));
      }
    }
    return absl::OkStatus();
  }

 private:
  v1::Record Decoded(uint64_t index) {
    v1::Record record;
    EXPECT_TRUE(DecodeRecord(at(index), &record).ok());
    return record;
  }
  void Link(uint64_t from) {
    for (uint64_t index = from; index <= size(); ++index) {
      v1::Record record = Decoded(index);
      record.set_previous_hash(std::string(AsBytes(Sha256(at(index - 1)))));
      at(index) = EncodeRecord(record);
    }
  }

  std::vector<std::string> stored_;
  Digest state_hash_ = {};
};

// One of kRecords, to be copied.
const History& Whole() {
  static const History& whole = *new History(kRecords);
  return whole;
}

// The records that were found to be right, after which it ends as it should.
uint64_t ReplayedBefore(const History& history, const absl::Status& expected) {
  MemoryLog log;
  history.FillLog(&log);
  StateWriter writer(kOrigin);
  uint64_t checked = 0;
  ReplayObserver observer;
  observer.on_checked = [&](const v1::Record& record, const Digest&) {
    EXPECT_EQ(record.index(), ++checked);
  };
  const absl::Status status = ReplayLog(log, log.next_index(), &writer, observer);
  EXPECT_EQ(status, expected);
  EXPECT_EQ(FirstBadIndexOf(status), FirstBadIndexOf(expected));
  return checked;
}

TEST(LogReplayTest, MakesTheStateAndTellsOfEachRecordOnceAndInOrder) {
  const History& history = Whole();
  MemoryLog log;
  history.FillLog(&log);
  StateWriter writer(kOrigin);
  uint64_t applied = 0;
  uint64_t checked = 0;
  ReplayObserver observer;
  observer.on_applied = [&](const LogPosition& position) {
    EXPECT_EQ(position.index, ++applied);
    return absl::OkStatus();
  };
  observer.on_checked = [&](const v1::Record& record, const Digest&) {
    EXPECT_EQ(record.index(), ++checked);
    EXPECT_LE(checked, applied);
  };
  ASSERT_TRUE(ReplayLog(log, log.next_index(), &writer, observer).ok());
  EXPECT_EQ(applied, kRecords);
  EXPECT_EQ(checked, kRecords);
  EXPECT_EQ(writer.position().index, kRecords);
  EXPECT_EQ(writer.Seal(), history.state_hash());
}

TEST(LogReplayTest, BeginsBehindTheWritersPositionAndStopsAtTheEndGiven) {
  const History history(300);
  MemoryLog log;
  history.FillLog(&log);
  StateWriter writer(kOrigin);
  ASSERT_TRUE(ReplayLog(log, 101, &writer, {}).ok());
  EXPECT_EQ(writer.position().index, 100u);
  ASSERT_TRUE(ReplayLog(log, 101, &writer, {}).ok());
  EXPECT_EQ(writer.position().index, 100u);
  ASSERT_TRUE(ReplayLog(log, log.next_index(), &writer, {}).ok());
  EXPECT_EQ(writer.Seal(), history.state_hash());
}

TEST(LogReplayTest, EachKindOfDamageIsNamedWhereverItIs) {
  for (const uint64_t index : {uint64_t{2}, uint64_t{50}, uint64_t{7'400}, kRecords}) {
    History changes = Whole();
    changes.ForgeChanges(index);
    EXPECT_EQ(ReplayedBefore(changes, changes.FirstError()), index - 1);
    History undecodable = Whole();
    undecodable.at(index).resize(10);
    EXPECT_EQ(ReplayedBefore(undecodable, undecodable.FirstError()), index - 1);
    if (index == 2) continue;
    History state_hash = Whole();
    state_hash.ForgeStateHash(index);
    EXPECT_EQ(ReplayedBefore(state_hash, state_hash.FirstError()), index - 1);
  }
}

// Changes are compared behind, so what is found sooner may come later in the log.
TEST(LogReplayTest, OfSeveralErrorsTheFirstInTheLogIsNamed) {
  for (const uint64_t later : {uint64_t{105}, uint64_t{150}, uint64_t{9'000}}) {
    History history = Whole();
    history.ForgeChanges(later);
    history.ForgeChanges(104);
    history.at(later).resize(10);
    const absl::Status expected = history.FirstError();
    EXPECT_EQ(FirstBadIndexOf(expected), 104u);
    EXPECT_EQ(ReplayedBefore(history, expected), 103u);
  }
  History of_one_record = Whole();
  of_one_record.ForgeChanges(150);
  of_one_record.ForgeStateHash(150);
  const absl::Status expected = of_one_record.FirstError();
  EXPECT_TRUE(absl::StrContains(expected.message(), "other changes")) << expected;
  EXPECT_EQ(ReplayedBefore(of_one_record, expected), 149u);
}

TEST(LogReplayTest, TheObserversErrorEndsItUnlessChangesBeforeAreWrong) {
  for (const bool forged : {false, true}) {
    History history = Whole();
    if (forged) history.ForgeChanges(8'344);
    MemoryLog log;
    history.FillLog(&log);
    StateWriter writer(kOrigin);
    ReplayObserver observer;
    const absl::Status mine = absl::DataLossError("not as it should be");
    observer.on_applied = [&](const LogPosition& position) {
      return position.index < 8'345 ? absl::OkStatus() : mine;
    };
    uint64_t checked = 0;
    observer.on_checked = [&](const v1::Record&, const Digest&) { ++checked; };
    const absl::Status status = ReplayLog(log, log.next_index(), &writer, observer);
    EXPECT_EQ(status, forged ? history.FirstError() : mine);
    EXPECT_EQ(checked, forged ? 8'343u : 8'344u);
  }
}

}  // namespace
}  // namespace swoosh
