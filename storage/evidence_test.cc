#include "storage/evidence.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/fault_file_system.h"
#include "storage/recovery.h"
#include "storage/recovery_table.h"
#include "storage/store_for_test.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

class EvidenceTest : public StoreTest {
 protected:
  std::vector<std::string> Sets() const {
    std::vector<std::string> sets;
    if (!fs::exists(root_)) return sets;
    for (const auto& entry : fs::directory_iterator(root_)) {
      sets.push_back(entry.path().filename().string());
    }
    std::sort(sets.begin(), sets.end());
    return sets;
  }
  // What there is of a store in the folders that evidence keeps.
  std::map<std::string, std::string> FilesOf(const std::string& wal_dir,
                                             const std::string& data_dir) const {
    std::map<std::string, std::string> files;
    for (const std::string& directory : {wal_dir, data_dir}) {
      for (const auto& entry : fs::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        if (!entry.is_regular_file() || name == "LOCK" || name == kEvidenceFoundName ||
            name == kEvidenceRefusedName) {
          continue;
        }
        files[name] = ReadFile(entry.path().string());
      }
    }
    return files;
  }
  std::map<std::string, std::string> Store() const {
    return FilesOf(paths_.wal_dir, paths_.data_dir);
  }
  std::map<std::string, std::string> Set(const std::string& name) const {
    return FilesOf(root_ + "/" + name, root_ + "/" + name);
  }
  // LevelDB opens it, and changes it by that; then it is refused.
  void DamageTheMark() { WriteMark({history_id_, end_.index() + 5, {}}); }

  const std::string root_ = paths_.wal_dir + "/" + kEvidenceName;
};

