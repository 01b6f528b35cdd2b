#include "storage/repair.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "core/state.h"
#include "gtest/gtest.h"
#include "storage/commit_mark.h"
#include "storage/fault_file_system.h"
#include "storage/history_for_test.h"
#include "storage/history_id.h"
#include "storage/recovery.h"
#include "storage/recovery_table.h"
#include "storage/store_for_test.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

class RepairTest : public StoreTest {
 protected:
  std::unique_ptr<Repair> Examine() { return Repair::Examine(&files_, paths_).value(); }

  // The store that the records up to `index` make, whatever comes after.
  State StateAt(uint64_t index) {
    HistoryForTest history((StateWriter(history_id_)));
    // As MakeStore groups them.
    for (uint64_t at = 0; at < index;) {
      const uint64_t count = std::min<uint64_t>(5, index - at);
      history.Next(count);
      at += count;
    }
    return history.state();
  }

  // Repairs, and checks that what opens then is the state after record `index`, of another history.
  RepairResult RepairTo(uint64_t index, uint64_t first_kept, uint64_t lost) {
    const std::unique_ptr<Repair> repair = Examine();
    EXPECT_NE(repair->plan().trouble, "");
    EXPECT_EQ(repair->plan().last_kept, index) << repair->plan().trouble;
    EXPECT_EQ(repair->plan().first_kept, first_kept) << repair->plan().trouble;
    EXPECT_EQ(repair->plan().lost_records(), lost) << repair->plan().trouble;
    const RepairResult result = repair->CarryOut().value();
    EXPECT_EQ(result.index, index);
    ExpectRepaired(index, result.history_id);
    const OpenStore store = Open().value();
    EXPECT_EQ(store.log->first_index(), first_kept);
    EXPECT_EQ(ToHex(result.state_hash), ToHex(StateAt(index).hash()));
    EXPECT_TRUE(fs::exists(result.evidence + "/FOUND")) << result.evidence;
    return result;
  }
  void ExpectRepaired(uint64_t index, const std::string& history_id) {
    const absl::StatusOr<OpenStore> store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(store->history_id, history_id);
    EXPECT_NE(store->history_id, history_id_);
    EXPECT_EQ(store->writer.position().index, index);
    EXPECT_EQ(store->log->next_index(), index + 1);
    EXPECT_EQ(CommitMark::Read(&files_, mark_)->index, index);
    EXPECT_FALSE(fs::exists(paths_.wal_dir + "/repaired"));
    EXPECT_FALSE(fs::exists(paths_.wal_dir + "/salvage"));
    EXPECT_FALSE(fs::exists(paths_.snapshot_dir + "/repaired"));
  }
  // The store takes records again, and they stay.
  void ExpectItGoesOn() {
    uint64_t next = 0;
    {
      OpenStore store = Open().value();
      next = store.log->next_index();
      HistoryForTest history(std::move(store.writer), "after the repair");
      ASSERT_TRUE(store.log->Append(next, history.Next(7)).ok());
    }
    RecoveryOptions verify;
    verify.from_oldest = true;
    verify.read_only = true;
    EXPECT_EQ(Open(verify).value().log->next_index(), next + 7);
    EXPECT_EQ(Open().value().log->next_index(), next + 7);
  }
};

TEST_F(RepairTest, ASoundStoreIsLeftAlone) {
  MakeStore(20, {10});
  const std::map<std::string, std::string> before = Everything();
  EXPECT_EQ(Examine()->plan().trouble, "");
  EXPECT_EQ(Everything(), before);
}

TEST_F(RepairTest, WhereThereIsNoStoreNothingIsMade) {
  EXPECT_TRUE(absl::IsNotFound(Repair::Examine(&files_, paths_).status()));
  EXPECT_FALSE(fs::exists(paths_.data_dir));
}

TEST_F(RepairTest, AStoreInUseIsRefused) {
  MakeStore(20);
  const OpenStore store = OpenWhole();
  EXPECT_TRUE(absl::IsFailedPrecondition(Repair::Examine(&files_, paths_).status()));
}

