// A test for each row of the tables in recovery_table.cc, on real files.

#include "storage/recovery.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/hlc.h"
#include "core/record.h"
#include "core/reducer.h"
#include "core/sha256.h"
#include "core/state.h"
#include "gtest/gtest.h"
#include "leveldb/db.h"
#include "storage/commit_mark.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/history_for_test.h"
#include "storage/history_id.h"
#include "storage/log.h"
#include "storage/recovery_table.h"
#include "storage/snapshot_file.h"
#include "storage/snapshot_steps.h"
#include "storage/snapshot_store.h"
#include "storage/store_for_test.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

using RecoveryTest = StoreTest;

// ------------------------------------------------------------------- a new store

TEST_F(RecoveryTest, WhereThereIsNothingAStoreIsMadeOnce) {
  std::string history_id;
  {
    const OpenStore store = Open().value();
    history_id = store.history_id;
    EXPECT_TRUE(IsHistoryId(history_id));
    EXPECT_EQ(store.log->next_index(), 1u);
    EXPECT_EQ(store.writer.position().index, 0u);
    EXPECT_EQ(store.writer.position().record_hash, Sha256(history_id));
    EXPECT_TRUE(absl::StartsWith(store.report, "new store")) << store.report;
  }
  const OpenStore again = Open().value();
  EXPECT_EQ(again.history_id, history_id);
  EXPECT_TRUE(absl::StartsWith(again.report, "no snapshot ; replayed 0 records ; index=0"))
      << again.report;
}

TEST_F(RecoveryTest, DirectoriesMayBeApart) {
  const StorePaths apart = {directory_ / "a/data", directory_ / "b/wal", directory_ / "c/s"};
  { ASSERT_TRUE(Recover(&files_, apart, {}).ok()); }
  EXPECT_TRUE(Recover(&files_, apart, {}).ok());
  // With another place for the log it is not a new store.
  const StorePaths wrong = {apart.data_dir, directory_ / "d", apart.snapshot_dir};
  EXPECT_EQ(RefusalOf(Recover(&files_, wrong, {}).status()), Refusal::kLogMissing);
}

TEST_F(RecoveryTest, AMakingCutShortAnywhereIsFinishedTheNextTime) {
  const uint64_t before = files_.calls();
  { ASSERT_TRUE(Open().ok()); }
  const uint64_t calls = files_.calls() - before;
  ASSERT_GT(calls, 10u);
  for (uint64_t n = 0; n < calls; ++n) {
    fs::remove_all(paths_.data_dir);
    files_.Arm({.after = n, .for_good = true, .tear = true});
    const absl::Status status = Open().status();
    files_.Disarm();
    // The last calls only close what is complete.
    if (!status.ok()) {
      EXPECT_EQ(RefusalOf(status), Refusal::kIo) << status;
    }
    const absl::StatusOr<OpenStore> store = Open();
    ASSERT_TRUE(store.ok()) << "cut at call " << n << ": " << store.status();
    EXPECT_EQ(store->log->next_index(), 1u);
  }
}

TEST_F(RecoveryTest, UnfinishedWithRecordsIsRefused) {
  MakeStore(10);
  ASSERT_TRUE(WriteHistoryFile(&files_, history_file_, {history_id_, false}).ok());
  ExpectRefusedUntouched(Refusal::kUnfinishedStoreHasData, {history_file_});
  // Even if the mark says nothing of them.
  ASSERT_TRUE(files_.Remove(mark_).ok());
  ExpectRefused(Refusal::kUnfinishedStoreHasData, {history_file_, paths_.wal_dir});
}

TEST_F(RecoveryTest, AnUnfinishedRestoreIsRefusedWhateverIsThere) {
  for (const uint64_t records : {0, 7}) {
    fs::remove_all(paths_.data_dir);
    MakeStore(records);
    ASSERT_TRUE(
        WriteHistoryFile(&files_, history_file_, {history_id_, false, kOtherId, true}).ok());
    ExpectRefusedUntouched(Refusal::kRestoreUnfinished, {paths_.data_dir, "restore again"});
  }
}

