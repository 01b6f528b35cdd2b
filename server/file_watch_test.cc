#include "server/file_watch.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "server/small_file.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(5);

class FileWatchTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    std::ofstream(path) << content;
  }
  void Load() {
    absl::StatusOr<std::string> read = ReadSmallFile(path_, 100);
    absl::MutexLock lock(&mutex_);
    seen_.push_back(read.ok() ? *read : "(none)");
  }
  void AwaitSeen(const std::string& content) {
    const auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return !seen_.empty() && seen_.back() == content;
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&there));
  }

  TemporaryDirectory folder_;
  const std::string path_ = absl::StrCat(folder_.path(), "/watched");
  absl::Mutex mutex_;
  std::vector<std::string> seen_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(FileWatchTest, LoadsAtOnceAndWhenTheFileIsWrittenReplacedRemovedAndBack) {
  Write(path_, "one");
  const FileWatch watch({path_}, kInterval, [this] { Load(); });
  {
    absl::MutexLock lock(&mutex_);
    ASSERT_EQ(seen_, std::vector<std::string>{"one"});
  }
  Write(path_, "another");
  AwaitSeen("another");
  const std::string beside = absl::StrCat(folder_.path(), "/beside");
  Write(beside, "renamed");
  ASSERT_EQ(std::rename(beside.c_str(), path_.c_str()), 0);
  AwaitSeen("renamed");
  ASSERT_EQ(std::remove(path_.c_str()), 0);
  AwaitSeen("(none)");
  Write(path_, "back");
  AwaitSeen("back");
}

TEST_F(FileWatchTest, AFileThatIsTooLargeOrAFolderIsNotRead) {
  Write(path_, std::string(101, 'x'));
  EXPECT_EQ(ReadSmallFile(path_, 100).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*ReadSmallFile(path_, 101), std::string(101, 'x'));
  EXPECT_FALSE(ReadSmallFile(folder_.path(), 100).ok());
  EXPECT_EQ(ReadSmallFile(absl::StrCat(path_, "-not"), 100).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace swoosh
