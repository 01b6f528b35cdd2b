// Exactly what survives a power cut, and what does not.

#include "storage/crash_file_system.h"

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/file_system.h"
#include "storage/shared_bytes.h"

namespace swoosh {
namespace {

using Keep = CrashFileSystem::Keep;
using Call = CrashFileSystem::Call;

constexpr CrashFileSystem::Survival kNothing = {};
constexpr CrashFileSystem::Survival kEverything = {Keep::kEverything, Keep::kEverything};
constexpr uint64_t kSeeds = 200;

class CrashFileSystemTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(disk_.CreateDirectories("/d").ok()); }

  // A file that is on disk with its name.
  void MakeDurable(const std::string& path, absl::string_view bytes) {
    auto file = disk_.Create(path).value();
    ASSERT_TRUE(file->Append(bytes).ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(disk_.SyncDirectory(DirectoryOf(path)).ok());
  }
  static std::string Read(FileSystem* files, const std::string& path) {
    const absl::StatusOr<std::string> bytes = ReadWholeFile(files, path, 1'000'000);
    return bytes.ok() ? *bytes : absl::StrCat(absl::StatusCodeToString(bytes.status().code()));
  }
  std::string After(const CrashFileSystem::Survival& survival, const std::string& path) const {
    return Read(disk_.Crash(survival).get(), path);
  }
  // What the file may hold.
  std::set<std::string> Possible(Keep data, Keep names, const std::string& path) const {
    std::set<std::string> contents;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      contents.insert(After({data, names, seed}, path));
    }
    return contents;
  }

  CrashFileSystem disk_;
};

TEST_F(CrashFileSystemTest, WhatIsSyncedSurvivesAndWhatIsNotMayBeDropped) {
  MakeDurable("/d/a", "one");
  auto file = disk_.OpenToOverwrite("/d/a").value();
  ASSERT_TRUE(file->WriteAt(1, "xy").ok());
  EXPECT_EQ(Read(&disk_, "/d/a"), "oxy");
  EXPECT_EQ(After(kNothing, "/d/a"), "one");
  EXPECT_EQ(After(kEverything, "/d/a"), "oxy");
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "oxy");
}

TEST_F(CrashFileSystemTest, ASyncedFileWithoutASyncedNameIsNotThere) {
  auto file = disk_.Create("/d/a").value();
  ASSERT_TRUE(file->Append("one").ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "NOT_FOUND");
  EXPECT_EQ(After({Keep::kNothing, Keep::kEverything}, "/d/a"), "one");
  ASSERT_TRUE(disk_.SyncDirectory("/d").ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "one");
}

TEST_F(CrashFileSystemTest, ASyncedNameOfAnUnsyncedFileIsEmpty) {
  auto file = disk_.Create("/d/a").value();
  ASSERT_TRUE(file->Append("one").ok());
  ASSERT_TRUE(disk_.SyncDirectory("/d").ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "");
}

TEST_F(CrashFileSystemTest, ATruncationIsDurableWithTheNextSync) {
  MakeDurable("/d/a", "one");
  auto file = disk_.Create("/d/a").value();
  EXPECT_EQ(Read(&disk_, "/d/a"), "");
  EXPECT_EQ(After(kNothing, "/d/a"), "one");
  ASSERT_TRUE(file->Append("two!").ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "one");
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "two!");
}

TEST_F(CrashFileSystemTest, ARenameSurvivesWithTheFolderAndReplacesAtOnce) {
  MakeDurable("/d/a", "old");
  MakeDurable("/d/b", "new");
  ASSERT_TRUE(disk_.Rename("/d/b", "/d/a").ok());
  EXPECT_EQ(Read(&disk_, "/d/a"), "new");
  EXPECT_EQ(After(kNothing, "/d/a"), "old");
  EXPECT_EQ(After(kNothing, "/d/b"), "new");
  for (uint64_t parts = 0; parts < 2; ++parts) {
    const auto after = disk_.CrashKeeping(parts);
    // Never neither, never half.
    EXPECT_EQ(Read(after.get(), "/d/a"), parts == 0 ? "old" : "new");
    EXPECT_EQ(after->Exists("/d/b"), parts == 0);
  }
  ASSERT_TRUE(disk_.SyncDirectory("/d").ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "new");
  EXPECT_EQ(After(kNothing, "/d/b"), "NOT_FOUND");
}

