#ifndef SWOOSH_STORAGE_SNAPSHOT_FILE_H_
#define SWOOSH_STORAGE_SNAPSHOT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/state.h"
#include "core/state_entry.h"
#include "storage/file_system.h"
#include "storage/snapshot_format.h"
#include "storage/snapshot_steps.h"

namespace swoosh {

// Writes `state` to `file`, which is empty, and syncs it. The system is told to write while it goes
// on, so that the disk is not flooded at the end. Counts the entries in `steps`. Returns the file's
// size.
absl::StatusOr<uint64_t> WriteSnapshotFile(const State& state, const std::string& history_id,
                                           SnapshotSteps* steps, WritableFile* file);

// Reads a snapshot file once, from the front, checking all that snapshot_format.md lists but the
// history id, the counts and the root. Not thread-safe.
class SnapshotFileReader {
 public:
  // kDataLoss when the header is damaged.
  static absl::StatusOr<SnapshotFileReader> Open(FileSystem* file_system, const std::string& path);

  const SnapshotHeader& header() const { return header_; }

  // Visits all entries in order, until `visit` returns an error, which is returned. Counts them in
  // `steps`. To be called once. kDataLoss says what is wrong and where; kUnavailable: an I/O error.
  absl::Status ReadEntries(SnapshotSteps* steps,
                           absl::FunctionRef<absl::Status(const StateEntry&)> visit);

 private:
  SnapshotFileReader(std::unique_ptr<ReadableFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  absl::Status Damaged(absl::string_view what) const;
  // The next `size` bytes, valid until the next call.
  absl::StatusOr<absl::string_view> Take(size_t size);
  absl::StatusOr<bool> AtFooter();
  absl::Status ReadFrame(SnapshotSteps* steps,
                         absl::FunctionRef<absl::Status(const StateEntry&)> visit);
  absl::Status ReadFooter();

  std::unique_ptr<ReadableFile> file_;
  std::string path_;
  SnapshotHeader header_;
  SnapshotFooter read_;  // what was read so far
  uint64_t offset_ = 0;  // of the next byte
  std::string taken_;
  std::string content_;
};

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_SNAPSHOT_FILE_H_