TEST_F(RepairTest, ExaminingChangesNothing) {
  MakeStore(100, {40});
  FlipByte(NewestWalFile(".log"), log_bytes_[60] + 100);
  const std::map<std::string, std::string> before = Everything();
  EXPECT_EQ(Examine()->plan().lost_records(), 40u);
  EXPECT_EQ(Everything(), before);
}

TEST_F(RepairTest, ADamagedLogIsCutAfterTheLastRecordThatChains) {
  MakeStore(100);
  FlipByte(NewestWalFile(".log"), log_bytes_[60] + 100);
  ExpectRefused(Refusal::kLogDamaged, {});
  RepairTo(60, 1, 40);
  ExpectItGoesOn();
}

// Nothing after the last record kept commits to it: its checksum must.
TEST_F(RepairTest, WhateverByteOfABatchIsDamagedTheWholeBatchIsCut) {
  MakeStore(20);
  const std::map<std::string, std::string> before = Everything();
  const std::string log = NewestWalFile(".log");
  for (uint64_t at = log_bytes_[10]; at < log_bytes_[15]; at += 11) {
    for (const auto& [path, bytes] : before) WriteFile(path, bytes);
    FlipByte(log, at);
    const std::unique_ptr<Repair> repair = Examine();
    EXPECT_EQ(repair->plan().last_kept, 10u) << at;
    EXPECT_EQ(repair->plan().lost_records(), 10u) << at;
  }
}

TEST_F(RepairTest, DamageBeforeAWholeSnapshotLosesOnlyWhatCanBeReadOfHistory) {
  MakeStore(100, {60});
  FlipByte(NewestWalFile(".log"), log_bytes_[20] + 100);
  RepairTo(100, 26, 0);
  ExpectItGoesOn();
}

TEST_F(RepairTest, ALogThatIsGoneLeavesTheNewestWholeSnapshot) {
  MakeStore(100, {40, 60});
  fs::remove_all(paths_.wal_dir);
  RepairTo(60, 61, 40);
  ExpectItGoesOn();
}

TEST_F(RepairTest, ALogAndSnapshotsThatAreGoneLeaveAnEmptyStore) {
  MakeStore(100);
  ASSERT_TRUE(files_.Remove(NewestWalFile(".log")).ok());
  RepairTo(0, 1, 100);
  ExpectItGoesOn();
}

TEST_F(RepairTest, ADamagedSnapshotOfATrimmedLogGivesWayToTheOneBefore) {
  MakeStore(100, {40, 60});
  TrimLog(30);
  DamageSnapshot(60);
  WriteMark({history_id_, 120, {}});
  RepairTo(100, 30, 20);
}

TEST_F(RepairTest, AMissingTableLeavesWhatCameBeforeIt) {
  MakeStore(50);
  AppendMore(10);
  OpenWhole();
  ASSERT_TRUE(files_.Remove(NewestWalFile(".ldb")).ok());
  RepairTo(50, 1, 10);
}

TEST_F(RepairTest, AMissingManifestLosesNothing) {
  MakeStore(50);
  AppendMore(10);
  ASSERT_TRUE(files_.Remove(paths_.wal_dir + "/CURRENT").ok());
  RepairTo(60, 1, 0);
}

TEST_F(RepairTest, AMissingOrDamagedMarkSaysNothingOfWhatIsLost) {
  MakeStore(50);
  ASSERT_TRUE(files_.Remove(mark_).ok());
  EXPECT_FALSE(Examine()->plan().acknowledged.has_value());
  RepairTo(50, 1, 0);
}

TEST_F(RepairTest, AMissingHistoryIdIsTakenFromTheMarkOrASnapshot) {
  for (const bool mark_too : {false, true}) {
    fs::remove_all(paths_.data_dir);
    MakeStore(50, {20});
    ASSERT_TRUE(files_.Remove(history_file_).ok());
    if (mark_too) {
      ASSERT_TRUE(files_.Remove(mark_).ok());
    }
    RepairTo(50, 1, 0);
    EXPECT_EQ(ReadHistoryFile(&files_, history_file_)->origin_id, history_id_);
  }
}

