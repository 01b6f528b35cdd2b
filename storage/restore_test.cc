// Backups of real stores, restored.

#include "storage/restore.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/backup_format.h"
#include "core/sha256.h"
#include "core/state.h"
#include "gtest/gtest.h"
#include "storage/backup.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/history_for_test.h"
#include "storage/log.h"
#include "storage/recovery.h"
#include "storage/recovery_table.h"
#include "storage/snapshot_store.h"
#include "storage/temporary_directory.h"
#include "swoosh/v1/backup.pb.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

class RestoreTest : public testing::Test {
 protected:
  // Records in groups of five, snapshots at those indexes, and a log trimmed to begin there.
  void MakeStore(uint64_t records, std::vector<uint64_t> snapshots = {}, uint64_t first_kept = 1) {
    store_.emplace(Recover(PosixFileSystem(), paths_, {}).value());
    HistoryForTest history(std::move(store_->writer));
    for (uint64_t index = 0; index < records;) {
      const uint64_t count = std::min<uint64_t>(5, records - index);
      ASSERT_TRUE(store_->log->Append(index + 1, history.Next(count)).ok());
      index += count;
      if (std::count(snapshots.begin(), snapshots.end(), index) > 0) {
        ASSERT_TRUE(store_->snapshots->Write(history.state()).ok());
      }
    }
    if (records == 0) {
      StateWriter writer(store_->origin_id);
      writer.Seal();
      end_ = writer.Sealed();
    } else {
      end_ = history.state();
    }
    ASSERT_TRUE(store_->log->TrimPrefix(first_kept).ok());
  }

  std::string Backup() {
    const BackupSource::Store store = {PosixFileSystem(),       store_->log.get(),
                                       store_->snapshots.get(), store_->history_id,
                                       store_->origin_id,       [this] { return end_; }};
    const auto source =
        BackupSource::Open(store, store_->log->first_index(), v1::BackupHeader()).value();
    std::string bytes;
    while (true) {
      const std::string piece = source->Next().value();
      EXPECT_LE(piece.size(), kBackupPieceBytes);
      if (piece.empty()) return bytes;
      bytes += piece;
    }
  }

  absl::StatusOr<RestoredStore> RestoreFrom(absl::string_view bytes, size_t piece_bytes = 1'000) {
    const auto next = [&]() -> absl::StatusOr<absl::string_view> {
      const absl::string_view piece = bytes.substr(0, piece_bytes);
      bytes.remove_prefix(piece.size());
      return piece;
    };
    return Restore(&files_, restored_paths_, next, nullptr);
  }

  // Opens what was restored and checks that it is the store that was backed up.
  OpenStore OpenRestored(RecoveryOptions options = {}) {
    absl::StatusOr<OpenStore> store = Recover(PosixFileSystem(), restored_paths_, options);
    EXPECT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(store->writer.position().index, end_.index());
    EXPECT_EQ(store->writer.position().record_hash, end_.position().record_hash);
    EXPECT_EQ(ToHex(store->writer.Seal()), ToHex(end_.hash()));
    EXPECT_EQ(store->log->first_index(), store_->log->first_index());
    EXPECT_EQ(store->log->next_index(), store_->log->next_index());
    EXPECT_NE(store->history_id, store_->history_id);
    EXPECT_EQ(store->origin_id, store_->origin_id);
    return *std::move(store);
  }

  // OK, or why what was restored is refused.
  absl::Status CheckRestored() {
    RecoveryOptions options;
    options.read_only = true;
    return Recover(PosixFileSystem(), restored_paths_, options).status();
  }

  std::vector<std::string> Records(const Log& log) {
    std::vector<std::string> records;
    EXPECT_TRUE(log.Read(log.first_index(), SIZE_MAX,
                         [&](uint64_t, absl::string_view stored) {
                           records.emplace_back(stored);
                           return true;
                         })
                    .ok());
    return records;
  }

  TemporaryDirectory directory_;
  FaultFileSystem files_{PosixFileSystem()};
  const StorePaths paths_ = {directory_ / "data", directory_ / "data/wal",
                             directory_ / "data/snapshots"};
  const StorePaths restored_paths_ = {directory_ / "restored", directory_ / "restored/wal",
                                      directory_ / "restored/snapshots"};
  std::optional<OpenStore> store_;
  State end_;
};