TEST_F(CrashFileSystemTest, ARemovedFileMayComeBackUntilItsFolderIsSynced) {
  MakeDurable("/d/a", "one");
  ASSERT_TRUE(disk_.Remove("/d/a").ok());
  EXPECT_FALSE(disk_.Exists("/d/a"));
  EXPECT_EQ(After(kNothing, "/d/a"), "one");
  EXPECT_EQ(After(kEverything, "/d/a"), "NOT_FOUND");
  ASSERT_TRUE(disk_.SyncDirectory("/d").ok());
  EXPECT_EQ(After(kNothing, "/d/a"), "NOT_FOUND");
}

TEST_F(CrashFileSystemTest, ALinkIsTheSameFileUnderAnotherName) {
  MakeDurable("/d/a", "one");
  ASSERT_TRUE(disk_.CreateDirectories("/e").ok());
  ASSERT_TRUE(disk_.Link("/d/a", "/e/b").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(disk_.Link("/d/a", "/e/b")));
  EXPECT_TRUE(absl::IsNotFound(disk_.Link("/d/x", "/e/x")));
  EXPECT_EQ(After(kNothing, "/e/b"), "NOT_FOUND");
  ASSERT_TRUE(disk_.SyncDirectory("/e").ok());
  ASSERT_TRUE(disk_.OpenToOverwrite("/d/a").value()->WriteAt(0, "O").ok());
  EXPECT_EQ(Read(&disk_, "/e/b"), "One");
  EXPECT_EQ(After(kEverything, "/e/b"), "One");
  // After a crash too.
  const auto after = disk_.Crash(kNothing);
  ASSERT_TRUE(after->OpenToOverwrite("/e/b").value()->WriteAt(0, "T").ok());
  EXPECT_EQ(Read(after.get(), "/d/a"), "Tne");
  ASSERT_TRUE(after->Remove("/d/a").ok());
  EXPECT_EQ(Read(after.get(), "/e/b"), "Tne");
  EXPECT_EQ(Read(&disk_, "/d/a"), "One") << "the crash's disk is another one";
}

TEST_F(CrashFileSystemTest, AFolderIsThereOnceItsParentIsSynced) {
  std::vector<std::string> parents;
  disk_.SetHook([&](const CrashFileSystem::CallInfo& call) {
    if (call.call != Call::kSyncDirectory) return;
    parents.push_back(call.path);
    EXPECT_FALSE(disk_.Crash(kNothing)->Exists("/d/e/f"));
    EXPECT_EQ(disk_.Crash(kNothing)->Exists("/d/e"), parents.size() == 2);
  });
  ASSERT_TRUE(disk_.CreateDirectories("/d/e/f").ok());
  EXPECT_EQ(parents, (std::vector<std::string>{"/d", "/d/e"}));
  EXPECT_TRUE(disk_.Crash(kNothing)->Exists("/d/e/f"));
}

TEST_F(CrashFileSystemTest, NamesSurviveInAnyCombination) {
  for (const char* name : {"/d/a", "/d/b", "/d/c"}) ASSERT_TRUE(disk_.Create(name).ok());
  std::set<std::string> prefixes;
  std::set<std::string> subsets;
  const auto names = [this](Keep keep, uint64_t seed) {
    const auto after = disk_.Crash({Keep::kEverything, keep, seed});
    std::string found;
    const std::vector<std::string> listed = after->List("/d").value();
    for (const std::string& name : listed) found += name;
    return found;
  };
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    prefixes.insert(names(Keep::kPrefix, seed));
    subsets.insert(names(Keep::kSubset, seed));
  }
  EXPECT_EQ(prefixes, (std::set<std::string>{"", "a", "ab", "abc"}));
  EXPECT_EQ(subsets.size(), 8u);
}

