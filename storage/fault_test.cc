// Fails call N of the disk, for every N of a short run: what was acknowledged must be there
// afterwards, and nothing may be acknowledged after the first write that failed.

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "gtest/gtest.h"
#include "storage/commit_mark.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/history_for_test.h"
#include "storage/leveldb_log.h"
#include "storage/log.h"
#include "storage/recovery.h"
#include "storage/snapshot_store.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

class FaultTest : public testing::Test {
 protected:
  // A server's life: opens, appends, takes snapshots, trims. Stops where a server would.
  struct Life {
    uint64_t acknowledged = 0;
    uint64_t unanswered_end = 0;  // of the append that failed
    Digest acknowledged_hash = {};
  };

  Life Live() {
    Life life;
    absl::StatusOr<OpenStore> store = Recover(&files_, paths_, {});
    if (!store.ok()) return life;
    HistoryForTest history(std::move(store->writer));
    bool fenced = false;
    for (int group = 0; group < 8; ++group) {
      const uint64_t next = history.state().index() + 1;
      const std::vector<EncodedRecord> records = history.Next(1 + group % 3);
      const absl::Status appended = store->log->Append(next, records);
      EXPECT_FALSE(fenced && appended.ok()) << "acknowledged after a failure";
      if (!appended.ok()) {
        if (!fenced) life.unanswered_end = records.back().index;
        fenced = true;
        continue;
      }
      life.acknowledged = records.back().index;
      life.acknowledged_hash = records.back().hash;
      if (group % 4 == 2) {
        // One that fails must not matter.
        store->snapshots->Write(history.state()).status().IgnoreError();
        const uint64_t kept = store->snapshots->oldest_verified_index();
        if (!store->log->TrimPrefix(kept > 2 ? kept - 2 : 1).ok()) fenced = true;
      }
    }
    return life;
  }

  // Opens what is left with a disk that works.
  void ExpectKept(const Life& life) {
    absl::StatusOr<OpenStore> store = Recover(PosixFileSystem(), paths_, {});
    ASSERT_TRUE(store.ok()) << store.status();
    const uint64_t last = store->log->next_index() - 1;
    ASSERT_GE(last, life.acknowledged);
    // What was never answered may be there, whole, or not; nothing else.
    if (last > life.acknowledged) {
      ASSERT_EQ(last, life.unanswered_end);
    }
    if (life.acknowledged == 0) return;
    absl::Status read =
        store->log->Read(life.acknowledged, 1, [&](uint64_t, absl::string_view bytes) {
          EXPECT_EQ(ToHex(Sha256(bytes)), ToHex(life.acknowledged_hash));
          return true;
        });
    // Trimmed to the snapshot at the very end:
    if (absl::IsOutOfRange(read)) {
      EXPECT_EQ(store->writer.position().index, life.acknowledged);
      EXPECT_EQ(store->writer.position().record_hash, life.acknowledged_hash);
      read = absl::OkStatus();
    }
    EXPECT_TRUE(read.ok()) << read;
    // And it goes on.
    HistoryForTest history(std::move(store->writer));
    EXPECT_TRUE(store->log->Append(last + 1, history.Next(2)).ok());
  }

  // The making of a store has a test of its own, in recovery_test.cc.
  void SetUp() override {
    { ASSERT_TRUE(Recover(PosixFileSystem(), paths_, {}).ok()); }
    std::filesystem::rename(paths_.data_dir, directory_ / "new");
  }

  // Fails call `after` and the like, for every number until none is left.
  void FailEveryCall(FaultFileSystem::Fault fault) {
    for (fault.after = 0; fault.after < 1'000; ++fault.after) {
      SCOPED_TRACE(absl::StrCat("call ", fault.after));
      std::filesystem::remove_all(paths_.data_dir);
      std::filesystem::copy(directory_ / "new", paths_.data_dir,
                            std::filesystem::copy_options::recursive);
      files_.Arm(fault);
      const Life life = Live();
      const bool fired = files_.fired();
      files_.Disarm();
      ExpectKept(life);
      if (HasFatalFailure()) return;
      if (!fired) {
        EXPECT_EQ(life.acknowledged, 15u);
        EXPECT_GT(fault.after, 20u);
        return;
      }
    }
    FAIL() << "no run came to its end";
  }

