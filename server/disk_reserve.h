#ifndef SWOOSH_SERVER_DISK_RESERVE_H_
#define SWOOSH_SERVER_DISK_RESERVE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace swoosh {

// A file that only takes space, to be given back when the disk runs full: so that what is under way
// then, a compaction, a snapshot, the shutdown, can finish. One thread at a time.
class DiskReserve {
 public:
  DiskReserve(std::string path, uint64_t bytes);

  // Takes the space, as blocks of the disk, a part at a time, as long as `free_bytes` says that
  // `free_bytes_min` are left: so that it does not take what others are just writing into.
  // kResourceExhausted, and nothing is taken, where there is not enough; kUnavailable: an I/O
  // error, or a file system that can't set space aside.
  absl::Status Make(const std::function<uint64_t()>& free_bytes, uint64_t free_bytes_min);
  // Gives it back. The empty file stays, and so does what was linked to it.
  void Release();

  // Whether the disk has it: after Make, also one of the process before.
  bool held() const;
  uint64_t bytes() const { return bytes_; }

 private:
  const std::string path_;
  const uint64_t bytes_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_DISK_RESERVE_H_