TEST_F(RepairTest, NothingThatNamesTheHistoryIsRefused) {
  MakeStore(50);
  ASSERT_TRUE(files_.Remove(history_file_).ok());
  ASSERT_TRUE(files_.Remove(mark_).ok());
  EXPECT_TRUE(absl::IsDataLoss(Repair::Examine(&files_, paths_).status()));
}

TEST_F(RepairTest, ARepairedStoreCanBeRepairedAgain) {
  MakeStore(100);
  FlipByte(NewestWalFile(".log"), log_bytes_[60] + 100);
  const std::string first = RepairTo(60, 1, 40).history_id;
  ASSERT_TRUE(files_.Remove(mark_).ok());
  const std::string second = RepairTo(60, 1, 0).history_id;
  EXPECT_NE(first, second);
  EXPECT_EQ(ReadHistoryFile(&files_, history_file_)->origin_id, history_id_);
}

TEST_F(RepairTest, TheEvidenceIsTheDamagedStoreWithItsSnapshots) {
  MakeStore(100, {40, 60});
  FlipByte(NewestWalFile(".log"), log_bytes_[80] + 100);
  DamageSnapshot(60);
  const std::map<std::string, std::string> before = Everything();
  const RepairResult result = RepairTo(80, 1, 20);
  for (const auto& [path, bytes] : before) {
    EXPECT_EQ(ReadFile(absl::StrCat(result.evidence, path.substr(path.rfind('/')))), bytes) << path;
  }
  EXPECT_TRUE(absl::StartsWith(ReadFile(result.evidence + "/REFUSED"), "repaired: LOG_DAMAGED"));
}

// Whatever call is the last one (every fifth is tried: each opens the store four times).
TEST_F(RepairTest, CutShortAnywhereItIsTheDamagedStoreOrIsFinished) {
  MakeStore(30, {10, 20});
  FlipByte(NewestWalFile(".log"), log_bytes_[25] + 100);
  const std::map<std::string, std::string> damaged = Everything();
  uint64_t calls = 0;
  uint64_t went_on = 0;
  constexpr uint64_t kStride = 5;
  for (uint64_t n = 0; n == 0 || n < calls; n += kStride) {
    fs::remove_all(paths_.data_dir);
    for (const auto& [path, bytes] : damaged) {
      fs::create_directories(fs::path(path).parent_path());
      WriteFile(path, bytes);
    }
    {
      const std::unique_ptr<Repair> repair = Examine();
      const uint64_t before = files_.calls();
      if (calls > 0) files_.Arm({.after = n, .for_good = true, .tear = true});
      const absl::StatusOr<RepairResult> result = repair->CarryOut();
      files_.Disarm();
      if (calls == 0) {
        ASSERT_TRUE(result.ok()) << result.status();
        calls = files_.calls() - before;
        continue;
      }
    }
    const absl::StatusOr<OpenStore> store = Open();
    if (store.ok()) {
      // Cut short after its end, while it was being proven.
      EXPECT_EQ(store->writer.position().index, 25u);
      continue;
    }
    const Refusal refusal = RefusalOf(store.status());
    EXPECT_TRUE(refusal == Refusal::kLogTornBeforeMark || refusal == Refusal::kRepairUnfinished)
        << n << store.status();
    const std::unique_ptr<Repair> again = Examine();
    EXPECT_EQ(again->plan().goes_on, refusal == Refusal::kRepairUnfinished);
    if (again->plan().goes_on) ++went_on;
    const absl::StatusOr<RepairResult> result = again->CarryOut();
    ASSERT_TRUE(result.ok()) << n << result.status();
    ExpectRepaired(25, result->history_id);
    EXPECT_EQ(ReadFile(paths_.wal_dir + "/evidence/1/commit_mark"), damaged.at(mark_));
  }
  EXPECT_GT(calls, 50u);
  EXPECT_GT(went_on, 3u);
}

}  // namespace
}  // namespace swoosh
