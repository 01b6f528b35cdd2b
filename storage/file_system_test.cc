#include "storage/file_system.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

class FileSystemTest : public testing::Test {
 protected:
  std::string Contents(const std::string& path) {
    return ReadWholeFile(files_, path, 1 << 20).value();
  }

  TemporaryDirectory directory_;
  FileSystem* const files_ = PosixFileSystem();
};

TEST_F(FileSystemTest, WhatWasAppendedIsRead) {
  auto file = files_->Create(directory_ / "f").value();
  ASSERT_TRUE(file->Append("hello ").ok());
  ASSERT_TRUE(file->Append("world").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(Contents(directory_ / "f"), "hello world");
  EXPECT_EQ(files_->Size(directory_ / "f").value(), 11u);
}

TEST_F(FileSystemTest, CreatingAgainTruncates) {
  ASSERT_TRUE(files_->Create(directory_ / "f").value()->Append("old").ok());
  ASSERT_TRUE(files_->Create(directory_ / "f").value()->Append("n").ok());
  EXPECT_EQ(Contents(directory_ / "f"), "n");
}

TEST_F(FileSystemTest, OverwritingKeepsTheRest) {
  ASSERT_TRUE(files_->Create(directory_ / "f").value()->Append("0123456789").ok());
  auto file = files_->OpenToOverwrite(directory_ / "f").value();
  ASSERT_TRUE(file->WriteAt(3, "xyz").ok());
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(Contents(directory_ / "f"), "012xyz6789");
}

TEST_F(FileSystemTest, ReadsAreShortOnlyAtTheEnd) {
  ASSERT_TRUE(files_->Create(directory_ / "f").value()->Append("0123456789").ok());
  const auto file = files_->OpenToRead(directory_ / "f").value();
  char buffer[4];
  EXPECT_EQ(file->ReadAt(5, absl::MakeSpan(buffer)).value(), 4u);
  EXPECT_EQ(std::string(buffer, 4), "5678");
  EXPECT_EQ(file->ReadAt(8, absl::MakeSpan(buffer)).value(), 2u);
  EXPECT_EQ(file->ReadAt(10, absl::MakeSpan(buffer)).value(), 0u);
}

TEST_F(FileSystemTest, ErrorsHaveTheirCodeAndNameThePath) {
  const std::string path = directory_ / "missing";
  EXPECT_TRUE(absl::IsNotFound(files_->OpenToRead(path).status()));
  EXPECT_TRUE(absl::IsNotFound(files_->OpenToOverwrite(path).status()));
  EXPECT_TRUE(absl::IsNotFound(files_->Size(path).status()));
  EXPECT_TRUE(absl::IsNotFound(files_->Remove(path)));
  EXPECT_TRUE(absl::IsNotFound(files_->Rename(path, path + "2")));
  EXPECT_TRUE(absl::IsNotFound(files_->List(path).status()));
  EXPECT_TRUE(absl::IsNotFound(files_->SyncDirectory(path)));
  EXPECT_NE(files_->Remove(path).message().find(path), absl::string_view::npos);
  ASSERT_TRUE(files_->Create(path).ok());
  EXPECT_TRUE(absl::IsUnavailable(files_->CreateDirectories(path)));
  EXPECT_TRUE(absl::IsUnavailable(files_->CreateDirectories(path + "/below")));
}

TEST_F(FileSystemTest, AFullDiskIsResourceExhausted) {
  // Linux's device that is always full.
  auto file = files_->OpenToOverwrite("/dev/full").value();
  EXPECT_TRUE(absl::IsResourceExhausted(file->Append("x")));
}

TEST_F(FileSystemTest, DirectoriesAreMadeWithTheirParentsAndListed) {
  ASSERT_TRUE(files_->CreateDirectories(directory_ / "a/b/c").ok());
  ASSERT_TRUE(files_->CreateDirectories(directory_ / "a/b/c").ok());
  ASSERT_TRUE(files_->Create(directory_ / "a/f").ok());
  std::vector<std::string> names = files_->List(directory_ / "a").value();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"b", "f"}));
  EXPECT_TRUE(files_->SyncDirectory(directory_ / "a").ok());
}

TEST_F(FileSystemTest, ALinkKeepsTheFileWhenItsFirstNameIsReplacedOrRemoved) {
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "f", "found").ok());
  ASSERT_TRUE(files_->Link(directory_ / "f", directory_ / "kept").ok());
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "f", "new").ok());
  EXPECT_EQ(Contents(directory_ / "kept"), "found");
  ASSERT_TRUE(files_->Remove(directory_ / "f").ok());
  EXPECT_EQ(Contents(directory_ / "kept"), "found");
}

TEST_F(FileSystemTest, ALinkReplacesNothingAndNeedsItsFile) {
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "f", "f").ok());
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "g", "g").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(files_->Link(directory_ / "f", directory_ / "g")));
  EXPECT_EQ(Contents(directory_ / "g"), "g");
  EXPECT_TRUE(absl::IsNotFound(files_->Link(directory_ / "missing", directory_ / "h")));
  EXPECT_TRUE(absl::IsUnimplemented(files_->Link("/proc/version", directory_ / "h")));
}

TEST_F(FileSystemTest, ADirectoryIsRemovedOnceItIsEmpty) {
  ASSERT_TRUE(files_->CreateDirectories(directory_ / "d").ok());
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "d/f", "f").ok());
  EXPECT_TRUE(absl::IsUnavailable(files_->Remove(directory_ / "d")));
  ASSERT_TRUE(files_->Remove(directory_ / "d/f").ok());
  EXPECT_TRUE(files_->Remove(directory_ / "d").ok());
  EXPECT_FALSE(files_->Exists(directory_ / "d"));
}

TEST_F(FileSystemTest, ALockExcludesThisProcessAndOthersUntilItIsReleased) {
  const std::string path = directory_ / "LOCK";
  auto lock = files_->Lock(path);
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(files_->Lock(path).status()));
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = absl::IsFailedPrecondition(PosixFileSystem()->Lock(path).status());
    ::_exit(refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  lock->reset();
  EXPECT_TRUE(files_->Lock(path).ok());
}

TEST_F(FileSystemTest, ReplacingAFileLeavesNoOther) {
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "f", "one").ok());
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "f", "two").ok());
  EXPECT_EQ(Contents(directory_ / "f"), "two");
  EXPECT_EQ(files_->List(directory_.path()).value(), std::vector<std::string>{"f"});
}

TEST_F(FileSystemTest, AFileLargerThanExpectedIsNotReadWhole) {
  ASSERT_TRUE(ReplaceFile(files_, directory_ / "f", "four").ok());
  EXPECT_EQ(ReadWholeFile(files_, directory_ / "f", 4).value(), "four");
  EXPECT_TRUE(absl::IsDataLoss(ReadWholeFile(files_, directory_ / "f", 3).status()));
}

TEST(DirectoryOf, IsTheParent) {
  EXPECT_EQ(DirectoryOf("a/b/c"), "a/b");
  EXPECT_EQ(DirectoryOf("a/b/"), "a");
  EXPECT_EQ(DirectoryOf("c"), ".");
  EXPECT_EQ(DirectoryOf("/c"), "/");
  EXPECT_EQ(DirectoryOf("/"), "/");
}

}  // namespace
}  // namespace swoosh
