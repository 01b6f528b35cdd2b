#include "storage/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

absl::Status PosixError(absl::string_view operation, absl::string_view path, int error) {
  const absl::StatusCode code = [error] {
    switch (error) {
      case ENOENT:
        return absl::StatusCode::kNotFound;
      case EEXIST:
        return absl::StatusCode::kAlreadyExists;
      case ENOSPC:
      case EDQUOT:
        return absl::StatusCode::kResourceExhausted;
      default:
        return absl::StatusCode::kUnavailable;
    }
  }();
  // ErrnoToStatus has the text of errno; its code is not ours.
  const absl::Status text = absl::ErrnoToStatus(error, absl::StrCat(operation, " ", path));
  return absl::Status(code, text.message());
}

// Calls `call` until a signal no longer interrupts it.
template <typename Call>
auto Uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Descriptor(Descriptor&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  static absl::StatusOr<Descriptor> Open(const std::string& path, int flags) {
    const int fd =
        Uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); });
    if (fd < 0) return PosixError("open", path, errno);
    return Descriptor(fd, path);
  }

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

  // Linux frees the descriptor even when close is interrupted, so it is never called twice.
  absl::Status Close() {
    if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
      return PosixError("close", path_, errno);
    }
    return absl::OkStatus();
  }

 private:
  int fd_;
  std::string path_;
};

