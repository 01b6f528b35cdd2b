#include "cli/new_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

namespace fs = std::filesystem;

class NewFileTest : public testing::Test {
 protected:
  NewFileTest() { fs::create_directories(folder_); }
  ~NewFileTest() override { fs::remove_all(folder_); }

  std::unique_ptr<NewFile> Create() {
    absl::StatusOr<std::unique_ptr<NewFile>> file = NewFile::Create(path_);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  static std::string ContentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  static void ExpectNamed(const absl::Status& status, const std::string& path,
                          absl::string_view error) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), path)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), error)) << status;
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "/new_file_test");
  const std::string path_ = absl::StrCat(folder_, "/monday");
  const std::string temporary_ = absl::StrCat(path_, ".tmp");
};

TEST_F(NewFileTest, HasItsNameOnlyOnceItIsPublished) {
  const std::unique_ptr<NewFile> file = Create();
  ASSERT_TRUE(file->Append("some bytes, ").ok());
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(ContentOf(temporary_), "some bytes, ");
  ASSERT_TRUE(file->Append(std::string(1'000'000, 'x')).ok());
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(ContentOf(path_), absl::StrCat("some bytes, ", std::string(1'000'000, 'x')));
  EXPECT_FALSE(fs::exists(temporary_));
}

TEST_F(NewFileTest, IsForItsOwnerAlone) {
  ASSERT_TRUE(Create()->Publish().ok());
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(NewFileTest, WhatIsNotPublishedIsRemoved) {
  ASSERT_TRUE(Create()->Append("half").ok());
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(NewFileTest, WhatAKilledOneLeftIsReplaced) {
  std::ofstream(temporary_) << "much more than what comes now";
  const std::unique_ptr<NewFile> file = Create();
  ASSERT_TRUE(file->Append("now").ok());
  ASSERT_TRUE(file->Publish().ok());
  EXPECT_EQ(ContentOf(path_), "now");
}

TEST_F(NewFileTest, AFileOfThatNameIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_TRUE(absl::IsAlreadyExists(NewFile::Create(path_).status()));
  EXPECT_EQ(ContentOf(path_), "precious");
  EXPECT_FALSE(fs::exists(temporary_));
}

TEST_F(NewFileTest, AFileThatTookTheNameMeanwhileIsLeftAlone) {
  std::unique_ptr<NewFile> file = Create();
  ASSERT_TRUE(file->Append("late").ok());
  std::ofstream(path_) << "precious";
  EXPECT_TRUE(absl::IsAlreadyExists(file->Publish()));
  file = nullptr;
  EXPECT_EQ(ContentOf(path_), "precious");
  EXPECT_FALSE(fs::exists(temporary_));
}

TEST_F(NewFileTest, OneThatAnotherWritesIsLeftToIt) {
  const std::unique_ptr<NewFile> first = Create();
  ASSERT_TRUE(first->Append("first").ok());
  const absl::Status second = NewFile::Create(path_).status();
  EXPECT_TRUE(absl::IsAlreadyExists(second)) << second;
  EXPECT_TRUE(absl::StrContains(second.message(), temporary_)) << second;
  ASSERT_TRUE(first->Append(", whole").ok());
  ASSERT_TRUE(first->Publish().ok());
  EXPECT_EQ(ContentOf(path_), "first, whole");
}

TEST_F(NewFileTest, AFolderThatIsNotThereIsNamed) {
  const std::string path = absl::StrCat(folder_, "/nowhere/monday");
  ExpectNamed(NewFile::Create(path).status(), path, "No such file or directory");
}

TEST_F(NewFileTest, AWriteThatFailsIsNamedAndLeavesNothing) {
  std::unique_ptr<NewFile> file = Create();
  std::signal(SIGXFSZ, SIG_IGN);  // so that a file that may not grow is an error
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {100, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = file->Append(std::string(1'000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ExpectNamed(status, temporary_, "File too large");
  file = nullptr;
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(NewFileTest, ANameThatCannotBeGivenIsNamed) {
  std::unique_ptr<NewFile> file = Create();
  ASSERT_TRUE(file->Append("x").ok());
  fs::remove(temporary_);
  ExpectNamed(file->Publish(), path_, "No such file or directory");
  file = nullptr;
  EXPECT_FALSE(fs::exists(path_));
}

TEST(StandardOutput, TakesAllOrSaysWhyNot) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int before = dup(STDOUT_FILENO);
  ASSERT_EQ(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
  close(ends[1]);
  const absl::Status written = WriteToStandardOutput("bytes\n");
  std::string read(6, ' ');
  const ssize_t size = ::read(ends[0], read.data(), read.size());
  close(ends[0]);
  std::signal(SIGPIPE, SIG_IGN);
  const absl::Status broken = WriteToStandardOutput("more");
  ASSERT_EQ(dup2(before, STDOUT_FILENO), STDOUT_FILENO);
  close(before);
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_EQ(size, 6);
  EXPECT_EQ(read, "bytes\n");
  EXPECT_TRUE(absl::IsUnavailable(broken)) << broken;
  EXPECT_TRUE(absl::StrContains(broken.message(), "Broken pipe")) << broken;
}

}  // namespace
}  // namespace swoosh
