// What recovery says of damage to the log's files: among them all that LevelDB opens without a
// word.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "core/state.h"
#include "gtest/gtest.h"
#include "storage/bad_index.h"
#include "storage/commit_mark.h"
#include "storage/file_system.h"
#include "storage/log.h"
#include "storage/recovery.h"
#include "storage/recovery_refusal.h"
#include "storage/recovery_table.h"
#include "storage/store_for_test.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 32'768;
constexpr size_t kHeaderBytes = 7;

class RecoveryDamageTest : public StoreTest {
 protected:
  std::string LogFile() const { return NewestWalFile(".log"); }

  // As it is after a power cut that took the mark's last writes.
  void MoveMarkTo(uint64_t index, const Digest& hash) { WriteMark({history_id_, index, hash}); }

  void RestoreAll(const std::map<std::string, std::string>& files) {
    for (const auto& [path, bytes] : Everything()) {
      if (files.find(path) == files.end()) fs::remove(path);
    }
    for (const auto& [path, bytes] : files) WriteFile(path, bytes);
  }
};

// ------------------------------------------------------------------- a log file

TEST_F(RecoveryDamageTest, AFlipInAPayloadInTheMiddleIsNamed) {
  MakeStore(500);
  FlipByte(LogFile(), log_bytes_[100] + 200);
  ExpectRefusedFrom(101, Refusal::kLogDamaged,
                    {LogFile(), "checksum", "records 101 to 500 of what was acknowledged"});
  ExpectRefusedUntouched(Refusal::kLogDamaged, {});
}

TEST_F(RecoveryDamageTest, AFlipInALengthInTheLastBlockIsNamed) {
  MakeStore(500);
  ASSERT_GT(log_bytes_[490] % kBlockBytes, log_bytes_[480] % kBlockBytes);
  for (const uint64_t at : {log_bytes_[480] + 4, log_bytes_[480] + 5}) {
    FlipByte(LogFile(), at);
    ExpectRefusedFrom(481, Refusal::kLogDamaged, {LogFile()});
    FlipByte(LogFile(), at);
  }
  OpenWhole();
}

TEST_F(RecoveryDamageTest, AHeaderOfZerosWhereRecordsFillBlocksIsNamed) {
  {
    OpenStore store = Open().value();
    // With the fragment's header, the batch's, the key and its lengths: one block.
    const std::string bytes(kBlockBytes - kHeaderBytes - 12 - 13, 'x');
    for (uint64_t index = 1; index <= 20; ++index) {
      const std::vector<EncodedRecord> records = {{index, bytes, Sha256(bytes)}};
      ASSERT_TRUE(store.log->Append(index, records).ok());
    }
  }
  std::string log = ReadFile(LogFile());
  ASSERT_EQ(log.size(), 20 * kBlockBytes);
  std::fill_n(log.begin() + 10 * kBlockBytes, kHeaderBytes, '\0');
  WriteFile(LogFile(), log);
  ExpectRefusedFrom(11, Refusal::kLogDamaged, {LogFile(), "zeros", "records 11 to 20"});
}

TEST_F(RecoveryDamageTest, ALogFileCutShortIsNamed) {
  MakeStore(500, {100});
  const std::string log = ReadFile(LogFile());
  WriteFile(LogFile(), log.substr(0, log.size() * 6 / 10));
  const auto first_cut = log_bytes_.begin();
  uint64_t last_whole = first_cut->first;
  for (const auto& [index, bytes] : log_bytes_) {
    if (bytes <= log.size() * 6 / 10) last_whole = index;
  }
  ExpectRefusedFrom(last_whole + 1, Refusal::kLogTornBeforeMark,
                    {LogFile(), absl::StrCat("records ", last_whole + 1, " to 500")});
  // Between two batches nothing is torn.
  WriteFile(LogFile(), log.substr(0, log_bytes_[300]));
  ExpectRefusedFrom(
      301, Refusal::kLogEndsBeforeMark,
      {"ends at record 300", "record 500 was acknowledged", mark_, "records 301 to 500 are lost"});
}

