#include "storage/commit_mark.h"

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "core/sha256.h"
#include "gtest/gtest.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";

Digest HashOf(uint64_t index) { return Sha256(std::to_string(index)); }

class CommitMarkTest : public testing::Test {
 protected:
  CommitMarkTest() : files_(PosixFileSystem()) {
    EXPECT_TRUE(CommitMark::Create(&files_, path_, {kId, 0, Sha256(kId)}).ok());
  }

  std::string Bytes() { return ReadWholeFile(&files_, path_, kCommitMarkFileBytes).value(); }
  std::string Slot(size_t slot) {
    return Bytes().substr(slot * kCommitMarkSlotStrideBytes, kCommitMarkSlotBytes);
  }
  void Put(const std::string& bytes) {
    ASSERT_TRUE(files_.Create(path_).value()->Append(bytes).ok());
  }
  // Waits until the background thread has made `syncs` calls of the disk since `before`.
  bool WaitForCalls(uint64_t count) {
    for (int i = 0; i < 1'000 && files_.calls() < count; ++i) absl::SleepFor(absl::Milliseconds(5));
    return files_.calls() >= count;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "commit_mark";
  FaultFileSystem files_;
};

TEST_F(CommitMarkTest, ASlotHasTheBytesOfTheFormat) {
  const std::string slot = EncodeCommitMarkSlot({kId, 5'032, Sha256("record")});
  EXPECT_EQ(absl::BytesToHexString(slot),
            "53574f4f53484d4b000000010000000130303131323233333434353536363737"
            "3838393961616262636364646565666600000000000013a870ce871f8a3d3fb4"
            "49bc3c3ace6547cef02dfc74ffe48d912532a724bfdbe5b9824ea975");
  const CommitMark::Content content = DecodeCommitMarkSlot(slot).value();
  EXPECT_EQ(content.history_id, kId);
  EXPECT_EQ(content.index, 5'032u);
  EXPECT_EQ(content.record_hash, Sha256("record"));
}

TEST_F(CommitMarkTest, HoldsWhatWasWrittenLastWithoutWaitingForTheSync) {
  const auto mark = CommitMark::Open(&files_, path_).value();
  for (uint64_t index = 1; index <= 100; ++index) {
    ASSERT_TRUE(mark->Write(index, HashOf(index)).ok());
    const CommitMark::Content content = CommitMark::Read(&files_, path_).value();
    ASSERT_EQ(content.index, index);
    ASSERT_EQ(content.record_hash, HashOf(index));
  }
}

TEST_F(CommitMarkTest, IsSyncedInTheBackgroundSoonAndOnce) {
  const auto mark = CommitMark::Open(&files_, path_).value();
  const uint64_t before = files_.calls();
  const absl::Time start = absl::Now();
  ASSERT_TRUE(mark->Write(1, HashOf(1)).ok());
  ASSERT_TRUE(WaitForCalls(before + 2));  // the write and the sync
  EXPECT_LT(absl::Now() - start, 20 * CommitMark::kSyncDelayMax);
  absl::SleepFor(2 * CommitMark::kSyncDelayMax);
  EXPECT_EQ(files_.calls(), before + 2);
}

TEST_F(CommitMarkTest, TheSlotSyncedLastIsNeverOverwritten) {
  const auto mark = CommitMark::Open(&files_, path_).value();
  // Both slots are equal: the first counts as synced.
  std::string synced = Slot(0);
  size_t synced_slot = 0;
  uint64_t index = 0;
  for (int round = 0; round < 4; ++round) {
    const uint64_t calls = files_.calls();
    for (int i = 0; i < 3; ++i) {
      ++index;
      ASSERT_TRUE(mark->Write(index, HashOf(index)).ok());
      // Unless the machine was so slow that the sync came in between:
      if (files_.calls() == calls + i + 1u) {
        ASSERT_EQ(Slot(synced_slot), synced);
      }
    }
    ASSERT_TRUE(WaitForCalls(calls + 4));
    absl::SleepFor(absl::Milliseconds(20));
    synced_slot = 1 - synced_slot;
    synced = Slot(synced_slot);
    ASSERT_EQ(DecodeCommitMarkSlot(synced).value().index, index);
  }
}

TEST_F(CommitMarkTest, AFreshMarkIsNotSyncedBeforeItsTime) {
  const auto mark = CommitMark::Open(&files_, path_).value();
  mark->SyncSoon();  // nothing to sync
  const uint64_t before = files_.calls();
  ASSERT_TRUE(mark->Write(1, HashOf(1)).ok());
  mark->SyncSoon();
  EXPECT_EQ(files_.calls(), before + 1);
}

TEST_F(CommitMarkTest, ClosingSyncs) {
  const uint64_t before = files_.calls();
  {
    const auto mark = CommitMark::Open(&files_, path_).value();
    ASSERT_TRUE(mark->Write(7, HashOf(7)).ok());
  }
  EXPECT_EQ(files_.calls(), before + 4);  // open, sync, write, sync
  EXPECT_EQ(CommitMark::Read(&files_, path_).value().index, 7u);
}

TEST_F(CommitMarkTest, OneDamagedSlotLeavesTheOther) {
  {
    const auto mark = CommitMark::Open(&files_, path_).value();
    ASSERT_TRUE(mark->Write(9, HashOf(9)).ok());
  }
  const std::string good = Bytes();
  ASSERT_EQ(DecodeCommitMarkSlot(Slot(1)).value().index, 9u);
  std::string bad = good;
  bad[kCommitMarkSlotStrideBytes + 50] ^= 1;
  Put(bad);
  EXPECT_EQ(CommitMark::Read(&files_, path_).value().index, 0u);
  bad = good;
  bad[50] ^= 1;
  Put(bad);
  EXPECT_EQ(CommitMark::Read(&files_, path_).value().index, 9u);
}

TEST_F(CommitMarkTest, ReopeningWritesToTheOtherSlot) {
  for (uint64_t index = 1; index <= 4; ++index) {
    const auto mark = CommitMark::Open(&files_, path_).value();
    ASSERT_TRUE(mark->Write(index, HashOf(index)).ok());
    EXPECT_EQ(DecodeCommitMarkSlot(Slot(index % 2)).value().index, index);
    EXPECT_EQ(DecodeCommitMarkSlot(Slot(1 - index % 2)).value().index, index - 1);
  }
}

TEST_F(CommitMarkTest, EveryDamageOfBothSlotsIsDataLoss) {
  const std::string good = Bytes();
  for (size_t bit = 0; bit < 8 * kCommitMarkSlotBytes; ++bit) {
    std::string bad = good;
    for (const size_t slot : {size_t{0}, size_t{1}}) {
      bad[slot * kCommitMarkSlotStrideBytes + bit / 8] ^= static_cast<char>(1 << bit % 8);
    }
    Put(bad);
    EXPECT_TRUE(absl::IsDataLoss(CommitMark::Read(&files_, path_).status())) << bit;
    EXPECT_TRUE(absl::IsDataLoss(CommitMark::Open(&files_, path_).status())) << bit;
  }
  Put(good.substr(0, kCommitMarkSlotStrideBytes));
  EXPECT_TRUE(absl::IsDataLoss(CommitMark::Read(&files_, path_).status()));
  Put(good + "x");
  EXPECT_TRUE(absl::IsDataLoss(CommitMark::Read(&files_, path_).status()));
}

TEST_F(CommitMarkTest, SlotsOfTwoHistoriesAreDataLoss) {
  std::string bytes = Bytes();
  const std::string other = EncodeCommitMarkSlot({std::string(32, 'a'), 3, HashOf(3)});
  bytes.replace(kCommitMarkSlotStrideBytes, other.size(), other);
  Put(bytes);
  EXPECT_TRUE(absl::IsDataLoss(CommitMark::Read(&files_, path_).status()));
}

TEST_F(CommitMarkTest, AMissingFileIsNotFound) {
  ASSERT_TRUE(files_.Remove(path_).ok());
  EXPECT_TRUE(absl::IsNotFound(CommitMark::Read(&files_, path_).status()));
  EXPECT_TRUE(absl::IsNotFound(CommitMark::Open(&files_, path_).status()));
}

TEST_F(CommitMarkTest, AFailedWriteIsReturnedEverAfter) {
  const auto mark = CommitMark::Open(&files_, path_).value();
  files_.Arm({.only = FaultFileSystem::Call::kWrite});
  EXPECT_TRUE(absl::IsUnavailable(mark->Write(1, HashOf(1))));
  files_.Disarm();
  EXPECT_TRUE(absl::IsUnavailable(mark->Write(1, HashOf(1))));
}

TEST_F(CommitMarkTest, AFailedBackgroundSyncEndsTheWriting) {
  const auto mark = CommitMark::Open(&files_, path_).value();
  files_.Arm({.only = FaultFileSystem::Call::kSync});
  ASSERT_TRUE(mark->Write(1, HashOf(1)).ok());
  for (int i = 0; i < 1'000 && !files_.fired(); ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_TRUE(absl::IsUnavailable(mark->Write(2, HashOf(2))));
  EXPECT_EQ(CommitMark::Read(&files_, path_).value().index, 1u);
}

}  // namespace
}  // namespace swoosh
