#include "storage/leveldb_env.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "leveldb/db.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

// Notes each change of the disk, in order.
class RecordingFileSystem : public FaultFileSystem {
 public:
  using FaultFileSystem::FaultFileSystem;

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    Record("create " + path);
    return FaultFileSystem::Create(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    Record("rename " + to);
    return FaultFileSystem::Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override {
    Record("remove " + path);
    return FaultFileSystem::Remove(path);
  }
  absl::Status SyncDirectory(const std::string& directory) override {
    Record("sync " + directory);
    return FaultFileSystem::SyncDirectory(directory);
  }

  // What was done so far; forgotten then.
  std::vector<std::string> TakeTrace() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(trace_, {});
  }

 private:
  void Record(std::string what) {
    absl::MutexLock lock(&mutex_);
    trace_.push_back(std::move(what));
  }

  absl::Mutex mutex_;  // LevelDB has a thread of its own
  std::vector<std::string> trace_ ABSL_GUARDED_BY(mutex_);
};

class LevelDbEnvTest : public testing::Test {
 protected:
  LevelDbEnvTest()
      : files_(PosixFileSystem()),
        env_(
            &files_, [this](double) { ++syncs_; }, nullptr) {}

  TemporaryDirectory directory_;
  RecordingFileSystem files_;
  std::atomic<int> syncs_{0};
  LevelDbEnv env_;
};

TEST_F(LevelDbEnvTest, CreatingRenamingAndRemovingSyncTheDirectory) {
  const std::string a = directory_ / "a";
  const std::string b = directory_ / "b";
  leveldb::WritableFile* file = nullptr;
  ASSERT_TRUE(env_.NewWritableFile(a, &file).ok());
  delete file;
  ASSERT_TRUE(env_.RenameFile(a, b).ok());
  ASSERT_TRUE(env_.RemoveFile(b).ok());
  const std::string sync = "sync " + directory_.path();
  EXPECT_EQ(files_.TakeTrace(), (std::vector<std::string>{"create " + a, sync, "rename " + b, sync,
                                                          "remove " + b, sync}));
}

TEST_F(LevelDbEnvTest, ADirectoryThatCannotBeSyncedFailsTheCall) {
  const auto with_fresh_env = [this](auto call) {
    LevelDbEnv env(&files_, nullptr, nullptr);
    files_.Arm({.only = FaultFileSystem::Call::kSyncDirectory});
    EXPECT_TRUE(call(&env).IsIOError());
    files_.Disarm();
    EXPECT_TRUE(absl::IsUnavailable(env.failure()));
  };
  with_fresh_env([this](LevelDbEnv* env) {
    leveldb::WritableFile* file = nullptr;
    const leveldb::Status status = env->NewWritableFile(directory_ / "a", &file);
    EXPECT_EQ(file, nullptr);
    return status;
  });
  ASSERT_TRUE(files_.Exists(directory_ / "a"));
  with_fresh_env(
      [this](LevelDbEnv* env) { return env->RenameFile(directory_ / "a", directory_ / "b"); });
  with_fresh_env([this](LevelDbEnv* env) { return env->RemoveFile(directory_ / "b"); });
}

TEST_F(LevelDbEnvTest, AfterTheFirstFailureNothingIsChangedAnyMore) {
  leveldb::WritableFile* file = nullptr;
  ASSERT_TRUE(env_.NewWritableFile(directory_ / "open", &file).ok());
  const std::unique_ptr<leveldb::WritableFile> open(file);
  ASSERT_TRUE(env_.failure().ok());
  files_.Arm({.only = FaultFileSystem::Call::kRename});
  EXPECT_TRUE(env_.RenameFile(directory_ / "open", directory_ / "other").IsIOError());
  files_.Disarm();
  const uint64_t calls = files_.calls();
  EXPECT_TRUE(env_.RenameFile(directory_ / "open", directory_ / "other").IsIOError());
  EXPECT_TRUE(env_.RemoveFile(directory_ / "open").IsIOError());
  EXPECT_TRUE(env_.CreateDir(directory_ / "new").IsIOError());
  EXPECT_TRUE(env_.NewWritableFile(directory_ / "more", &file).IsIOError());
  EXPECT_TRUE(open->Append("x").ok());  // buffered
  EXPECT_TRUE(open->Sync().IsIOError());
  EXPECT_EQ(files_.calls(), calls);
  EXPECT_TRUE(env_.FileExists(directory_ / "open"));
}

