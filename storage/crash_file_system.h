#ifndef SWOOSH_STORAGE_CRASH_FILE_SYSTEM_H_
#define SWOOSH_STORAGE_CRASH_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "storage/file_system.h"
#include "storage/shared_bytes.h"

namespace swoosh {

// A file system in memory, for tests, that knows what a power cut would leave. It promises no more
// than POSIX does:
//   - a file's bytes and size are on disk as they were at its last Sync; of what was written since,
//     any sectors may be there, and the old or the new size, or one between: what is missing below
//     it is zero;
//   - a name that was made, replaced or removed is on disk after SyncDirectory of its folder, and
//   no
//     sooner, whether its file was synced or not; of the changes since, any may be there.
// Crash gives one such disk as a new file system, at any moment and beside any call; what it takes
// is shared with this one until either writes, so that it is cheap.
//
// Paths are of one tree, from its root, whether they begin with a slash or not. Thread-safe. Must
// outlive the files opened on it.
class CrashFileSystem : public FileSystem {
 public:
  // What changes the disk, or makes a change last.
  enum class Call {
    kCreate,  // or truncates
    kAppend,
    kWriteAt,
    kSync,
    kCreateDirectory,
    kRename,
    kLink,
    kRemove,
    kSyncDirectory,
  };
  struct CallInfo {
    uint64_t number = 0;  // from 0 on
    Call call = Call::kCreate;
    std::string path;
  };
  // Called before each such call, on the caller's thread, also from several at once. May use the
  // file system. Nothing of the call was done.
  using Hook = std::function<void(const CallInfo& call)>;

  // What survives of that which is not synced.
  enum class Keep {
    kNothing,
    kEverything,
    kPrefix,  // as if written in order and cut short: names over all folders, bytes in each file
    kSubset,
  };
  struct Survival {
    Keep data = Keep::kNothing;
    Keep names = Keep::kNothing;
    uint64_t seed = 0;  // of kPrefix and kSubset
  };

  CrashFileSystem();

  // To be set before other threads use the file system; may be empty.
  void SetHook(Hook hook);
  uint64_t calls() const;

  // The disk after a power cut now. Nothing on it is unsynced, nobody holds a lock.
  std::unique_ptr<CrashFileSystem> Crash(const Survival& survival) const;
  // The parts of which each may survive or not: changes of names, sectors, sizes. Without any, all
  // disks are the same.
  size_t unsynced_parts() const;
  // The disk with those parts of which `parts` has the bit, of the first 64: the others are lost.
  std::unique_ptr<CrashFileSystem> CrashKeeping(uint64_t parts) const;

  // What a sync that failed does on Linux: pages are marked clean, so that a later sync that
  // succeeds does not write them. Until it is written to again, what the file held in them is read,
  // and lost with a power cut. The same for changes of a folder's names.
  void LoseUnsyncedData(const std::string& path);
  void LoseUnsyncedNames(const std::string& directory);

  // Gives the file that content, on disk, as damage does: no call. The folder must exist.
  void Plant(const std::string& path, absl::string_view bytes);

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenToOverwrite(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenToRead(const std::string& path) override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status CreateDirectories(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  class OpenFile;
  class OpenToReadFile;
  class HeldLock;

  // A file or a folder. Guarded by the mutex of its file system.
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  struct Node {
    Node(uint64_t node_id, bool directory) : id(node_id), is_directory(directory) {}

    const uint64_t id;
    const bool is_directory;
    SharedBytes bytes;
    SharedBytes synced;
    std::set<uint64_t> lost_pages;  // of a sync that failed
    std::map<std::string, NodePtr> entries;
    std::map<std::string, NodePtr> synced_entries;
  };
  // A change of names that is not synced: takes `removed` away and adds `added`, if not empty.
  struct NameChange {
    NodePtr directory;
    std::string removed;
    std::string added;
    NodePtr node;
    bool lost = false;
  };
  // What survives, chosen.
  struct Disk {
    std::vector<bool> changes;                // of pending_
    std::map<const Node*, SharedBytes> data;  // of files that have unsynced data
  };
  // A folder and a name in it.
  struct Place {
    NodePtr directory;
    std::string name;
  };

  NodePtr NewNode(bool is_directory) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  NodePtr Find(absl::string_view path) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Place> FindPlace(const std::string& path) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<NodePtr> FindFile(const std::string& path) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void Change(NameChange change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Apply(const NameChange& change, std::map<std::string, NodePtr>* entries);

  // Counts a call and calls the hook.
  void Before(Call call, const std::string& path) ABSL_LOCKS_EXCLUDED(mutex_);
  void Write(const NodePtr& node, uint64_t offset, absl::string_view bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void SyncFile(const NodePtr& node) ABSL_LOCKS_EXCLUDED(mutex_);
  void Unlock(const NodePtr& node) ABSL_LOCKS_EXCLUDED(mutex_);

  // Files with unsynced data that a disk may show.
  std::vector<NodePtr> UnsyncedFiles() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  std::unique_ptr<CrashFileSystem> Make(const Disk& disk) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  NodePtr CopyOf(const Disk& disk, const NodePtr& node,
                 std::map<const Node*, NodePtr>* copies) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  Hook hook_;
  mutable absl::Mutex mutex_;
  uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  NodePtr root_ ABSL_GUARDED_BY(mutex_);
  std::vector<NameChange> pending_ ABSL_GUARDED_BY(mutex_);  // in order
  std::map<uint64_t, NodePtr> unsynced_ ABSL_GUARDED_BY(mutex_);
  std::set<const Node*> locked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_CRASH_FILE_SYSTEM_H_
