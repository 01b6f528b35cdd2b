#include "storage/snapshot_format.h"

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "storage/big_endian.h"
#include "storage/crc32c.h"
#include "storage/history_id.h"

namespace swoosh {
namespace {

// Takes fields of a fixed size off the front of bytes that are long enough.
class FieldReader {
 public:
  explicit FieldReader(absl::string_view bytes) : rest_(bytes) {}

  absl::string_view ReadBytes(size_t size) {
    const absl::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  uint32_t ReadUint32() { return ReadBigEndian<uint32_t>(ReadBytes(4)); }
  uint64_t ReadUint64() { return ReadBigEndian<uint64_t>(ReadBytes(8)); }
  Digest ReadDigest() {
    Digest digest;
    ReadBytes(digest.size()).copy(reinterpret_cast<char*>(digest.data()), digest.size());
    return digest;
  }

 private:
  absl::string_view rest_;
};

// Whether the last four bytes are the checksum of all before.
bool ChecksumHolds(absl::string_view bytes) {
  const absl::string_view content = bytes.substr(0, bytes.size() - 4);
  return ReadBigEndian<uint32_t>(bytes.substr(content.size())) == Crc32c(content);
}

}  // namespace

std::string EncodeSnapshotHeader(const SnapshotHeader& header) {
  SWOOSH_CHECK(header.history_id.size() == kHistoryIdBytes);
  std::string bytes = kSnapshotMagic;
  AppendBigEndian(kSnapshotVersion, &bytes);
  AppendBigEndian(kChecksumKindCrc32c, &bytes);
  AppendBigEndian(kSnapshotCompressionZstd, &bytes);
  bytes += header.history_id;
  AppendBigEndian(header.position.index, &bytes);
  AppendBigEndian(static_cast<uint64_t>(header.position.hlc.time_us), &bytes);
  AppendBigEndian(header.position.hlc.counter, &bytes);
  absl::StrAppend(&bytes, AsBytes(header.position.record_hash), AsBytes(header.state_hash));
  AppendBigEndian(header.entries, &bytes);
  AppendBigEndian(header.counts.instances, &bytes);
  AppendBigEndian(header.counts.machines, &bytes);
  AppendBigEndian(header.counts.timers, &bytes);
  AppendBigEndian(Crc32c(bytes), &bytes);
  SWOOSH_CHECK(bytes.size() == kSnapshotHeaderBytes);
  return bytes;
}

absl::StatusOr<SnapshotHeader> DecodeSnapshotHeader(absl::string_view bytes) {
  SWOOSH_CHECK(bytes.size() == kSnapshotHeaderBytes);
  FieldReader reader(bytes);
  if (reader.ReadBytes(sizeof(kSnapshotMagic) - 1) != kSnapshotMagic) {
    return absl::DataLossError("it is no snapshot");
  }
  const uint32_t version = reader.ReadUint32();
  const uint32_t checksum_kind = reader.ReadUint32();
  const uint32_t compression = reader.ReadUint32();
  if (version != kSnapshotVersion || checksum_kind != kChecksumKindCrc32c ||
      compression != kSnapshotCompressionZstd) {
    return absl::DataLossError(absl::StrCat("unknown format version ", version, ", checksum kind ",
                                            checksum_kind, " or compression ", compression));
  }
  if (!ChecksumHolds(bytes)) return absl::DataLossError("checksum mismatch in the header");
  SnapshotHeader header;
  header.history_id = std::string(reader.ReadBytes(kHistoryIdBytes));
  header.position.index = reader.ReadUint64();
  header.position.hlc.time_us = static_cast<int64_t>(reader.ReadUint64());
  header.position.hlc.counter = reader.ReadUint32();
  header.position.record_hash = reader.ReadDigest();
  header.state_hash = reader.ReadDigest();
  header.entries = reader.ReadUint64();
  header.counts.instances = reader.ReadUint64();
  header.counts.machines = reader.ReadUint64();
  header.counts.timers = reader.ReadUint64();
  return header;
}

uint32_t SnapshotFrameChecksum(const SnapshotFrameHeader& header, absl::string_view compressed) {
  std::string numbers;
  AppendBigEndian(header.entries, &numbers);
  AppendBigEndian(header.bytes, &numbers);
  AppendBigEndian(header.compressed_bytes, &numbers);
  return Crc32c({numbers, compressed});
}

std::string EncodeSnapshotFrameHeader(const SnapshotFrameHeader& header) {
  std::string bytes = kSnapshotFrameMagic;
  AppendBigEndian(header.entries, &bytes);
  AppendBigEndian(header.bytes, &bytes);
  AppendBigEndian(header.compressed_bytes, &bytes);
  AppendBigEndian(header.checksum, &bytes);
  SWOOSH_CHECK(bytes.size() == kSnapshotFrameHeaderBytes);
  return bytes;
}

absl::StatusOr<SnapshotFrameHeader> DecodeSnapshotFrameHeader(absl::string_view bytes) {
  SWOOSH_CHECK(bytes.size() == kSnapshotFrameHeaderBytes);
  FieldReader reader(bytes);
  if (reader.ReadBytes(sizeof(kSnapshotFrameMagic) - 1) != kSnapshotFrameMagic) {
    return absl::DataLossError("no frame where one must be");
  }
  SnapshotFrameHeader header;
  header.entries = reader.ReadUint32();
  header.bytes = reader.ReadUint32();
  header.compressed_bytes = reader.ReadUint32();
  header.checksum = reader.ReadUint32();
  if (header.bytes > kSnapshotFrameBytesMax || header.compressed_bytes > kSnapshotFrameBytesMax) {
    return absl::DataLossError(
        absl::StrCat("a frame of ", header.compressed_bytes, " bytes for ", header.bytes));
  }
  return header;
}

std::string EncodeSnapshotFooter(const SnapshotFooter& footer) {
  std::string bytes = kSnapshotFooterMagic;
  AppendBigEndian(footer.frames, &bytes);
  AppendBigEndian(footer.entries, &bytes);
  AppendBigEndian(Crc32c(bytes), &bytes);
  SWOOSH_CHECK(bytes.size() == kSnapshotFooterBytes);
  return bytes;
}

absl::StatusOr<SnapshotFooter> DecodeSnapshotFooter(absl::string_view bytes) {
  SWOOSH_CHECK(bytes.size() == kSnapshotFooterBytes);
  FieldReader reader(bytes);
  if (reader.ReadBytes(sizeof(kSnapshotFooterMagic) - 1) != kSnapshotFooterMagic) {
    return absl::DataLossError("no footer where it must be");
  }
  if (!ChecksumHolds(bytes)) return absl::DataLossError("checksum mismatch in the footer");
  SnapshotFooter footer;
  footer.frames = reader.ReadUint64();
  footer.entries = reader.ReadUint64();
  return footer;
}

}  // namespace swoosh