TEST_F(RecoveryTest, TheChainBeginsWithTheOriginWhateverTheHistoryIsCalled) {
  MakeStore(12);
  const std::string origin = history_id_;
  history_id_ = kOtherId;
  ASSERT_TRUE(WriteHistoryFile(&files_, history_file_, {kOtherId, true, origin}).ok());
  WriteMark({kOtherId, end_.index(), end_.position().record_hash});
  const OpenStore store = OpenWhole();
  EXPECT_EQ(store.origin_id, origin);
  EXPECT_EQ(store.replayed_records, 12u);
}

TEST_F(RecoveryTest, UnfinishedWithSnapshotsIsRefused) {
  MakeStore(10, {5});
  ASSERT_TRUE(WriteHistoryFile(&files_, history_file_, {history_id_, false}).ok());
  ExpectRefusedUntouched(Refusal::kUnfinishedStoreHasData, {history_file_});
}

TEST_F(RecoveryTest, ReadOnlyMakesNothing) {
  RecoveryOptions options;
  options.read_only = true;
  const absl::Status status = Open(options).status();
  EXPECT_EQ(RefusalOf(status), Refusal::kNoStore);
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_FALSE(fs::exists(paths_.data_dir));
  ASSERT_TRUE(files_.CreateDirectories(paths_.data_dir).ok());
  ASSERT_TRUE(WriteHistoryFile(&files_, history_file_, {kOtherId, false}).ok());
  EXPECT_EQ(RefusalOf(Open(options).status()), Refusal::kNoStore);
  EXPECT_FALSE(fs::exists(paths_.wal_dir));
}

// ------------------------------------------------------------------- in use, and I/O

TEST_F(RecoveryTest, ASecondOpeningIsToldTheDirectory) {
  const OpenStore store = Open().value();
  const absl::Status status = Open().status();
  EXPECT_EQ(RefusalOf(status), Refusal::kInUse);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_TRUE(absl::StrContains(status.message(), paths_.data_dir)) << status;
}

TEST_F(RecoveryTest, AFailingDiskIsUnavailableAndNotDamage) {
  MakeStore(20, {10});
  const uint64_t before = files_.calls();
  { OpenWhole(); }
  const uint64_t calls = files_.calls() - before;
  for (uint64_t n = 0; n < calls; ++n) {
    files_.Arm({.after = n});
    const absl::Status status = Open().status();
    files_.Disarm();
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsUnavailable(status)) << status;
      EXPECT_EQ(RefusalOf(status), Refusal::kIo) << status;
    }
    OpenWhole();
  }
}

TEST_F(RecoveryTest, AFolderThatCannotBeListedIsUnavailableAndNotEmpty) {
  MakeStore(20, {10});
  uint64_t n = 0;
  do {
    files_.Arm({.after = n, .only = FaultFileSystem::Call::kList});
    const absl::Status status = Open().status();
    const bool fired = files_.fired();
    files_.Disarm();
    if (!status.ok()) {
      EXPECT_EQ(RefusalOf(status), Refusal::kIo) << status;
    }
    OpenWhole();
    if (!fired) break;
  } while (++n < 100);
  EXPECT_GT(n, 2u);
}

// ------------------------------------------------------------------- before the log is opened

TEST_F(RecoveryTest, TheHistoryIdMissingBesideAnythingIsDataLoss) {
  MakeStore(10, {5});
  ASSERT_TRUE(files_.Remove(history_file_).ok());
  ExpectRefusedUntouched(Refusal::kHistoryIdMissing, {history_file_});
  ASSERT_TRUE(files_.Remove(mark_).ok());
  ExpectRefusedUntouched(Refusal::kHistoryIdMissing, {history_file_});
  fs::remove_all(paths_.wal_dir);
  ExpectRefusedUntouched(Refusal::kHistoryIdMissing, {history_file_});
}

