#ifndef SWOOSH_STORAGE_STORE_FOR_TEST_H_
#define SWOOSH_STORAGE_STORE_FOR_TEST_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/state.h"
#include "gtest/gtest.h"
#include "leveldb/db.h"
#include "storage/commit_mark.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/recovery.h"
#include "storage/recovery_table.h"
#include "storage/store_paths.h"
#include "storage/temporary_directory.h"

namespace swoosh {

// For tests that make a store of real files, do something to them, and open it again.
class StoreTest : public testing::Test {
 protected:
  static constexpr char kOtherId[] = "ffffffffffffffffffffffffffffffff";

  absl::StatusOr<OpenStore> Open(RecoveryOptions options = {}) {
    return Recover(&files_, paths_, options);
  }
  // A closed store with `records` records in groups of five, and snapshots at those indexes.
  void MakeStore(uint64_t records, std::vector<uint64_t> snapshots = {});
  // Opens it and appends so many more, in groups of five.
  void AppendMore(uint64_t records);
  // Opens and checks that it is the store that was made, at its end or at that index.
  OpenStore OpenWhole(RecoveryOptions options = {});
  // And that the message has all of `texts`.
  void ExpectRefused(Refusal refusal, const std::vector<std::string>& texts);
  // That, and that not one byte was changed: what may be evidence is left alone.
  void ExpectRefusedUntouched(Refusal refusal, const std::vector<std::string>& texts);
  // That, and that the first bad index is named.
  void ExpectRefusedFrom(uint64_t first_bad_index, Refusal refusal,
                         const std::vector<std::string>& texts);

  static std::string ReadFile(const std::string& path);
  static void WriteFile(const std::string& path, const std::string& bytes);
  static void FlipByte(const std::string& path, size_t at);
  // Path to bytes, without lock files, which are made by looking, and without evidence.
  std::map<std::string, std::string> Everything() const;
  std::string NewestWalFile(const std::string& suffix) const;
  std::string SnapshotPath(uint64_t index) const;
  void DamageSnapshot(uint64_t index);
  void WriteMark(const CommitMark::Content& content);
  // Trims behind recovery's back, as far as the log lets it.
  void TrimLog(uint64_t first_kept);
  template <typename Change>
  void ChangeDatabase(Change change) {
    leveldb::DB* database = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(leveldb::Options(), paths_.wal_dir, &database).ok());
    change(database);
    delete database;
  }
  static std::string KeyOf(uint64_t index);

  TemporaryDirectory directory_;
  const StorePaths paths_ = {directory_ / "data", directory_ / "data/wal",
                             directory_ / "data/snapshots"};
  const std::string mark_ = directory_ / "data/commit_mark";
  const std::string history_file_ = directory_ / "data/history_id";
  FaultFileSystem files_{PosixFileSystem()};
  std::string history_id_;
  State end_;
  // The size of the newest log file after each group, by the index of its last record.
  std::map<uint64_t, uint64_t> log_bytes_;

 private:
  absl::Status Refused(Refusal refusal, const std::vector<std::string>& texts);
  void AppendGroups(uint64_t records, OpenStore* store, const std::vector<uint64_t>& snapshots);
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_STORE_FOR_TEST_H_