TEST_F(RecoveryDamageTest, ALogFileDeletedIsNamed) {
  MakeStore(50);
  const std::string log = LogFile();
  ASSERT_TRUE(files_.Remove(log).ok());
  ExpectRefusedFrom(1, Refusal::kLogFileMissing, {log, "records 1 to 50"});
}

TEST_F(RecoveryDamageTest, ALogFileDeletedIsNamedWhateverTheMarkSays) {
  MakeStore(50);
  MoveMarkTo(0, Sha256(history_id_));
  ASSERT_TRUE(files_.Remove(LogFile()).ok());
  ExpectRefusedFrom(1, Refusal::kLogFileMissing, {"up to record 0"});
}

TEST_F(RecoveryDamageTest, ALogFileDeletedIsNamedFromTheFirstRecordThatIsInNoTable) {
  MakeStore(50);
  AppendMore(10);
  ASSERT_TRUE(files_.Remove(LogFile()).ok());
  ExpectRefusedFrom(51, Refusal::kLogFileMissing, {"records 51 to 60"});
}

TEST_F(RecoveryDamageTest, ALogThatEndsBeforeTheSnapshotIsNamed) {
  MakeStore(50, {40});
  MoveMarkTo(0, Sha256(history_id_));
  fs::resize_file(LogFile(), log_bytes_[30]);
  ExpectRefusedFrom(31, Refusal::kLogEndsBeforeSnapshot,
                    {"ends at record 30", SnapshotPath(40), "records 31 to 40 are lost"});
}

TEST_F(RecoveryDamageTest, AnOlderLogFileIsNeverTorn) {
  MakeStore(50);
  const std::string older = LogFile();
  WriteFile(paths_.wal_dir + "/000099.log", "");
  OpenWhole();
  fs::remove_all(paths_.data_dir);
  MakeStore(50);
  WriteFile(paths_.wal_dir + "/000099.log", "");
  fs::resize_file(older, log_bytes_[50] - 1);
  MoveMarkTo(0, Sha256(history_id_));
  ExpectRefusedFrom(46, Refusal::kOlderLogFileDamaged, {older, "newer log file"});
}

// ------------------------------------------------------------------- what a crash leaves