TEST_F(RecoveryTest, AWalWithoutItsCurrentFileIsStillALog) {
  MakeStore(10);
  ASSERT_TRUE(files_.Remove(history_file_).ok());
  ASSERT_TRUE(files_.Remove(mark_).ok());
  ASSERT_TRUE(files_.Remove(paths_.wal_dir + "/CURRENT").ok());
  ExpectRefusedUntouched(Refusal::kHistoryIdMissing, {history_file_});
}

TEST_F(RecoveryTest, TheHistoryIdDamagedIsDataLoss) {
  MakeStore(10);
  FlipByte(history_file_, 30);
  ExpectRefusedUntouched(Refusal::kHistoryIdDamaged, {history_file_, "checksum"});
}

TEST_F(RecoveryTest, TheLogMissingIsDataLoss) {
  MakeStore(10, {5});
  fs::remove_all(paths_.wal_dir);
  ExpectRefusedUntouched(Refusal::kLogMissing, {paths_.wal_dir, "up to record 10"});
}

TEST_F(RecoveryTest, TheMarkMissingIsDataLoss) {
  MakeStore(10);
  ASSERT_TRUE(files_.Remove(mark_).ok());
  ExpectRefusedUntouched(Refusal::kMarkMissing, {mark_});
}

TEST_F(RecoveryTest, TheMarkDamagedInBothSlotsIsDataLoss) {
  MakeStore(10);
  FlipByte(mark_, 20);
  FlipByte(mark_, kCommitMarkSlotStrideBytes + 20);
  ExpectRefusedUntouched(Refusal::kMarkDamaged, {mark_, "both slots"});
}

TEST_F(RecoveryTest, TheMarkDamagedInOneSlotIsTheOther) {
  for (const size_t slot : {0, 1}) {
    fs::remove_all(paths_.data_dir);
    MakeStore(10);
    FlipByte(mark_, slot * kCommitMarkSlotStrideBytes + 20);
    OpenWhole();
  }
}

TEST_F(RecoveryTest, TheMarkOfAnotherHistoryIsDataLoss) {
  MakeStore(10);
  WriteMark({kOtherId, 10, end_.position().record_hash});
  ExpectRefusedUntouched(Refusal::kMarkOfOtherHistory, {mark_, kOtherId, history_id_});
}

// ------------------------------------------------------------------- with the log open

TEST_F(RecoveryTest, AGoodStoreIsReplayedFromItsNewestSnapshot) {
  MakeStore(33, {10, 20, 30});
  const OpenStore store = OpenWhole();
  EXPECT_EQ(store.replayed_records, 3u);
  EXPECT_TRUE(absl::StartsWith(store.report,
                               "snapshot index=30 hlc=2023-11-14T22:13:20.029000Z/0"
                               " ; replayed 3 records ; index=33 hash="))
      << store.report;
  EXPECT_EQ(store.snapshots->oldest_verified_index(), 20u);
  EXPECT_EQ(store.snapshots->newest_verified_index(), 30u);
}

TEST_F(RecoveryTest, WithoutSnapshotsItIsReplayedFromTheStart) {
  MakeStore(33);
  EXPECT_EQ(OpenWhole().replayed_records, 33u);
  fs::remove_all(paths_.snapshot_dir);
  EXPECT_EQ(OpenWhole().replayed_records, 33u);
}

TEST_F(RecoveryTest, ItGoesOnWhereItEnded) {
  MakeStore(12, {10});
  for (int round = 0; round < 3; ++round) {
    OpenStore store = OpenWhole();
    HistoryForTest history(std::move(store.writer));
    ASSERT_TRUE(store.log->Append(end_.index() + 1, history.Next(7)).ok());
    end_ = history.state();
  }
  OpenWhole();
}