TEST_F(CrashFileSystemTest, AWriteIsTornAtSectorsAndNowhereElse) {
  MakeDurable("/d/a", std::string(3 * kSectorBytes, 'o'));
  ASSERT_TRUE(
      disk_.OpenToOverwrite("/d/a").value()->WriteAt(0, std::string(3 * kSectorBytes, 'n')).ok());
  std::set<std::string> expected;
  for (int kept = 0; kept < 8; ++kept) {
    std::string bytes;
    for (int i = 0; i < 3; ++i) bytes.append(kSectorBytes, (kept >> i & 1) != 0 ? 'n' : 'o');
    expected.insert(bytes);
  }
  EXPECT_EQ(Possible(Keep::kSubset, Keep::kNothing, "/d/a"), expected);
  EXPECT_EQ(disk_.unsynced_parts(), 3u);
  std::set<std::string> all;
  for (uint64_t parts = 0; parts < 8; ++parts) {
    all.insert(Read(disk_.CrashKeeping(parts).get(), "/d/a"));
  }
  EXPECT_EQ(all, expected);
  EXPECT_EQ(Possible(Keep::kPrefix, Keep::kNothing, "/d/a").size(), 4u);
}

TEST_F(CrashFileSystemTest, AFileMayHaveGrownWithoutItsBytes) {
  MakeDurable("/d/a", "");
  ASSERT_TRUE(disk_.OpenToOverwrite("/d/a").value()->WriteAt(0, std::string(700, 'n')).ok());
  const std::set<std::string> possible = Possible(Keep::kSubset, Keep::kNothing, "/d/a");
  EXPECT_EQ(possible.count(""), 1u);
  EXPECT_EQ(possible.count(std::string(700, '\0')), 1u) << "size without bytes";
  EXPECT_EQ(possible.count(std::string(512, '\0') + std::string(188, 'n')), 1u) << "a hole";
  EXPECT_EQ(possible.count(std::string(512, 'n')), 1u) << "a size between";
  EXPECT_EQ(possible.count(std::string(700, 'n')), 1u);
  for (const std::string& bytes : possible) {
    EXPECT_TRUE(bytes.empty() || bytes.size() == 512 || bytes.size() == 700) << bytes.size();
  }
  // In order, there are no holes.
  EXPECT_EQ(Possible(Keep::kPrefix, Keep::kNothing, "/d/a"),
            (std::set<std::string>{"", std::string(512, 'n'), std::string(700, 'n')}));
}

TEST_F(CrashFileSystemTest, WithNothingUnsyncedThereIsOneDisk) {
  MakeDurable("/d/a", "one");
  EXPECT_EQ(disk_.unsynced_parts(), 0u);
  auto removed = disk_.Create("/d/b").value();
  ASSERT_TRUE(removed->Append("gone").ok());
  EXPECT_GT(disk_.unsynced_parts(), 0u);
  ASSERT_TRUE(disk_.Remove("/d/b").ok());
  ASSERT_TRUE(disk_.SyncDirectory("/d").ok());
  EXPECT_EQ(disk_.unsynced_parts(), 0u) << "what no name leads to is nobody's";
}

TEST_F(CrashFileSystemTest, AfterAFailedSyncTheNextOneDoesNotWriteWhatWasLost) {
  MakeDurable("/d/a", std::string(2 * kPageBytes, 'o'));
  auto file = disk_.OpenToOverwrite("/d/a").value();
  ASSERT_TRUE(file->WriteAt(0, std::string(10, 'n')).ok());
  ASSERT_TRUE(file->WriteAt(kPageBytes, std::string(10, 'n')).ok());
  disk_.LoseUnsyncedData("/d/a");
  EXPECT_EQ(Read(&disk_, "/d/a").substr(0, 11), "nnnnnnnnnno") << "still in the cache";
  // The second page is written to again, and so written; the first never is.
  ASSERT_TRUE(file->WriteAt(kPageBytes + 20, "n").ok());
  ASSERT_TRUE(file->Sync().ok());
  std::string expected(2 * kPageBytes, 'o');
  expected.replace(kPageBytes, 10, std::string(10, 'n'));
  expected[kPageBytes + 20] = 'n';
  EXPECT_EQ(After(kNothing, "/d/a"), expected);
}

