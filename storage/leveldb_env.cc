#include "storage/leveldb_env.h"

#include <chrono>
#include <cstdarg>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "leveldb/slice.h"

namespace swoosh {
namespace {

// LevelDB appends in small pieces and leaves the buffering to its Env.
constexpr size_t kWriteBufferBytes = 65'536;

class SequentialFile : public leveldb::SequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  leveldb::Status Read(size_t size, leveldb::Slice* result, char* scratch) override {
    const absl::StatusOr<size_t> read = file_->ReadAt(offset_, absl::MakeSpan(scratch, size));
    if (!read.ok()) return ToLevelDbStatus(read.status());
    offset_ += *read;
    *result = leveldb::Slice(scratch, *read);
    return leveldb::Status::OK();
  }

  leveldb::Status Skip(uint64_t size) override {
    offset_ += size;
    return leveldb::Status::OK();
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  uint64_t offset_ = 0;
};

class RandomAccessFile : public leveldb::RandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  leveldb::Status Read(uint64_t offset, size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    const absl::StatusOr<size_t> read = file_->ReadAt(offset, absl::MakeSpan(scratch, size));
    if (!read.ok()) return ToLevelDbStatus(read.status());
    *result = leveldb::Slice(scratch, *read);
    return leveldb::Status::OK();
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
};

class HeldLock : public leveldb::FileLock {
 public:
  explicit HeldLock(std::unique_ptr<swoosh::FileLock> lock) : lock_(std::move(lock)) {}

 private:
  const std::unique_ptr<swoosh::FileLock> lock_;
};

class DroppingLogger : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

}  // namespace

// Used by one thread at a time.
class LevelDbEnv::BufferedFile : public leveldb::WritableFile {
 public:
  // `on_sync` may be empty.
  BufferedFile(LevelDbEnv* env, std::unique_ptr<swoosh::WritableFile> file, SyncObserver on_sync)
      : env_(env), file_(std::move(file)), on_sync_(std::move(on_sync)) {
    buffer_.reserve(kWriteBufferBytes);
  }

  leveldb::Status Append(const leveldb::Slice& data) override {
    const absl::string_view bytes(data.data(), data.size());
    if (buffer_.size() + bytes.size() > kWriteBufferBytes) {
      if (absl::Status flushed = FlushBuffer(); !flushed.ok()) return ToLevelDbStatus(flushed);
      if (bytes.size() > kWriteBufferBytes) return ToLevelDbStatus(Write(bytes));
    }
    buffer_.append(data.data(), data.size());
    return leveldb::Status::OK();
  }

  leveldb::Status Flush() override { return ToLevelDbStatus(FlushBuffer()); }

  leveldb::Status Sync() override {
    absl::Status status = FlushBuffer();
    if (status.ok()) status = env_->Change([this] { return TimedSync(); });
    return ToLevelDbStatus(status);
  }

  leveldb::Status Close() override {
    const absl::Status flushed = FlushBuffer();
    const absl::Status closed = env_->Change([this] { return file_->Close(); });
    return ToLevelDbStatus(flushed.ok() ? closed : flushed);
  }

 private:
  absl::Status Write(absl::string_view bytes) {
    return env_->Change([&] { return file_->Append(bytes); });
  }

  absl::Status FlushBuffer() {
    if (buffer_.empty()) return absl::OkStatus();
    absl::Status status = Write(buffer_);
    buffer_.clear();
    return status;
  }

