// That faults strike where they are told to, and leave what such a fault of a disk leaves.

#include "storage/fault_file_system.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "storage/crash_file_system.h"
#include "storage/file_system.h"

namespace swoosh {
namespace {

using Call = FaultFileSystem::Call;

class FaultFileSystemTest : public testing::Test {
 protected:
  void SetUp() override {
    files_.OnFailedSync([this](Call call, const std::string& path) {
      call == Call::kSync ? disk_.LoseUnsyncedData(path) : disk_.LoseUnsyncedNames(path);
    });
    ASSERT_TRUE(files_.CreateDirectories("/d").ok());
    auto file = files_.Create("/d/a").value();
    ASSERT_TRUE(file->Append("0123456789").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(files_.SyncDirectory("/d").ok());
  }
  absl::StatusOr<std::string> Read(const std::string& path) {
    return ReadWholeFile(&files_, path, 100);
  }
  std::string AfterPowerCut(const std::string& path) {
    return ReadWholeFile(disk_.Crash({}).get(), path, 100).value_or("gone");
  }

  CrashFileSystem disk_;
  FaultFileSystem files_{&disk_};
};

TEST_F(FaultFileSystemTest, OneCallFailsOnceOrAllFromThereOn) {
  for (const bool for_good : {false, true}) {
    files_.Arm({.after = 1, .only = Call::kRename, .for_good = for_good});
    EXPECT_TRUE(files_.Rename("/d/a", "/d/b").ok());
    EXPECT_FALSE(files_.fired());
    EXPECT_TRUE(absl::IsUnavailable(files_.Rename("/d/b", "/d/a")));
    ASSERT_TRUE(files_.first_fired().has_value());
    EXPECT_EQ(files_.first_fired()->path, "/d/b");
    EXPECT_TRUE(files_.Exists("/d/b"));
    EXPECT_EQ(files_.Rename("/d/b", "/d/a").ok(), !for_good);
    files_.Disarm();
    files_.Rename("/d/b", "/d/a").IgnoreError();
  }
}

TEST_F(FaultFileSystemTest, NoSpaceLeftHasItsCode) {
  files_.Arm({.code = absl::StatusCode::kResourceExhausted});
  EXPECT_TRUE(absl::IsResourceExhausted(files_.Create("/d/b").status()));
}

TEST_F(FaultFileSystemTest, ChangesAloneCountUnlessLooksAreWanted) {
  files_.Arm({.for_good = true});
  EXPECT_TRUE(Read("/d/a").ok());
  EXPECT_TRUE(files_.List("/d").ok());
  EXPECT_FALSE(files_.fired());
  EXPECT_FALSE(files_.SyncDirectory("/d").ok());
  files_.Arm({.for_good = true, .looks = true});
  EXPECT_TRUE(absl::IsUnavailable(Read("/d/a").status()));
  EXPECT_TRUE(absl::IsUnavailable(files_.List("/d").status()));
  EXPECT_TRUE(absl::IsUnavailable(files_.Size("/d/a").status()));
  EXPECT_TRUE(absl::IsUnavailable(files_.Lock("/d/LOCK").status()));
}

TEST_F(FaultFileSystemTest, AReadThatFailsLeavesTheNextOneAlone) {
  files_.Arm({.only = Call::kRead});
  EXPECT_TRUE(absl::IsUnavailable(Read("/d/a").status()));
  EXPECT_EQ(Read("/d/a").value(), "0123456789");
}

TEST_F(FaultFileSystemTest, AShortWriteLeavesItsFirstHalf) {
  auto file = files_.OpenToOverwrite("/d/a").value();
  files_.Arm({.only = Call::kWrite, .tear = true});
  EXPECT_FALSE(file->WriteAt(0, "abcd").ok());
  EXPECT_EQ(Read("/d/a").value(), "ab23456789");
}

TEST_F(FaultFileSystemTest, ACallMayHaveWorkedAndSayThatItFailed) {
  files_.Arm({.for_good = true, .done = true});
  auto file = disk_.OpenToOverwrite("/d/a").value();
  EXPECT_FALSE(files_.Rename("/d/a", "/d/b").ok());
  EXPECT_FALSE(files_.SyncDirectory("/d").ok());
  EXPECT_EQ(AfterPowerCut("/d/b"), "0123456789");
}

TEST_F(FaultFileSystemTest, AFailedSyncIsNeverMadeGoodByTheNextOne) {
  auto file = files_.OpenToOverwrite("/d/a").value();
  ASSERT_TRUE(file->WriteAt(0, "lost").ok());
  files_.Arm({.only = Call::kSync});
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(Read("/d/a").value(), "lost456789");
  EXPECT_EQ(AfterPowerCut("/d/a"), "0123456789");
}

TEST_F(FaultFileSystemTest, AFailedSyncOfAFolderIsNeverMadeGoodByTheNextOne) {
  ASSERT_TRUE(files_.Rename("/d/a", "/d/b").ok());
  files_.Arm({.only = Call::kSyncDirectory});
  EXPECT_FALSE(files_.SyncDirectory("/d").ok());
  EXPECT_TRUE(files_.SyncDirectory("/d").ok());
  EXPECT_TRUE(files_.Exists("/d/b"));
  EXPECT_EQ(AfterPowerCut("/d/b"), "gone");
  EXPECT_EQ(AfterPowerCut("/d/a"), "0123456789");
}

TEST_F(FaultFileSystemTest, AReadGivesItsBytesWithOneBitChanged) {
  files_.Arm({.after = 1, .flip = true});
  EXPECT_EQ(Read("/d/a").value(), "0123456789");
  const std::string flipped = Read("/d/a").value();
  int bits = 0;
  for (size_t i = 0; i < flipped.size(); ++i) {
    bits += __builtin_popcount(static_cast<unsigned char>(flipped[i] ^ "0123456789"[i]));
  }
  EXPECT_EQ(bits, 1);
  EXPECT_TRUE(files_.fired());
  EXPECT_EQ(Read("/d/a").value(), "0123456789") << "the disk holds what it held";
}

}  // namespace
}  // namespace swoosh
