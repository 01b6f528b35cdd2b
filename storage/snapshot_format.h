#ifndef SWOOSH_STORAGE_SNAPSHOT_FORMAT_H_
#define SWOOSH_STORAGE_SNAPSHOT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/sha256.h"
#include "core/state.h"

// The bytes of a snapshot file: storage/snapshot_format.md describes them. Here are its fixed
// parts; storage/snapshot_file.h writes and reads whole files.
namespace swoosh {

inline constexpr char kSnapshotMagic[] = "SWOOSHSN";
inline constexpr char kSnapshotFrameMagic[] = "SWFR";
inline constexpr char kSnapshotFooterMagic[] = "SWOOSHND";
inline constexpr uint32_t kSnapshotVersion = 1;
inline constexpr uint32_t kSnapshotCompressionZstd = 1;

inline constexpr size_t kSnapshotHeaderBytes = 172;
inline constexpr size_t kSnapshotFrameHeaderBytes = 20;
inline constexpr size_t kSnapshotFooterBytes = 28;

// A frame is closed by the entry with which its content reaches this size.
inline constexpr size_t kSnapshotFrameBytes = 1'048'576;
// What a reader accepts, compressed or not. No entry comes near: see core/limits.h.
inline constexpr size_t kSnapshotFrameBytesMax = 67'108'864;

struct SnapshotHeader {
  std::string history_id;  // kHistoryIdBytes
  LogPosition position;
  Digest state_hash = {};
  uint64_t entries = 0;
  StateCounts counts;
};

struct SnapshotFrameHeader {
  uint32_t entries = 0;
  uint32_t bytes = 0;             // of its content
  uint32_t compressed_bytes = 0;  // that follow
  uint32_t checksum = 0;          // SnapshotFrameChecksum()
};

struct SnapshotFooter {
  uint64_t frames = 0;
  uint64_t entries = 0;
};

std::string EncodeSnapshotHeader(const SnapshotHeader& header);
std::string EncodeSnapshotFrameHeader(const SnapshotFrameHeader& header);
std::string EncodeSnapshotFooter(const SnapshotFooter& footer);

// Of bytes of exactly the size. kDataLoss says what is wrong; a frame's checksum is left to the
// caller, who has what it covers.
absl::StatusOr<SnapshotHeader> DecodeSnapshotHeader(absl::string_view bytes);
absl::StatusOr<SnapshotFrameHeader> DecodeSnapshotFrameHeader(absl::string_view bytes);
absl::StatusOr<SnapshotFooter> DecodeSnapshotFooter(absl::string_view bytes);

// CRC-32C of the three numbers of the frame's header and of what follows it.
uint32_t SnapshotFrameChecksum(const SnapshotFrameHeader& header, absl::string_view compressed);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_SNAPSHOT_FORMAT_H_
