#ifndef SWOOSH_TESTS_DURABILITY_CRASH_IMAGES_H_
#define SWOOSH_TESTS_DURABILITY_CRASH_IMAGES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "storage/crash_file_system.h"

namespace swoosh {

// A disk as a power cut would leave it.
struct CrashImage {
  std::unique_ptr<CrashFileSystem> disk;
  uint64_t acknowledged = 0;  // before that moment
  // The call before which the power is cut, and what survives, for people.
  std::string origin;
};

// Takes images before each changing call of a file system. Where few parts are unsynced, all
// combinations of them; else everything, nothing, data or names alone, and `random_images` that are
// torn at random. Thread-safe.
class CrashImageTaker {
 public:
  CrashImageTaker(uint64_t seed, size_t random_images)
      : seed_(seed), random_images_(random_images) {}

  // Becomes the hook of `disk`. `acknowledged` is called on any thread. Both must outlive its use.
  void Watch(CrashFileSystem* disk, std::function<uint64_t()> acknowledged);
  // Calls go on without images, and with them again.
  void Pause(bool paused) { paused_ = paused; }

  // Those taken since the last time.
  std::vector<CrashImage> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t calls() const { return calls_; }  // at which images were taken

 private:
  void TakeAt(const CrashFileSystem& disk, const CrashFileSystem::CallInfo& call,
              uint64_t acknowledged);

  const uint64_t seed_;
  const size_t random_images_;
  std::atomic<bool> paused_{false};
  std::atomic<uint64_t> calls_{0};
  absl::Mutex mutex_;
  std::vector<CrashImage> images_ ABSL_GUARDED_BY(mutex_);
};

// "sync /data/wal/000003.log".
std::string DescribeCall(const CrashFileSystem::CallInfo& call);

}  // namespace swoosh

#endif  // SWOOSH_TESTS_DURABILITY_CRASH_IMAGES_H_