TEST_F(RecoveryTest, AMarkBehindTheLogIsMovedOn) {
  MakeStore(20);
  const std::string mark_at_20 = ReadFile(mark_);
  {
    OpenStore store = OpenWhole();
    HistoryForTest history(std::move(store.writer));
    ASSERT_TRUE(store.log->Append(21, history.Next(4)).ok());
    end_ = history.state();
  }
  WriteFile(mark_, mark_at_20);
  EXPECT_TRUE(absl::StrContains(OpenWhole().report, "commit mark was 4 behind"));
  EXPECT_EQ(CommitMark::Read(&files_, mark_)->index, 24u);
  EXPECT_FALSE(absl::StrContains(OpenWhole().report, "behind"));
}

TEST_F(RecoveryTest, ADamagedNewestSnapshotGivesWayToTheOlderOne) {
  MakeStore(33, {10, 20, 30});
  DamageSnapshot(30);
  {
    const OpenStore store = OpenWhole();
    EXPECT_EQ(store.replayed_records, 13u);
    EXPECT_TRUE(absl::StartsWith(store.report, absl::StrCat("damaged: ", SnapshotPath(30))))
        << store.report;
    EXPECT_EQ(store.snapshots->newest_verified_index(), 20u);
    EXPECT_EQ(store.snapshots->oldest_verified_index(), 20u);
  }
  // It is kept to be looked at, and not found again.
  EXPECT_TRUE(fs::exists(SnapshotPath(30) + ".damaged"));
  EXPECT_TRUE(absl::StartsWith(OpenWhole().report, "snapshot index=20"));
}

TEST_F(RecoveryTest, AllSnapshotsDamagedLoseNothingThatTheLogHolds) {
  MakeStore(33, {10, 20});
  DamageSnapshot(10);
  DamageSnapshot(20);
  const OpenStore store = OpenWhole();
  EXPECT_EQ(store.replayed_records, 33u);
  EXPECT_TRUE(absl::StrContains(store.report, SnapshotPath(10))) << store.report;
  EXPECT_TRUE(absl::StrContains(store.report, SnapshotPath(20))) << store.report;
  EXPECT_EQ(store.snapshots->oldest_verified_index(), 0u);
}

TEST_F(RecoveryTest, ATrimmedLogWithoutSnapshotsIsDataLoss) {
  MakeStore(33, {20});
  TrimLog(15);
  ASSERT_TRUE(files_.Remove(SnapshotPath(20)).ok());
  ExpectRefused(Refusal::kLogBeginsAfterStart, {"begins at record 15", paths_.snapshot_dir});
}

TEST_F(RecoveryTest, ATrimmedLogWithDamagedSnapshotsIsDataLoss) {
  MakeStore(33, {10, 20});
  TrimLog(11);
  DamageSnapshot(10);
  DamageSnapshot(20);
  ExpectRefused(Refusal::kSnapshotsDamaged,
                {"begins at record 11", SnapshotPath(10), SnapshotPath(20)});
  // Refused, so left where they are.
  EXPECT_TRUE(fs::exists(SnapshotPath(20)));
}

TEST_F(RecoveryTest, ALogThatBeginsAfterTheSnapshotIsDataLoss) {
  MakeStore(33, {10, 20});
  TrimLog(25);
  ExpectRefused(Refusal::kLogBeginsAfterSnapshot,
                {"begins at record 25", SnapshotPath(20), "records 21 to 24 are lost"});
}

TEST_F(RecoveryTest, ALogThatBeginsRightAfterTheSnapshotIsWhole) {
  MakeStore(33, {10, 20});
  TrimLog(21);
  EXPECT_EQ(OpenWhole().replayed_records, 13u);
  end_ = State();
}

TEST_F(RecoveryTest, ALogTrimmedToItsEndIsItsSnapshot) {
  MakeStore(20, {20});
  TrimLog(21);
  EXPECT_EQ(OpenWhole().replayed_records, 0u);
}