TEST_F(RestoreTest, WhatWasBackedUpIsThereUnderANewHistory) {
  MakeStore(123, {50, 100});
  const RestoredStore restored = RestoreFrom(Backup()).value();
  EXPECT_EQ(restored.index, 123u);
  EXPECT_EQ(restored.records, 123u);
  EXPECT_EQ(ToHex(restored.state_hash), ToHex(end_.hash()));
  EXPECT_EQ(restored.backup_history_id, store_->history_id);
  const OpenStore store = OpenRestored();
  EXPECT_EQ(store.history_id, restored.history_id);
  EXPECT_EQ(Records(*store.log), Records(*store_->log));
  // A start after it replays nothing.
  EXPECT_EQ(store.replayed_records, 0u);
}

TEST_F(RestoreTest, WhatWasRestoredReplaysFromItsOldestState) {
  MakeStore(123, {50, 100}, 40);
  ASSERT_TRUE(RestoreFrom(Backup()).ok());
  RecoveryOptions verify;
  verify.from_oldest = true;
  verify.read_only = true;
  EXPECT_EQ(OpenRestored(verify).replayed_records, 73u);
}

TEST_F(RestoreTest, ATrimmedLogComesWithItsSnapshot) {
  // The log begins below, right after the snapshot, and is empty behind it.
  for (const uint64_t first_kept : {11, 51, 101}) {
    fs::remove_all(paths_.data_dir);
    fs::remove_all(restored_paths_.data_dir);
    MakeStore(first_kept == 101 ? 100 : 123, {first_kept == 101 ? 100u : 50u}, first_kept);
    ASSERT_TRUE(RestoreFrom(Backup()).ok()) << first_kept;
    EXPECT_EQ(Records(*OpenRestored().log), Records(*store_->log));
    store_.reset();
  }
}

TEST_F(RestoreTest, AnEmptyStoreIsRestoredEmpty) {
  MakeStore(0);
  ASSERT_TRUE(RestoreFrom(Backup()).ok());
  EXPECT_EQ(OpenRestored().log->next_index(), 1u);
}

TEST_F(RestoreTest, ARestoredStoreGoesOnAndCanBeBackedUpAndRestoredItself) {
  MakeStore(60, {20, 40}, 10);
  const std::string first = store_->history_id;
  ASSERT_TRUE(RestoreFrom(Backup()).ok());
  std::string second;
  {
    OpenStore store = OpenRestored();
    second = store.history_id;
    HistoryForTest history(std::move(store.writer), "later");
    ASSERT_TRUE(store.log->Append(61, history.Next(7)).ok());
  }
  store_.reset();
  fs::remove_all(paths_.data_dir);
  fs::rename(restored_paths_.data_dir, paths_.data_dir);
  store_.emplace(Recover(PosixFileSystem(), paths_, {}).value());
  end_ = store_->writer.Sealed();
  const RestoredStore again = RestoreFrom(Backup()).value();
  EXPECT_EQ(again.backup_history_id, second);
  EXPECT_NE(again.history_id, second);
  EXPECT_EQ(OpenRestored().origin_id, first);
}

TEST_F(RestoreTest, EveryByteOfABackupThatIsChangedIsFound) {
  MakeStore(12, {10}, 6);
  const std::string good = Backup();
  for (size_t at = 0; at < good.size(); at += 37) {
    fs::remove_all(restored_paths_.data_dir);
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x04);
    const absl::Status status = RestoreFrom(bad).status();
    EXPECT_TRUE(absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)) << at << status;
    EXPECT_FALSE(CheckRestored().ok()) << at;
  }
}

