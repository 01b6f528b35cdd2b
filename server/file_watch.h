#ifndef SWOOSH_SERVER_FILE_WATCH_H_
#define SWOOSH_SERVER_FILE_WATCH_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace swoosh {

inline constexpr absl::Duration kFileWatchInterval = absl::Seconds(1);

// Loads files again when they change. They are looked at, not listened to: this sees a rename over
// them, and links that are moved, as Kubernetes does with secrets.
class FileWatch {
 public:
  // Calls `load` now, and, on a thread of its own, each time that any of `paths` has come to be
  // another file or content, once they have stayed the same over one `interval`: so files that
  // belong together and are replaced one after the other are not read in between. What it refers to
  // must outlive this.
  FileWatch(std::vector<std::string> paths, absl::Duration interval, std::function<void()> load);
  // Waits for a `load` that runs.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  // Device, inode, size, and the times of content and status; zeros for a file that is not there.
  using Stamp = std::array<int64_t, 7>;
  std::vector<Stamp> Look() const;
  void Run(absl::Duration interval, std::vector<Stamp> loaded);

  const std::vector<std::string> paths_;
  const std::function<void()> load_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_FILE_WATCH_H_