TEST_F(CrashFileSystemTest, AfterAFailedSyncOfAFolderItsChangesAreLost) {
  ASSERT_TRUE(disk_.Create("/d/a").ok());
  disk_.LoseUnsyncedNames("/d");
  ASSERT_TRUE(disk_.Create("/d/b").ok());
  ASSERT_TRUE(disk_.SyncDirectory("/d").ok());
  EXPECT_TRUE(disk_.Exists("/d/a"));
  EXPECT_FALSE(disk_.Crash(kNothing)->Exists("/d/a"));
  EXPECT_TRUE(disk_.Crash(kNothing)->Exists("/d/b"));
}

TEST_F(CrashFileSystemTest, TheHookSeesEachChangingCallBeforeItIsDone) {
  std::vector<Call> calls;
  std::vector<uint64_t> numbers;
  const uint64_t before = disk_.calls();
  disk_.SetHook([&](const CrashFileSystem::CallInfo& call) {
    calls.push_back(call.call);
    numbers.push_back(call.number);
    if (call.call == Call::kSync) {
      EXPECT_EQ(After({Keep::kNothing, Keep::kEverything}, "/d/a"), "");
    }
  });
  MakeDurable("/d/a", "one");
  ASSERT_TRUE(disk_.OpenToOverwrite("/d/a").value()->WriteAt(0, "x").ok());
  ASSERT_TRUE(disk_.Link("/d/a", "/d/b").ok());
  ASSERT_TRUE(disk_.Rename("/d/a", "/d/c").ok());
  ASSERT_TRUE(disk_.Remove("/d/b").ok());
  EXPECT_EQ(calls,
            (std::vector<Call>{Call::kCreate, Call::kAppend, Call::kSync, Call::kSyncDirectory,
                               Call::kWriteAt, Call::kLink, Call::kRename, Call::kRemove}));
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], before + i);
}

TEST_F(CrashFileSystemTest, LocksAreHeldUntilACrash) {
  const auto held = disk_.Lock("/d/LOCK").value();
  EXPECT_TRUE(absl::IsFailedPrecondition(disk_.Lock("/d/LOCK").status()));
  EXPECT_TRUE(disk_.Crash(kEverything)->Lock("/d/LOCK").ok());
}

TEST_F(CrashFileSystemTest, ErrorsAreThoseOfARealOne) {
  EXPECT_TRUE(absl::IsNotFound(disk_.OpenToRead("/d/x").status()));
  EXPECT_TRUE(absl::IsNotFound(disk_.OpenToOverwrite("/d/x").status()));
  EXPECT_TRUE(absl::IsNotFound(disk_.Create("/x/x").status()));
  EXPECT_TRUE(absl::IsNotFound(disk_.Size("/d/x").status()));
  EXPECT_TRUE(absl::IsNotFound(disk_.List("/x").status()));
  EXPECT_TRUE(absl::IsNotFound(disk_.Rename("/d/x", "/d/y")));
  EXPECT_TRUE(absl::IsNotFound(disk_.Remove("/d/x")));
  EXPECT_TRUE(absl::IsNotFound(disk_.SyncDirectory("/x")));
  EXPECT_TRUE(absl::IsUnavailable(disk_.OpenToRead("/d").status()));
}

TEST_F(CrashFileSystemTest, ImagesMayBeTakenAndUsedWhileAnotherThreadWrites) {
  std::thread writer([this] {
    auto file = disk_.Create("/d/a").value();
    for (int i = 0; i < 2'000; ++i) {
      ASSERT_TRUE(file->Append(std::string(100, static_cast<char>('a' + i % 26))).ok());
      if (i % 7 == 0) {
        ASSERT_TRUE(file->Sync().ok());
      }
      if (i == 100) {
        ASSERT_TRUE(disk_.SyncDirectory("/d").ok());
      }
    }
  });
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto after = disk_.Crash({Keep::kPrefix, Keep::kEverything, seed});
    if (!after->Exists("/d/a")) continue;
    const std::string bytes = Read(after.get(), "/d/a");
    for (size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_EQ(bytes[i], static_cast<char>('a' + i / 100 % 26)) << i;
    }
    ASSERT_TRUE(after->OpenToOverwrite("/d/a").value()->WriteAt(0, "x").ok());
  }
  writer.join();
}

}  // namespace
}  // namespace swoosh
