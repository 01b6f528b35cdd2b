// Snapshot files: read from memory, as they are and with the checksums made right, since a random
// change that no checksum notices does not happen by itself.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/check.h"
#include "storage/big_endian.h"
#include "storage/crc32c.h"
#include "storage/file_system.h"
#include "storage/snapshot_file.h"
#include "storage/snapshot_format.h"
#include "storage/snapshot_steps.h"
#include "tests/fuzz/fuzz_target.h"

namespace swoosh {
namespace {

constexpr size_t kChecksumBytes = 4;
// A frame that claims more content is left with its wrong checksum: to make room for it takes long.
constexpr size_t kFrameContentBytesMax = 1'048'576;

class MemoryFile : public ReadableFile {
 public:
  explicit MemoryFile(absl::string_view bytes) : bytes_(bytes) {}
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) const override {
    if (offset >= bytes_.size()) return size_t{0};
    return bytes_.copy(buffer.data(), buffer.size(), offset);
  }

 private:
  absl::string_view bytes_;
};

// One file, to be read.
class MemoryFileSystem : public FileSystem {
 public:
  explicit MemoryFileSystem(absl::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<std::unique_ptr<ReadableFile>> OpenToRead(const std::string&) override {
    return std::make_unique<MemoryFile>(bytes_);
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string&) override {
    return ReadOnly();
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> OpenToOverwrite(const std::string&) override {
    return ReadOnly();
  }
  absl::StatusOr<uint64_t> Size(const std::string&) override { return bytes_.size(); }
  bool Exists(const std::string&) override { return true; }
  absl::StatusOr<std::vector<std::string>> List(const std::string&) override { return ReadOnly(); }
  absl::Status CreateDirectories(const std::string&) override { return ReadOnly(); }
  absl::Status Rename(const std::string&, const std::string&) override { return ReadOnly(); }
  absl::Status Link(const std::string&, const std::string&) override { return ReadOnly(); }
  absl::Status Remove(const std::string&) override { return ReadOnly(); }
  absl::Status SyncDirectory(const std::string&) override { return ReadOnly(); }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string&) override { return ReadOnly(); }

 private:
  static absl::Status ReadOnly() { return absl::UnavailableError("read-only"); }
  absl::string_view bytes_;
};

void CheckSnapshot(absl::string_view bytes) {
  MemoryFileSystem file_system(bytes);
  absl::StatusOr<SnapshotFileReader> reader = SnapshotFileReader::Open(&file_system, "snapshot");
  if (!reader.ok()) {
    SWOOSH_CHECK(absl::IsDataLoss(reader.status()));
    return;
  }
  SWOOSH_CHECK(EncodeSnapshotHeader(reader->header()) == bytes.substr(0, kSnapshotHeaderBytes));
  uint64_t entries = 0;
  SnapshotSteps steps;
  const absl::Status status = reader->ReadEntries(&steps, [&](const StateEntry&) {
    ++entries;
    return absl::OkStatus();
  });
  SWOOSH_CHECK(status.ok() ? entries == reader->header().entries : absl::IsDataLoss(status));
}

void PutChecksum(size_t begin, size_t end, std::string* bytes) {
  std::string checksum;
  AppendBigEndian(Crc32c(absl::string_view(*bytes).substr(begin, end - begin)), &checksum);
  bytes->replace(end, checksum.size(), checksum);
}

// The size of the frame that begins there, its checksum made right; 0 when there is none.
size_t RepairFrame(size_t begin, std::string* bytes) {
  const absl::string_view rest = absl::string_view(*bytes).substr(begin);
  if (rest.size() < kSnapshotFrameHeaderBytes) return 0;
  absl::StatusOr<SnapshotFrameHeader> header =
      DecodeSnapshotFrameHeader(rest.substr(0, kSnapshotFrameHeaderBytes));
  if (!header.ok() || header->bytes > kFrameContentBytesMax) return 0;
  const absl::string_view compressed =
      rest.substr(kSnapshotFrameHeaderBytes, header->compressed_bytes);
  header->checksum = SnapshotFrameChecksum(*header, compressed);
  const size_t size = kSnapshotFrameHeaderBytes + compressed.size();
  bytes->replace(begin, kSnapshotFrameHeaderBytes, EncodeSnapshotFrameHeader(*header));
  return size;
}

std::string Repaired(absl::string_view damaged) {
  std::string bytes(damaged);
  if (bytes.size() < kSnapshotHeaderBytes) return bytes;
  PutChecksum(0, kSnapshotHeaderBytes - kChecksumBytes, &bytes);
  size_t at = kSnapshotHeaderBytes;
  while (const size_t frame_bytes = RepairFrame(at, &bytes)) at += frame_bytes;
  if (bytes.size() - at >= kSnapshotFooterBytes) {
    PutChecksum(at, at + kSnapshotFooterBytes - kChecksumBytes, &bytes);
  }
  return bytes;
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes = swoosh::FuzzInput(data, size);
  swoosh::CheckSnapshot(bytes);
  swoosh::CheckSnapshot(swoosh::Repaired(bytes));
  return 0;
}