TEST_F(RecoveryTest, ALogThatBeginsAfterTheOlderSnapshotIsDataLoss) {
  MakeStore(33, {10, 20});
  TrimLog(15);
  DamageSnapshot(20);
  ExpectRefused(Refusal::kLogBeginsAfterOlderSnapshot,
                {"begins at record 15", SnapshotPath(10), SnapshotPath(20)});
}

TEST_F(RecoveryTest, ASnapshotOfAnotherHistoryIsRefusedAndLeftAlone) {
  MakeStore(33, {20});
  const State other = HistoryForTest(StateWriter(kOtherId)).state();
  auto file = files_.Create(SnapshotPath(25)).value();
  SnapshotSteps steps;
  ASSERT_TRUE(WriteSnapshotFile(other, kOtherId, &steps, file.get()).ok());
  ExpectRefused(Refusal::kSnapshotOfOtherHistory, {SnapshotPath(25), kOtherId, history_id_});
  EXPECT_TRUE(fs::exists(SnapshotPath(25)));
}

// ------------------------------------------------------------------- while replaying

TEST_F(RecoveryTest, AMissingRecordIsNamed) {
  MakeStore(50, {10});
  ChangeDatabase([](leveldb::DB* database) {
    ASSERT_TRUE(database->Delete(leveldb::WriteOptions(), KeyOf(37)).ok());
  });
  ExpectRefused(Refusal::kRecordUnreadable, {"record 37 is missing"});
}

TEST_F(RecoveryTest, ADamagedRecordIsNamed) {
  MakeStore(500);
  OpenWhole();  // makes a table
  const std::string table = NewestWalFile(".ldb");
  FlipByte(table, fs::file_size(table) / 2);
  ExpectRefused(Refusal::kRecordUnreadable, {"record "});
}

TEST_F(RecoveryTest, AChangedRecordIsNamed) {
  MakeStore(50);
  ChangeDatabase([](leveldb::DB* database) {
    std::string bytes;
    ASSERT_TRUE(database->Get(leveldb::ReadOptions(), KeyOf(37), &bytes).ok());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    ASSERT_TRUE(database->Put(leveldb::WriteOptions(), KeyOf(37), bytes).ok());
  });
  ExpectRefused(Refusal::kRecordRefused, {"record 37"});
}

TEST_F(RecoveryTest, AnotherRecordAtTheMarkIsDataLoss) {
  MakeStore(50, {40});
  // In the part that is replayed, in the window before the snapshot, and at the snapshot.
  for (const uint64_t index : {45, 35, 40}) {
    WriteMark({history_id_, index, Sha256("another")});
    RecoveryOptions options;
    options.window_records = 30;
    const absl::Status status = Open(options).status();
    EXPECT_EQ(RefusalOf(status), Refusal::kMarkMismatch) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("record ", index))) << status;
  }
}

TEST_F(RecoveryTest, ASnapshotThatTheLogDoesNotLeadToIsDataLoss) {
  MakeStore(50, {20});
  // Another way to the same index.
  HistoryForTest other(StateWriter(history_id_), "another actor");
  other.Next(30);
  auto file = files_.Create(SnapshotPath(30)).value();
  SnapshotSteps steps;
  ASSERT_TRUE(WriteSnapshotFile(other.state(), history_id_, &steps, file.get()).ok());
  ExpectRefused(Refusal::kSnapshotMismatch, {SnapshotPath(30)});
  RecoveryOptions verify;
  verify.from_oldest = true;
  verify.read_only = true;
  EXPECT_EQ(RefusalOf(Open(verify).status()), Refusal::kSnapshotMismatch);
}

TEST_F(RecoveryTest, ARecordOfANewerBinaryIsRefusedByName) {
  MakeStore(5);
  {
    OpenStore store = OpenWhole();
    v1::Record record;
    record.set_index(6);
    *record.mutable_hlc() = ToProto(NextHlc(end_.position().hlc, 0));
    record.set_previous_hash(std::string(AsBytes(end_.position().record_hash)));
    record.set_reducer_version(kReducerVersion + 1);
    const std::string stored = EncodeRecord(record);
    const std::vector<EncodedRecord> records = {{6, stored, Sha256(stored)}};
    ASSERT_TRUE(store.log->Append(6, records).ok());
  }
  ExpectRefused(Refusal::kNewerBinary, {"record 6"});
  EXPECT_TRUE(absl::IsFailedPrecondition(Open().status()));
}