TEST_F(RecoveryDamageTest, ATornTailThatWasNeverAcknowledgedIsCutOffAndSaid) {
  MakeStore(50);
  const std::string log = ReadFile(LogFile());
  const std::vector<std::string> tails = {
      std::string("\x01\x02\x03\x04\x2c\x01\x01", 7) + std::string(100, 'x'),  // shorter than told
      std::string("\x01\x02\x03\x04\x20\x00\x01", 7) + std::string(32, 'x'),   // checksum
      std::string(3, 'x'),                                                     // half a header
      std::string(20'000, '\0'),
      std::string(100'000, '\0'),
      std::string(100'000, '\x01'),
  };
  const std::map<std::string, std::string> before = Everything();
  for (const std::string& tail : tails) {
    RestoreAll(before);
    const std::string path = LogFile();
    WriteFile(path, log + tail);
    {
      const OpenStore store = OpenWhole();
      EXPECT_TRUE(absl::StartsWith(
          store.report, absl::StrCat("cut ", tail.size(),
                                     " torn bytes, never acknowledged, at the end of ", path)))
          << store.report;
    }
    EXPECT_FALSE(fs::exists(paths_.wal_dir + "/evidence"));
    EXPECT_FALSE(absl::StrContains(OpenWhole().report, "torn"));
  }
}

TEST_F(RecoveryDamageTest, ABatchCutAnywhereIsCutOffIfItWasNotAcknowledged) {
  MakeStore(20);
  const State at_20 = end_;
  const std::string mark_at_20 = ReadFile(mark_);
  AppendMore(5);
  const uint64_t size = log_bytes_[25];
  const std::map<std::string, std::string> before = Everything();
  for (uint64_t bytes = 0; bytes <= size; bytes += 61) {
    RestoreAll(before);
    WriteFile(mark_, mark_at_20);
    fs::resize_file(LogFile(), bytes);
    end_ = at_20;
    OpenWhole();
  }
}

TEST_F(RecoveryDamageTest, ATornBatchOfManyBlocksIsOneTear) {
  MakeStore(5);
  const std::string mark_at_5 = ReadFile(mark_);
  const State at_5 = end_;
  {
    OpenStore store = OpenWhole();
    const std::string bytes(10 * kBlockBytes, 'x');
    const std::vector<EncodedRecord> records = {{6, bytes, Sha256(bytes)}};
    ASSERT_TRUE(store.log->Append(6, records).ok());
  }
  // A sector in its middle never reached the disk, what comes after did.
  std::string log = ReadFile(LogFile());
  std::fill_n(log.begin() + 5 * kBlockBytes, 512, '\0');
  WriteFile(LogFile(), log);
  WriteFile(mark_, mark_at_5);
  end_ = at_5;
  OpenWhole();
}

TEST_F(RecoveryDamageTest, ATornTailOfWhatWasAcknowledgedIsDataLoss) {
  MakeStore(50);
  const std::string log = LogFile();
  fs::resize_file(log, log_bytes_[50] - 10);
  ExpectRefusedFrom(46, Refusal::kLogTornBeforeMark, {log, "records 46 to 50"});
  // The mark stands in the middle of the torn batch.
  MoveMarkTo(46, Sha256("of no matter"));
  ExpectRefusedFrom(46, Refusal::kLogTornBeforeMark, {log, "records 46 to 46"});
}

// The mark's window (commit_mark.md): what was acknowledged after the mark that a power cut left
// can't be told from what never was.
TEST_F(RecoveryDamageTest, DamageAfterTheMarkThatAPowerCutLeftIsTakenForATear) {
  MakeStore(50);
  const State at_50 = end_;
  const std::string mark_at_50 = ReadFile(mark_);
  AppendMore(5);
  WriteFile(mark_, mark_at_50);
  FlipByte(LogFile(), log_bytes_[55] - 10);
  end_ = at_50;
  EXPECT_TRUE(absl::StartsWith(OpenWhole().report, "cut "));
}

// ------------------------------------------------------------------- the other files

TEST_F(RecoveryDamageTest, ATableMissingOrOfAnotherSizeIsNamed) {
  MakeStore(20);
  AppendMore(10);
  OpenWhole();  // the second table: 21 to 30
  const std::string table = NewestWalFile(".ldb");
  const std::string bytes = ReadFile(table);
  WriteFile(table, bytes.substr(0, bytes.size() / 2));
  ExpectRefusedFrom(21, Refusal::kTableDamaged, {table, "records 21 to 30"});
  ASSERT_TRUE(files_.Remove(table).ok());
  ExpectRefusedFrom(21, Refusal::kTableMissing, {table, "records 21 to 30"});
  ASSERT_TRUE(files_.Remove(NewestWalFile(".ldb")).ok());
  ExpectRefusedFrom(1, Refusal::kTableMissing, {"records 1 to 30"});
}

TEST_F(RecoveryDamageTest, ATableDamagedInsideIsNamedByTheRecordWhereReadingStops) {
  MakeStore(500);
  OpenWhole();
  const std::string table = NewestWalFile(".ldb");
  const uint64_t size = fs::file_size(table);
  uint64_t last = 0;
  for (const uint64_t at : {uint64_t{100}, size / 2, size - 5}) {
    FlipByte(table, at);
    const absl::Status status = Open().status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    // Without its first block or its own bytes the log can't be opened.
    EXPECT_EQ(RefusalOf(status),
              at == size / 2 ? Refusal::kRecordUnreadable : Refusal::kLogUnreadable)
        << status;
    const uint64_t index = FirstBadIndexOf(status).value_or(0);
    // The last bytes are the table's own, without which nothing of it can be read.
    EXPECT_GE(index, at == size - 5 ? 1 : std::max<uint64_t>(last, 1)) << status;
    EXPECT_LE(index, 500u) << status;
    last = index;
    FlipByte(table, at);
  }
  OpenWhole();
}

TEST_F(RecoveryDamageTest, AManifestMissingOrDamagedIsNamed) {
  MakeStore(20);
  const std::string current = paths_.wal_dir + "/CURRENT";
  std::string manifest = ReadFile(current);
  manifest.pop_back();
  manifest = absl::StrCat(paths_.wal_dir, "/", manifest);
  const std::string manifest_bytes = ReadFile(manifest);
  FlipByte(manifest, 10);
  ExpectRefusedUntouched(Refusal::kManifestDamaged, {manifest, "up to record 20"});
  ASSERT_TRUE(files_.Remove(manifest).ok());
  ExpectRefusedUntouched(Refusal::kManifestDamaged, {manifest, "missing"});
  WriteFile(manifest, "");
  ExpectRefusedUntouched(Refusal::kManifestDamaged, {manifest, "empty"});
  WriteFile(manifest, manifest_bytes);
  const std::string current_bytes = ReadFile(current);
  FlipByte(current, 3);
  ExpectRefusedUntouched(Refusal::kManifestDamaged, {current});
  ASSERT_TRUE(files_.Remove(current).ok());
  ExpectRefusedUntouched(Refusal::kManifestDamaged, {current, "missing"});
  WriteFile(current, current_bytes);
  OpenWhole();
}

TEST_F(RecoveryDamageTest, ATornEntryOfTheManifestIsCutOff) {
  MakeStore(20);
  const std::string manifest = NewestWalFile("MANIFEST-000004");
  ASSERT_NE(manifest, "");
  WriteFile(manifest, ReadFile(manifest) + std::string(50, '\0'));
  EXPECT_TRUE(absl::StrContains(OpenWhole().report, manifest));
}

// A manifest that lost its last entries names files that are gone.
TEST_F(RecoveryDamageTest, AManifestCutShortLosesNothing) {
  MakeStore(20);
  AppendMore(10);
  OpenWhole();
  std::string current = ReadFile(paths_.wal_dir + "/CURRENT");
  current.pop_back();
  const std::string manifest = absl::StrCat(paths_.wal_dir, "/", current);
  const std::map<std::string, std::string> before = Everything();
  const uint64_t size = fs::file_size(manifest);
  for (uint64_t bytes = 0; bytes < size; bytes += 3) {
    RestoreAll(before);
    fs::resize_file(manifest, bytes);
    const absl::StatusOr<OpenStore> store = Open();
    if (store.ok()) {
      EXPECT_EQ(store->writer.position().index, 30u);
    } else {
      EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
    }
  }
}

TEST_F(RecoveryDamageTest, AFlipAnywhereInTheLogsFilesIsNamedOrDoesNoHarm) {
  MakeStore(10);
  AppendMore(10);
  const std::map<std::string, std::string> before = Everything();
  uint64_t refused = 0;
  for (const auto& [path, bytes] : before) {
    if (!absl::StartsWith(path, paths_.wal_dir)) continue;
    for (size_t at = 0; at < bytes.size(); at += 37) {
      RestoreAll(before);
      FlipByte(path, at);
      const absl::StatusOr<OpenStore> store = Open();
      if (store.ok()) {
        EXPECT_EQ(store->writer.position().record_hash, end_.position().record_hash)
            << path << " at " << at;
        continue;
      }
      ++refused;
      EXPECT_TRUE(absl::IsDataLoss(store.status())) << path << " at " << at << store.status();
    }
  }
  EXPECT_GT(refused, 50u);
}

// ------------------------------------------------------------------- without a change

TEST_F(RecoveryDamageTest, ReadOnlyChangesNotOneByte) {
  MakeStore(50, {20});
  RecoveryOptions options;
  options.from_oldest = true;
  options.read_only = true;
  const std::map<std::string, std::string> before = Everything();
  { OpenWhole(options); }
  EXPECT_EQ(Everything(), before);
  // Nor where there is something to repair.
  WriteFile(LogFile(), ReadFile(LogFile()) + std::string(1'000, '\0'));
  const std::map<std::string, std::string> torn = Everything();
  {
    const OpenStore store = OpenWhole(options);
    EXPECT_TRUE(absl::StartsWith(store.report, "passed over 1000 torn bytes")) << store.report;
  }
  EXPECT_EQ(Everything(), torn);
  OpenWhole();
}

}  // namespace
}  // namespace swoosh