class PosixWritableFile : public WritableFile {
 public:
  explicit PosixWritableFile(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  absl::Status Append(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written =
          Uninterrupted([&] { return ::write(descriptor_.fd(), bytes.data(), bytes.size()); });
      if (written < 0) return PosixError("write", descriptor_.path(), errno);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = Uninterrupted([&] {
        return ::pwrite(descriptor_.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (written < 0) return PosixError("pwrite", descriptor_.path(), errno);
      bytes.remove_prefix(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // An interrupted sync has not failed; any other failure must never be tried again, because
    // Linux marks the pages clean.
    if (Uninterrupted([&] { return ::fdatasync(descriptor_.fd()); }) != 0) {
      return PosixError("fdatasync", descriptor_.path(), errno);
    }
    return absl::OkStatus();
  }

  void StartWriteback() override {
    // Whatever it fails with, Sync meets too.
    Uninterrupted([&] { return ::sync_file_range(descriptor_.fd(), 0, 0, SYNC_FILE_RANGE_WRITE); });
  }

  absl::Status Close() override { return descriptor_.Close(); }

 private:
  Descriptor descriptor_;
};

class PosixReadableFile : public ReadableFile {
 public:
  explicit PosixReadableFile(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) const override {
    size_t size = 0;
    while (size < buffer.size()) {
      const ssize_t read = Uninterrupted([&] {
        return ::pread(descriptor_.fd(), buffer.data() + size, buffer.size() - size,
                       static_cast<off_t>(offset + size));
      });
      if (read < 0) return PosixError("read", descriptor_.path(), errno);
      if (read == 0) break;
      size += static_cast<size_t>(read);
    }
    return size;
  }

 private:
  Descriptor descriptor_;
};

class PosixFileLock : public FileLock {
 public:
  // Closing the descriptor releases the lock.
  explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

class PosixFileSystemImpl : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    return OpenToWrite(path, O_WRONLY | O_CREAT | O_TRUNC);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenToOverwrite(const std::string& path) override {
    return OpenToWrite(path, O_WRONLY);
  }

  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenToRead(const std::string& path) override {
    absl::StatusOr<Descriptor> descriptor = Descriptor::Open(path, O_RDONLY);
    if (!descriptor.ok()) return descriptor.status();
    return std::make_unique<PosixReadableFile>(*std::move(descriptor));
  }

  absl::StatusOr<uint64_t> Size(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return PosixError("stat", path, errno);
    return static_cast<uint64_t>(status.st_size);
  }

  bool Exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    DIR* const stream = ::opendir(directory.c_str());
    if (stream == nullptr) return PosixError("open directory", directory, errno);
    absl::Cleanup close = [stream] { ::closedir(stream); };
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const struct dirent* const entry = ::readdir(stream);
      if (entry == nullptr) break;
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return PosixError("read directory", directory, errno);
    return names;
  }

  absl::Status CreateDirectories(const std::string& directory) override {
    struct stat status;
    if (::stat(directory.c_str(), &status) == 0) {
      return S_ISDIR(status.st_mode) ? absl::OkStatus()
                                     : PosixError("create directory", directory, ENOTDIR);
    }
    if (errno != ENOENT) return PosixError("stat", directory, errno);
    const std::string parent = DirectoryOf(directory);
    if (parent != directory) {
      if (absl::Status created = CreateDirectories(parent); !created.ok()) return created;
    }
    // Another process may have made it since.
    if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return PosixError("create directory", directory, errno);
    }
    return SyncDirectory(parent);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return PosixError("rename", absl::StrCat(from, " to ", to), errno);
    }
    return absl::OkStatus();
  }

  absl::Status Link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    const int error = errno;
    const absl::Status status = PosixError("link", absl::StrCat(from, " to ", to), error);
    const bool unsupported =
        error == EXDEV || error == EPERM || error == EOPNOTSUPP || error == EMLINK;
    return unsupported ? absl::UnimplementedError(status.message()) : status;
  }

  absl::Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return PosixError("remove", path, errno);
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& directory) override {
    absl::StatusOr<Descriptor> descriptor = Descriptor::Open(directory, O_RDONLY | O_DIRECTORY);
    if (!descriptor.ok()) return descriptor.status();
    if (Uninterrupted([&] { return ::fsync(descriptor->fd()); }) != 0) {
      return PosixError("fsync", directory, errno);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    absl::StatusOr<Descriptor> descriptor = Descriptor::Open(path, O_RDWR | O_CREAT);
    if (!descriptor.ok()) return descriptor.status();
    if (Uninterrupted([&] { return ::flock(descriptor->fd(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return PosixError("lock", path, errno);
      return absl::FailedPreconditionError(absl::StrCat(path, " is locked by another process"));
    }
    return std::make_unique<PosixFileLock>(*std::move(descriptor));
  }

 private:
  static absl::StatusOr<std::unique_ptr<WritableFile>> OpenToWrite(const std::string& path,
                                                                   int flags) {
    absl::StatusOr<Descriptor> descriptor = Descriptor::Open(path, flags);
    if (!descriptor.ok()) return descriptor.status();
    return std::make_unique<PosixWritableFile>(*std::move(descriptor));
  }
};

}  // namespace

FileSystem* PosixFileSystem() {
  static FileSystem* const file_system = new PosixFileSystemImpl;
  return file_system;
}

std::string DirectoryOf(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

absl::StatusOr<std::string> ReadWholeFile(FileSystem* file_system, const std::string& path,
                                          size_t size_max) {
  absl::StatusOr<std::unique_ptr<ReadableFile>> file = file_system->OpenToRead(path);
  if (!file.ok()) return file.status();
  // One byte more tells a file that is too large.
  std::string bytes(size_max + 1, '\0');
  const absl::StatusOr<size_t> size = (*file)->ReadAt(0, absl::MakeSpan(bytes));
  if (!size.ok()) return size.status();
  if (*size > size_max) {
    return absl::DataLossError(absl::StrCat(path, " is larger than ", size_max, " bytes"));
  }
  bytes.resize(*size);
  return bytes;
}

absl::Status ReplaceFile(FileSystem* file_system, const std::string& path,
                         absl::string_view bytes) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  absl::StatusOr<std::unique_ptr<WritableFile>> file = file_system->Create(temporary);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->Append(bytes);
  if (status.ok()) status = (*file)->Sync();
  if (status.ok()) status = (*file)->Close();
  if (status.ok()) status = file_system->Rename(temporary, path);
  if (status.ok()) status = file_system->SyncDirectory(DirectoryOf(path));
  return status;
}

}  // namespace swoosh