TEST_F(RestoreTest, ABackupThatIsSoundByItsChecksumsButNotInWhatItSaysIsRefused) {
  MakeStore(30, {10, 20}, 5);
  std::vector<std::pair<BackupFrame, std::string>> frames;
  BackupParser parser;
  ASSERT_TRUE(parser
                  .Push(Backup(),
                        [&](BackupFrame kind, absl::string_view payload) {
                          frames.emplace_back(kind, payload);
                          return absl::OkStatus();
                        })
                  .ok());
  v1::BackupHeader header;
  ASSERT_TRUE(header.ParseFromString(frames[0].second));
  std::vector<std::function<void(v1::BackupHeader*)>> lies = {
      [](v1::BackupHeader* lie) { lie->set_index(29); },
      [](v1::BackupHeader* lie) { lie->set_index(31); },
      [](v1::BackupHeader* lie) { lie->set_first_index(6); },
      [](v1::BackupHeader* lie) { lie->set_first_index(1); },
      [](v1::BackupHeader* lie) { lie->set_snapshot_index(0); },
      [](v1::BackupHeader* lie) { lie->set_snapshot_index(11); },
      [](v1::BackupHeader* lie) { lie->mutable_record_hash()->at(0) ^= 1; },
      [](v1::BackupHeader* lie) { lie->mutable_state_hash()->at(31) ^= 1; },
      [](v1::BackupHeader* lie) { lie->set_history_id(std::string(32, 'a')); },
      [](v1::BackupHeader* lie) { lie->set_origin_id("short"); },
      [](v1::BackupHeader* lie) { lie->clear_record_hash(); },
  };
  for (size_t i = 0; i < lies.size(); ++i) {
    fs::remove_all(restored_paths_.data_dir);
    v1::BackupHeader lie = header;
    lies[i](&lie);
    BackupEncoder encoder;
    std::string bytes = encoder.Encode(BackupFrame::kHeader, lie.SerializeAsString());
    for (size_t j = 1; j < frames.size(); ++j) {
      bytes += encoder.Encode(frames[j].first, frames[j].second);
    }
    EXPECT_TRUE(absl::IsDataLoss(RestoreFrom(bytes).status())) << i << RestoreFrom(bytes).status();
  }
}

TEST_F(RestoreTest, OnlyEmptyFoldersAreRestoredInto) {
  MakeStore(12);
  const std::string backup = Backup();
  for (const std::string& path :
       {restored_paths_.data_dir, restored_paths_.wal_dir, restored_paths_.snapshot_dir}) {
    fs::create_directories(path);
    ASSERT_TRUE(PosixFileSystem()->Create(path + "/precious").ok());
    const absl::Status status = RestoreFrom(backup).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat(path, " is not empty"))) << status;
    fs::remove(path + "/precious");
  }
  fs::create_directories(restored_paths_.data_dir + "/lost+found");
  EXPECT_TRUE(RestoreFrom(backup).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(RestoreFrom(backup).status()));
}

TEST_F(RestoreTest, AFolderInUseIsLeftAlone) {
  MakeStore(12);
  const std::string backup = Backup();
  fs::create_directories(restored_paths_.data_dir);
  const auto lock = PosixFileSystem()->Lock(restored_paths_.data_dir + "/LOCK").value();
  EXPECT_TRUE(absl::IsFailedPrecondition(RestoreFrom(backup).status()));
}

// The loop of SQLite's tests: cut at call 1, 2, … until it comes through.
TEST_F(RestoreTest, CutAtAnyCallItIsRefusedUntilItIsEmptiedAndRestoredAgain) {
  MakeStore(30, {10, 20}, 5);
  const std::string backup = Backup();
  int refused = 0;
  for (uint64_t n = 0;; ++n) {
    fs::remove_all(restored_paths_.data_dir);
    files_.Arm({.after = n, .for_good = true, .tear = true});
    const bool whole = RestoreFrom(backup).ok();
    const bool fired = files_.fired();
    files_.Disarm();
    const absl::Status opened = CheckRestored();
    if (whole) {
      EXPECT_TRUE(opened.ok()) << n << opened;
      if (!fired) break;
      continue;
    }
    // Complete or refused, never half of it. The call that declares it complete may itself fail
    // after it took effect.
    if (opened.ok()) {
      OpenRestored();
      continue;
    }
    const Refusal refusal = RefusalOf(opened);
    EXPECT_TRUE(refusal == Refusal::kRestoreUnfinished || refusal == Refusal::kNoStore) << opened;
    if (refusal != Refusal::kRestoreUnfinished) continue;
    ++refused;
    const absl::Status again = RestoreFrom(backup).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(again)) << n;
    EXPECT_TRUE(absl::StrContains(again.message(), "did not come to its end")) << again;
  }
  EXPECT_GT(refused, 20);
  OpenRestored();
}

TEST_F(RestoreTest, TheSourcesErrorIsTold) {
  const auto next = []() -> absl::StatusOr<absl::string_view> {
    return absl::UnavailableError("the pipe broke");
  };
  EXPECT_TRUE(absl::IsUnavailable(Restore(&files_, restored_paths_, next, nullptr).status()));
}

}  // namespace
}  // namespace swoosh