  TemporaryDirectory directory_;
  const StorePaths paths_ = {directory_ / "data", directory_ / "data/wal",
                             directory_ / "data/snapshots"};
  FaultFileSystem files_{PosixFileSystem()};
};

TEST_F(FaultTest, OneFailedCallLosesNothingAcknowledged) { FailEveryCall({}); }
TEST_F(FaultTest, OneTornWriteLosesNothingAcknowledged) {
  FailEveryCall({.only = FaultFileSystem::Call::kWrite, .tear = true});
}
TEST_F(FaultTest, ADiskThatFailsForGoodLosesNothingAcknowledged) {
  FailEveryCall({.for_good = true, .tear = true});
}

// Large records, so that LevelDB changes its log file and writes tables meanwhile, in its own
// thread.
class RotationFaultTest : public testing::Test {
 protected:
  static constexpr uint64_t kRecords = 12;

  static EncodedRecord RecordOf(uint64_t index) {
    std::string bytes(2'000'000, static_cast<char>('a' + index));
    const Digest hash = Sha256(bytes);
    return {index, std::move(bytes), hash};
  }

  absl::StatusOr<std::unique_ptr<LevelDbLog>> Open() {
    absl::StatusOr<std::unique_ptr<LevelDbLog>> log =
        LevelDbLog::Open(&files_, directory_ / "wal", true, nullptr);
    if (!log.ok()) return log;
    absl::StatusOr<std::unique_ptr<CommitMark>> mark = CommitMark::Open(&files_, mark_);
    if (!mark.ok()) return mark.status();
    (*log)->AttachMark(*std::move(mark));
    return log;
  }

  // The number of records acknowledged.
  uint64_t Live() {
    const std::string id(32, '0');
    EXPECT_TRUE(CommitMark::Create(PosixFileSystem(), mark_, {id, 0, Sha256(id)}).ok());
    absl::StatusOr<std::unique_ptr<LevelDbLog>> log = Open();
    if (!log.ok()) return 0;
    uint64_t acknowledged = 0;
    bool fenced = false;
    for (uint64_t i = 0; i < kRecords; ++i) {
      const bool ok = (*log)->Append(acknowledged + 1, {RecordOf(acknowledged + 1)}).ok();
      EXPECT_FALSE(fenced && ok);
      fenced = fenced || !ok;
      if (ok) ++acknowledged;
    }
    return acknowledged;
  }

  void ExpectKept(uint64_t acknowledged) {
    const auto log = Open();
    ASSERT_TRUE(log.ok()) << log.status();
    ASSERT_GE((*log)->next_index(), acknowledged + 1);
    ASSERT_LE((*log)->next_index(), acknowledged + 2);
    const absl::Status read =
        (*log)->Read(1, SIZE_MAX, [](uint64_t index, absl::string_view bytes) {
          EXPECT_EQ(bytes, RecordOf(index).bytes);
          return true;
        });
    EXPECT_TRUE(read.ok()) << read;
  }

  void FailEvery(FaultFileSystem::Call call) {
    for (uint64_t n = 0; n < 1'000; ++n) {
      SCOPED_TRACE(absl::StrCat("call ", n));
      std::filesystem::remove_all(directory_ / "wal");
      files_.Arm({.after = n, .only = call});
      const uint64_t acknowledged = Live();
      const bool fired = files_.fired();
      files_.Disarm();
      ExpectKept(acknowledged);
      if (HasFatalFailure()) return;
      if (!fired) {
        EXPECT_EQ(acknowledged, kRecords);
        EXPECT_GT(n, 1u);
        return;
      }
    }
    FAIL() << "no run came to its end";
  }

  TemporaryDirectory directory_;
  const std::string mark_ = directory_ / "commit_mark";
  FaultFileSystem files_{PosixFileSystem()};
};

TEST_F(RotationFaultTest, AFailedCreationLosesNothing) {
  FailEvery(FaultFileSystem::Call::kCreate);
}
TEST_F(RotationFaultTest, AFailedDirectorySyncLosesNothing) {
  FailEvery(FaultFileSystem::Call::kSyncDirectory);
}
TEST_F(RotationFaultTest, AFailedSyncLosesNothing) { FailEvery(FaultFileSystem::Call::kSync); }

}  // namespace
}  // namespace swoosh
