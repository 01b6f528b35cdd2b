#include "cli/new_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr mode_t kFileMode = 0600;  // it holds everybody's data

absl::Status SystemError(const std::string& path, int error) {
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  return error == EEXIST ? absl::AlreadyExistsError(message) : absl::UnavailableError(message);
}

absl::Status WriteAll(int fd, const std::string& path, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError(folder, errno);
  absl::Status status;
  if (fsync(fd) != 0) status = SystemError(folder, errno);
  close(fd);
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Create(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return SystemError(path, EEXIST);
  std::string temporary = absl::StrCat(path, ".tmp");
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kFileMode);
  if (fd < 0) return SystemError(temporary, errno);
  std::unique_ptr<NewFile> file = absl::WrapUnique(new NewFile(path, std::move(temporary), fd));
  if (!file->IsOurs()) {
    close(std::exchange(file->fd_, -1));
    return absl::AlreadyExistsError(
        absl::StrCat(file->temporary_, ": another program is writing it"));
  }
  // What another one left that was killed.
  if (ftruncate(fd, 0) != 0) return SystemError(file->temporary_, errno);
  return file;
}

// Whether nobody else writes it, or has just given it its name.
bool NewFile::IsOurs() const {
  // A file system without locks is taken for one without others.
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  struct stat opened;
  struct stat named;
  return fstat(fd_, &opened) == 0 && stat(temporary_.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

NewFile::NewFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

NewFile::~NewFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
}

absl::Status NewFile::Append(absl::string_view bytes) { return WriteAll(fd_, temporary_, bytes); }

absl::Status NewFile::Publish() {
  if (fsync(fd_) != 0) return SystemError(temporary_, errno);
  int renamed = renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
  // Not every file system can tell by itself that the name is free.
  if (renamed != 0 && errno == EINVAL) {
    if (access(path_.c_str(), F_OK) == 0) return SystemError(path_, EEXIST);
    renamed = rename(temporary_.c_str(), path_.c_str());
  }
  if (renamed != 0) return SystemError(path_, errno);
  close(std::exchange(fd_, -1));
  return SyncFolderOf(path_);
}

absl::Status WriteToStandardOutput(absl::string_view bytes) {
  return WriteAll(STDOUT_FILENO, "standard output", bytes);
}

}  // namespace swoosh