TEST_F(LevelDbEnvTest, AFileMadeAnewLeavesWhatALinkToTheOldOneHolds) {
  const std::string path = directory_ / "000004.ldb";
  ASSERT_TRUE(ReplaceFile(&files_, path, "found").ok());
  ASSERT_TRUE(files_.Link(path, directory_ / "kept").ok());
  leveldb::WritableFile* file = nullptr;
  ASSERT_TRUE(env_.NewWritableFile(path, &file).ok());
  ASSERT_TRUE(file->Append("new").ok());
  ASSERT_TRUE(file->Close().ok());
  delete file;
  EXPECT_EQ(ReadWholeFile(&files_, path, 10).value(), "new");
  EXPECT_EQ(ReadWholeFile(&files_, directory_ / "kept", 10).value(), "found");
}

TEST_F(LevelDbEnvTest, RemovingWhatIsNotThereIsNoFailureOfTheDisk) {
  EXPECT_TRUE(env_.RemoveFile(directory_ / "missing").IsNotFound());
  EXPECT_TRUE(env_.failure().ok());
}

TEST_F(LevelDbEnvTest, TheObserverSeesSyncsOfLogsOnly) {
  for (const char* name : {"000003.log", "000004.ldb", "MANIFEST-000002"}) {
    leveldb::WritableFile* file = nullptr;
    ASSERT_TRUE(env_.NewWritableFile(directory_ / name, &file).ok());
    ASSERT_TRUE(file->Append("x").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->Close().ok());
    delete file;
  }
  EXPECT_EQ(syncs_, 1);
}

TEST_F(LevelDbEnvTest, BufferedWritesOfAnySizeArriveInOrder) {
  leveldb::WritableFile* file = nullptr;
  ASSERT_TRUE(env_.NewWritableFile(directory_ / "f", &file).ok());
  std::string expected;
  for (const size_t size : {1, 65'535, 1, 65'536, 65'537, 7, 200'000, 3}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    expected += piece;
    ASSERT_TRUE(file->Append(piece).ok());
  }
  ASSERT_TRUE(file->Flush().ok());
  EXPECT_EQ(ReadWholeFile(&files_, directory_ / "f", 1 << 20).value(), expected);
  delete file;
}

TEST_F(LevelDbEnvTest, AfterAFailedWriteNothingIsWrittenBehindTheHole) {
  leveldb::WritableFile* file = nullptr;
  ASSERT_TRUE(env_.NewWritableFile(directory_ / "f", &file).ok());
  files_.Arm({.only = FaultFileSystem::Call::kWrite});
  ASSERT_TRUE(file->Append("lost").ok());
  EXPECT_TRUE(file->Flush().IsIOError());
  ASSERT_TRUE(file->Append("behind the hole").ok());
  EXPECT_TRUE(file->Flush().IsIOError());
  EXPECT_TRUE(file->Close().IsIOError());
  delete file;
  EXPECT_EQ(files_.Size(directory_ / "f").value(), 0u);
}

TEST_F(LevelDbEnvTest, ADatabaseLivesOnIt) {
  leveldb::Options options;
  options.env = &env_;
  options.create_if_missing = true;
  options.info_log = LevelDbEnv::NullLogger();
  options.write_buffer_size = 64 << 10;
  leveldb::WriteOptions synced;
  synced.sync = true;
  for (int run = 0; run < 3; ++run) {
    leveldb::DB* opened = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(options, directory_ / "db", &opened).ok());
    const std::unique_ptr<leveldb::DB> database(opened);
    leveldb::DB* second = nullptr;
    EXPECT_FALSE(leveldb::DB::Open(options, directory_ / "db", &second).ok());
    for (int i = 0; i < 200; ++i) {
      const std::string key = std::to_string(1000 * run + i);
      ASSERT_TRUE(database->Put(synced, key, std::string(1000, 'v')).ok());
    }
    for (int earlier = 0; earlier <= run; ++earlier) {
      std::string value;
      EXPECT_TRUE(
          database->Get(leveldb::ReadOptions(), std::to_string(1000 * earlier + 199), &value).ok());
    }
  }
  EXPECT_GE(syncs_, 600);
}

}  // namespace
}  // namespace swoosh