// ------------------------------------------------------------------- options

TEST_F(RecoveryTest, TheRequestWindowIsReadInOrderAndOnce) {
  MakeStore(50, {40});
  for (const uint64_t window : {0, 5, 10, 11, 25, 50, 1'000}) {
    std::vector<uint64_t> seen;
    RecoveryOptions options;
    options.window_records = window;
    options.on_record = [&seen](const v1::Record& record, const Digest& hash) {
      EXPECT_NE(hash, Digest{});
      seen.push_back(record.index());
    };
    const OpenStore store = OpenWhole(options);
    EXPECT_EQ(store.replayed_records, 10u);
    // What is replayed, and as much before it as the window reaches.
    const uint64_t first = std::min<uint64_t>(41, window >= 51 ? 1 : 51 - window);
    ASSERT_EQ(seen.size(), 51 - first) << window;
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], first + i);
  }
}

TEST_F(RecoveryTest, TheRequestWindowIsWhatATrimmedLogStillHas) {
  MakeStore(50, {40});
  TrimLog(36);
  uint64_t first = 0;
  RecoveryOptions options;
  options.window_records = 100;
  options.on_record = [&first](const v1::Record& record, const Digest&) {
    if (first == 0) first = record.index();
  };
  OpenWhole(options);
  EXPECT_EQ(first, 36u);
}

TEST_F(RecoveryTest, ABrokenChainInTheWindowIsDataLoss) {
  MakeStore(50, {40});
  ChangeDatabase([](leveldb::DB* database) {
    std::string bytes;
    ASSERT_TRUE(database->Get(leveldb::ReadOptions(), KeyOf(33), &bytes).ok());
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    ASSERT_TRUE(database->Put(leveldb::WriteOptions(), KeyOf(33), bytes).ok());
  });
  OpenWhole();  // not read
  RecoveryOptions options;
  options.window_records = 20;
  EXPECT_EQ(RefusalOf(Open(options).status()), Refusal::kRecordRefused);
}

TEST_F(RecoveryTest, FromTheOldestStateEverythingIsReplayed) {
  MakeStore(50, {20, 40});
  RecoveryOptions verify;
  verify.from_oldest = true;
  verify.read_only = true;
  EXPECT_EQ(OpenWhole(verify).replayed_records, 50u);
  TrimLog(11);
  EXPECT_EQ(OpenWhole(verify).replayed_records, 30u);
  // A damaged one is told, and does not matter otherwise.
  DamageSnapshot(40);
  const OpenStore store = OpenWhole(verify);
  EXPECT_TRUE(absl::StrContains(store.report, SnapshotPath(40))) << store.report;
  EXPECT_TRUE(fs::exists(SnapshotPath(40)));
}

TEST_F(RecoveryTest, ReadOnlyGivesOutALogThatCannotBeWritten) {
  MakeStore(20);
  RecoveryOptions options;
  options.read_only = true;
  OpenStore store = OpenWhole(options);
  HistoryForTest history(std::move(store.writer));
  EXPECT_TRUE(absl::IsFailedPrecondition(store.log->Append(21, history.Next(1))));
}

TEST_F(RecoveryTest, SyncsOfTheLogAreObserved) {
  int syncs = 0;
  RecoveryOptions options;
  options.on_log_sync = [&syncs](double) { ++syncs; };
  OpenStore store = Open(options).value();
  HistoryForTest history(std::move(store.writer));
  ASSERT_TRUE(store.log->Append(1, history.Next(3)).ok());
  EXPECT_EQ(syncs, 1);
}

}  // namespace
}  // namespace swoosh
