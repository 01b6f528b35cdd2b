#ifndef SWOOSH_STORAGE_FILE_SYSTEM_H_
#define SWOOSH_STORAGE_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// The seam between storage and the disk: everything that storage writes goes through it, LevelDB's
// files included, so that a test can put another file system behind it that fails, tears and
// forgets. Errors: kNotFound, kAlreadyExists, kResourceExhausted (no space left), kUnavailable (any
// other I/O error) unless a function says more; messages name the path and errno's text. All
// classes but WritableFile are thread-safe.
namespace swoosh {

// Destroying it releases the lock.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Unbuffered. After an error nothing is known about what the file holds from the write on.
class WritableFile {
 public:
  // Closes it, if Close was not called; an error is lost then.
  virtual ~WritableFile() = default;
  virtual absl::Status Append(absl::string_view bytes) = 0;
  // Overwrites bytes that exist already (a preallocated file).
  virtual absl::Status WriteAt(uint64_t offset, absl::string_view bytes) = 0;
  virtual absl::Status Sync() = 0;  // fdatasync: the bytes, and the size where it changed
  // Lets the system begin to write what was appended, where it can, without waiting for the disk:
  // a later Sync then has less to do. It promises nothing.
  virtual void StartWriteback() {}
  virtual absl::Status Close() = 0;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Fills `buffer` from `offset` on. Returns the bytes read: fewer than asked for only at the end
  // of the file.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // A new, empty file, for Append. What was there under that name is truncated.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  // A file that exists, for WriteAt.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> OpenToOverwrite(
      const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> OpenToRead(const std::string& path) = 0;
  virtual absl::StatusOr<uint64_t> Size(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // Names without the directory, in no order.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  // As mkdir -p; each new name is synced in its parent.
  virtual absl::Status CreateDirectories(const std::string& directory) = 0;
  // A file; replaces `to`. Durable after SyncDirectory, as are Create and Remove.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A second name for the same file: `from` may then be removed or replaced, and `to` still has
  // what it held; what is written in place, both have. Fails if `to` exists, with kAlreadyExists.
  // kUnimplemented where the file system has no such links, or between two of them. Durable after
  // SyncDirectory.
  virtual absl::Status Link(const std::string& from, const std::string& to) = 0;
  // A file, or an empty directory.
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;
  // Makes the file if there is none. kFailedPrecondition when another holder has it, in this
  // process or in any other.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The real one. Never destroyed.
FileSystem* PosixFileSystem();

// "a/b" of "a/b/c"; "." of "c"; "/" of "/c".
std::string DirectoryOf(absl::string_view path);

// The whole of a file of at most `size_max` bytes; kDataLoss when it is larger.
absl::StatusOr<std::string> ReadWholeFile(FileSystem* file_system, const std::string& path,
                                          size_t size_max);

// Makes `path` hold exactly `bytes`, or what it held before, whatever happens: writes PATH.tmp,
// syncs it, renames it and syncs the directory.
absl::Status ReplaceFile(FileSystem* file_system, const std::string& path, absl::string_view bytes);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_FILE_SYSTEM_H_