  absl::Status TimedSync() {
    const auto start = std::chrono::steady_clock::now();
    absl::Status status = file_->Sync();
    if (on_sync_) {
      on_sync_(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return status;
  }

  LevelDbEnv* const env_;
  const std::unique_ptr<swoosh::WritableFile> file_;
  const SyncObserver on_sync_;
  std::string buffer_;
};

LevelDbEnv::LevelDbEnv(FileSystem* file_system, SyncObserver on_log_sync,
                       FailureObserver on_failure)
    : EnvWrapper(leveldb::Env::Default()),
      file_system_(file_system),
      on_log_sync_(std::move(on_log_sync)),
      on_failure_(std::move(on_failure)) {}

leveldb::Status LevelDbEnv::NewSequentialFile(const std::string& path,
                                              leveldb::SequentialFile** file) {
  *file = nullptr;
  absl::StatusOr<std::unique_ptr<ReadableFile>> opened = file_system_->OpenToRead(path);
  if (!opened.ok()) return ToLevelDbStatus(opened.status());
  *file = new SequentialFile(*std::move(opened));
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewRandomAccessFile(const std::string& path,
                                                leveldb::RandomAccessFile** file) {
  *file = nullptr;
  absl::StatusOr<std::unique_ptr<ReadableFile>> opened = file_system_->OpenToRead(path);
  if (!opened.ok()) return ToLevelDbStatus(opened.status());
  *file = new RandomAccessFile(*std::move(opened));
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewWritableFile(const std::string& path, leveldb::WritableFile** file) {
  *file = nullptr;
  std::unique_ptr<WritableFile> created;
  const absl::Status status = Change([&] {
    // A file that a killed run left under that name may have another name elsewhere.
    if (file_system_->Exists(path)) {
      if (absl::Status removed = file_system_->Remove(path); !removed.ok()) return removed;
    }
    absl::StatusOr<std::unique_ptr<WritableFile>> opened = file_system_->Create(path);
    if (!opened.ok()) return opened.status();
    created = *std::move(opened);
    return file_system_->SyncDirectory(DirectoryOf(path));
  });
  if (!status.ok()) return ToLevelDbStatus(status);
  const bool is_log = absl::EndsWith(path, ".log");
  *file = new BufferedFile(this, std::move(created), is_log ? on_log_sync_ : nullptr);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewAppendableFile(const std::string& path,
                                              leveldb::WritableFile** file) {
  *file = nullptr;
  return leveldb::Status::NotSupported(path, "appending to a file of an earlier run");
}

bool LevelDbEnv::FileExists(const std::string& path) { return file_system_->Exists(path); }

leveldb::Status LevelDbEnv::GetChildren(const std::string& directory,
                                        std::vector<std::string>* names) {
  names->clear();
  absl::StatusOr<std::vector<std::string>> listed = file_system_->List(directory);
  if (!listed.ok()) return ToLevelDbStatus(listed.status());
  *names = *std::move(listed);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::RemoveFile(const std::string& path) {
  // LevelDB removes the table that it has not made of an empty log file.
  if (!file_system_->Exists(path)) return leveldb::Status::NotFound(path);
  return ToLevelDbStatus(Change([&] {
    absl::Status status = file_system_->Remove(path);
    if (status.ok()) status = file_system_->SyncDirectory(DirectoryOf(path));
    return status;
  }));
}

leveldb::Status LevelDbEnv::CreateDir(const std::string& directory) {
  return ToLevelDbStatus(Change([&] { return file_system_->CreateDirectories(directory); }));
}

leveldb::Status LevelDbEnv::RemoveDir(const std::string& directory) {
  return leveldb::Status::NotSupported(directory, "removing a directory");
}

leveldb::Status LevelDbEnv::GetFileSize(const std::string& path, uint64_t* size) {
  const absl::StatusOr<uint64_t> found = file_system_->Size(path);
  *size = found.ok() ? *found : 0;
  return ToLevelDbStatus(found.status());
}

leveldb::Status LevelDbEnv::RenameFile(const std::string& from, const std::string& to) {
  return ToLevelDbStatus(Change([&] {
    absl::Status status = file_system_->Rename(from, to);
    if (status.ok()) status = file_system_->SyncDirectory(DirectoryOf(to));
    return status;
  }));
}

leveldb::Status LevelDbEnv::LockFile(const std::string& path, leveldb::FileLock** lock) {
  *lock = nullptr;
  absl::StatusOr<std::unique_ptr<FileLock>> held = file_system_->Lock(path);
  if (!held.ok()) return ToLevelDbStatus(held.status());
  *lock = new HeldLock(*std::move(held));
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::UnlockFile(leveldb::FileLock* lock) {
  delete lock;
  return leveldb::Status::OK();
}

leveldb::Logger* LevelDbEnv::NullLogger() {
  static leveldb::Logger* const logger = new DroppingLogger;
  return logger;
}

leveldb::Status LevelDbEnv::NewLogger(const std::string&, leveldb::Logger** logger) {
  // The caller owns what it gets.
  *logger = new DroppingLogger;
  return leveldb::Status::OK();
}

absl::Status LevelDbEnv::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

absl::Status LevelDbEnv::Change(absl::FunctionRef<absl::Status()> change) {
  if (absl::Status failed = failure(); !failed.ok()) return failed;
  absl::Status status = change();
  if (status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return status;
    failure_ = status;
  }
  if (on_failure_ != nullptr) on_failure_(status);
  return status;
}

leveldb::Status ToLevelDbStatus(const absl::Status& status) {
  if (status.ok()) return leveldb::Status::OK();
  const std::string message(status.message());
  if (absl::IsNotFound(status)) return leveldb::Status::NotFound(message);
  return leveldb::Status::IOError(message);
}

absl::Status FromLevelDbStatus(const leveldb::Status& status, absl::string_view context) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(context, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

}  // namespace swoosh