TEST_F(EvidenceTest, AStoreThatIsWholeLeavesNone) {
  MakeStore(20);
  OpenWhole();
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(EvidenceTest, ARefusedStoreIsKeptAsItWasFoundWithTheReason) {
  MakeStore(20, {10});
  DamageTheMark();
  const std::map<std::string, std::string> found = Store();
  ExpectRefused(Refusal::kLogEndsBeforeMark, {"kept in " + root_ + "/1"});
  EXPECT_NE(Store(), found);
  EXPECT_EQ(Set("1"), found);
  EXPECT_TRUE(
      absl::StartsWith(ReadFile(root_ + "/1/" + kEvidenceRefusedName), "LOG_ENDS_BEFORE_MARK: "));
  const std::string listing = ReadFile(root_ + "/1/" + kEvidenceFoundName);
  EXPECT_TRUE(absl::StrContains(listing, "snapshot-00000000000000000010.swoosh ")) << listing;
  EXPECT_TRUE(absl::StrContains(listing, "commit_mark 8192\n")) << listing;
}

TEST_F(EvidenceTest, CopiedBackItIsTheStoreThatWasFound) {
  MakeStore(20);
  const std::string mark = ReadFile(mark_);
  DamageTheMark();
  ExpectRefused(Refusal::kLogEndsBeforeMark, {});
  const std::map<std::string, std::string> found = Set("1");
  fs::remove_all(paths_.wal_dir);
  fs::create_directories(paths_.wal_dir);
  for (const auto& [name, bytes] : found) {
    const bool of_data_dir = name == kCommitMarkFileName || name == kHistoryFileName;
    WriteFile((of_data_dir ? paths_.data_dir : paths_.wal_dir) + "/" + name, bytes);
  }
  EXPECT_EQ(Store(), found);
  WriteFile(mark_, mark);
  OpenWhole();
}

TEST_F(EvidenceTest, TheFirstSetsOutliveAnyNumberOfRetries) {
  MakeStore(20);
  DamageTheMark();
  const std::map<std::string, std::string> found = Store();
  for (int i = 0; i < 10; ++i) ExpectRefused(Refusal::kLogEndsBeforeMark, {});
  EXPECT_EQ(Sets(), (std::vector<std::string>{"1", "10", "2", "3"}));
  EXPECT_EQ(Set("1"), found);
}

TEST_F(EvidenceTest, ARefusalsEvidenceStaysWhenTheStoreIsWholeAgain) {
  MakeStore(20);
  const std::string mark = ReadFile(mark_);
  DamageTheMark();
  ExpectRefused(Refusal::kLogEndsBeforeMark, {});
  WriteFile(mark_, mark);
  OpenWhole();
  EXPECT_EQ(Sets(), std::vector<std::string>{"1"});
}

TEST_F(EvidenceTest, AKilledRecoverysEvidenceIsWhatTheNextOneGoesOnWith) {
  MakeStore(20);
  const std::map<std::string, std::string> found = Store();
  { ASSERT_TRUE(Evidence::Keep(&files_, paths_).ok()); }
  DamageTheMark();
  ExpectRefused(Refusal::kLogEndsBeforeMark, {"kept in " + root_ + "/1"});
  EXPECT_EQ(Set("1"), found);
}

TEST_F(EvidenceTest, ASetCutShortCountsForNothing) {
  MakeStore(20);
  uint64_t calls = files_.calls();
  { ASSERT_TRUE(Evidence::Keep(&files_, paths_).ok()); }
  calls = files_.calls() - calls;
  OpenWhole();
  for (uint64_t n = 0; n < calls; ++n) {
    files_.Arm({.after = n, .for_good = true, .tear = true});
    EXPECT_FALSE(Evidence::Keep(&files_, paths_).ok()) << n;
    files_.Disarm();
    const std::map<std::string, std::string> found = Store();
    const auto evidence = Evidence::Keep(&files_, paths_).value();
    EXPECT_EQ(FilesOf(evidence->directory(), evidence->directory()), found) << n;
    ASSERT_TRUE(evidence->LetGo().ok());
    EXPECT_FALSE(fs::exists(root_));
  }
}

TEST_F(EvidenceTest, LettingGoCutShortIsDoneByTheNextRecovery) {
  MakeStore(20);
  uint64_t calls = files_.calls();
  ASSERT_TRUE(Evidence::Keep(&files_, paths_).value()->LetGo().ok());
  calls = files_.calls() - calls;
  for (uint64_t n = 0; n < calls; ++n) {
    files_.Arm({.after = n, .for_good = true, .tear = true});
    const auto evidence = Evidence::Keep(&files_, paths_);
    if (evidence.ok()) {
      EXPECT_FALSE((*evidence)->LetGo().ok()) << n;
    }
    files_.Disarm();
    OpenWhole();
    EXPECT_FALSE(fs::exists(root_));
  }
}

TEST_F(EvidenceTest, WhereTheDiskHasNoLinksAllButTheTablesIsCopied) {
  MakeStore(20);
  AppendMore(10);
  const std::map<std::string, std::string> found = Store();
  files_.Arm({.only = FaultFileSystem::Call::kLink,
              .for_good = true,
              .code = absl::StatusCode::kUnimplemented});
  {
    const auto evidence = Evidence::Keep(&files_, paths_).value();
    std::map<std::string, std::string> kept = Set("1");
    for (const auto& [name, bytes] : found) {
      if (absl::EndsWith(name, ".ldb")) {
        EXPECT_EQ(kept.count(name), 0u);
        EXPECT_TRUE(absl::StrContains(ReadFile(root_ + "/1/" + kEvidenceFoundName),
                                      absl::StrCat("no hard links: ", name)));
      } else {
        EXPECT_EQ(kept[name], bytes) << name;
      }
    }
  }
  OpenWhole();
  RecoveryOptions verify;
  verify.read_only = true;
  OpenWhole(verify);
}

TEST_F(EvidenceTest, WhatAnOperatorPutThereIsLeftAlone) {
  MakeStore(20);
  fs::create_directories(root_ + "/notes");
  WriteFile(root_ + "/readme", "mine");
  OpenWhole();
  EXPECT_EQ(Sets(), (std::vector<std::string>{"notes", "readme"}));
}

}  // namespace
}  // namespace swoosh
