#include "storage/snapshot_file.h"

#include <zstd.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/canonical.h"
#include "core/check.h"

namespace swoosh {
namespace {

// The fastest level that still compresses well: a snapshot shares its core with the server.
constexpr int kCompressionLevel = 1;

// A file that is only synced at its end makes whoever syncs another one meanwhile, the log, wait
// for all of it.
constexpr uint64_t kSyncIntervalBytes = 8'388'608;

// Puts entries into frames, and frames into the file.
class FrameWriter {
 public:
  FrameWriter(uint64_t bytes_per_second_max, WritableFile* file)
      : bytes_per_second_max_(bytes_per_second_max), file_(file) {}

  absl::Status WriteHeader(const SnapshotHeader& header) {
    return Write(EncodeSnapshotHeader(header));
  }

  absl::Status Add(const StateEntry& entry) {
    AppendBytes(entry.key, &content_);
    AppendBytes(entry.value, &content_);
    AppendBytes(entry.extra, &content_);
    ++frame_entries_;
    return content_.size() < kSnapshotFrameBytes ? absl::OkStatus() : WriteFrame();
  }

  // The size of the file.
  absl::StatusOr<uint64_t> Finish() {
    absl::Status status = frame_entries_ > 0 ? WriteFrame() : absl::OkStatus();
    if (status.ok()) status = Write(EncodeSnapshotFooter(footer_));
    if (status.ok()) status = file_->Sync();
    if (!status.ok()) return status;
    return written_bytes_;
  }

 private:
  absl::Status WriteFrame() {
    SWOOSH_CHECK(content_.size() <= kSnapshotFrameBytesMax);
    compressed_.resize(ZSTD_compressBound(content_.size()));
    const size_t size = ZSTD_compress(compressed_.data(), compressed_.size(), content_.data(),
                                      content_.size(), kCompressionLevel);
    SWOOSH_CHECK(!ZSTD_isError(size));
    compressed_.resize(size);

    SnapshotFrameHeader header;
    header.entries = frame_entries_;
    header.bytes = static_cast<uint32_t>(content_.size());
    header.compressed_bytes = static_cast<uint32_t>(size);
    header.checksum = SnapshotFrameChecksum(header, compressed_);
    absl::Status status = Write(EncodeSnapshotFrameHeader(header));
    if (status.ok()) status = Write(compressed_);
    if (status.ok()) status = SyncNowAndThen();
    KeepPace();
    ++footer_.frames;
    footer_.entries += frame_entries_;
    frame_entries_ = 0;
    content_.clear();
    return status;
  }

  absl::Status Write(absl::string_view bytes) {
    written_bytes_ += bytes.size();
    return file_->Append(bytes);
  }

  absl::Status SyncNowAndThen() {
    if (written_bytes_ - synced_bytes_ < kSyncIntervalBytes) return absl::OkStatus();
    synced_bytes_ = written_bytes_;
    return file_->Sync();
  }

  // Sleeps until what was written so far may have been.
  void KeepPace() const {
    if (bytes_per_second_max_ == 0) return;
    const double due_seconds =
        static_cast<double>(written_bytes_) / static_cast<double>(bytes_per_second_max_);
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    absl::SleepFor(absl::Seconds(due_seconds) - absl::FromChrono(elapsed));
  }

  const uint64_t bytes_per_second_max_;
  WritableFile* const file_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::string content_;
  std::string compressed_;
  uint32_t frame_entries_ = 0;
  SnapshotFooter footer_;
  uint64_t written_bytes_ = 0;
  uint64_t synced_bytes_ = 0;
};

}  // namespace

absl::StatusOr<uint64_t> WriteSnapshotFile(const State& state, const std::string& history_id,
                                           uint64_t bytes_per_second_max, WritableFile* file) {
  SnapshotHeader header;
  header.history_id = history_id;
  header.position = state.position();
  header.state_hash = state.hash();
  header.entries = state.root().entry_count();
  header.counts = state.counts();

  FrameWriter writer(bytes_per_second_max, file);
  absl::Status status = writer.WriteHeader(header);
  if (!status.ok()) return status;
  StateCursor unused;
  state.root().Walk(
      StateCursor(),
      [&](const StateEntry& entry) {
        status = writer.Add(entry);
        return status.ok();
      },
      &unused);
  if (!status.ok()) return status;
  return writer.Finish();
}

absl::StatusOr<SnapshotFileReader> SnapshotFileReader::Open(FileSystem* file_system,
                                                            const std::string& path) {
  absl::StatusOr<std::unique_ptr<ReadableFile>> file = file_system->OpenToRead(path);
  if (!file.ok()) return file.status();
  SnapshotFileReader reader(*std::move(file), path);
  const absl::StatusOr<absl::string_view> bytes = reader.Take(kSnapshotHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<SnapshotHeader> header = DecodeSnapshotHeader(*bytes);
  if (!header.ok()) return reader.Damaged(header.status().message());
  reader.header_ = *std::move(header);
  return reader;
}

absl::Status SnapshotFileReader::Damaged(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(path_, ": ", what));
}

absl::StatusOr<absl::string_view> SnapshotFileReader::Take(size_t size) {
  if (taken_.size() < size) taken_.resize(size);
  const absl::StatusOr<size_t> read = file_->ReadAt(offset_, absl::MakeSpan(taken_.data(), size));
  if (!read.ok()) return read.status();
  if (*read < size) return Damaged(absl::StrCat("it ends after ", offset_ + *read, " bytes"));
  offset_ += size;
  return absl::string_view(taken_.data(), size);
}

absl::StatusOr<bool> SnapshotFileReader::AtFooter() {
  // A frame's header is the shorter one: there are as many bytes in any case.
  const absl::StatusOr<absl::string_view> start = Take(kSnapshotFrameHeaderBytes);
  if (!start.ok()) return start.status();
  offset_ -= start->size();
  constexpr size_t kMagicBytes = sizeof(kSnapshotFooterMagic) - 1;
  return start->substr(0, kMagicBytes) == kSnapshotFooterMagic;
}

absl::Status SnapshotFileReader::ReadEntries(
    absl::FunctionRef<absl::Status(const StateEntry&)> visit) {
  while (true) {
    const absl::StatusOr<bool> at_footer = AtFooter();
    if (!at_footer.ok()) return at_footer.status();
    if (*at_footer) return ReadFooter();
    if (absl::Status status = ReadFrame(visit); !status.ok()) return status;
  }
}

absl::Status SnapshotFileReader::ReadFrame(
    absl::FunctionRef<absl::Status(const StateEntry&)> visit) {
  const std::string frame = absl::StrCat("frame ", read_.frames, " at byte ", offset_, ": ");
  const auto damaged = [&](absl::string_view what) { return Damaged(absl::StrCat(frame, what)); };
  absl::StatusOr<absl::string_view> bytes = Take(kSnapshotFrameHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<SnapshotFrameHeader> header = DecodeSnapshotFrameHeader(*bytes);
  if (!header.ok()) return damaged(header.status().message());
  bytes = Take(header->compressed_bytes);
  if (!bytes.ok()) return bytes.status();
  if (SnapshotFrameChecksum(*header, *bytes) != header->checksum) {
    return damaged("checksum mismatch");
  }

  content_.resize(header->bytes);
  const size_t size =
      ZSTD_decompress(content_.data(), content_.size(), bytes->data(), bytes->size());
  if (ZSTD_isError(size) || size != content_.size()) {
    return damaged("it can't be decompressed to its size");
  }
  CanonicalReader reader(content_);
  for (uint32_t i = 0; i < header->entries; ++i) {
    StateEntry entry;
    entry.key = reader.ReadBytes();
    entry.value = reader.ReadBytes();
    entry.extra = reader.ReadBytes();
    if (!reader.ok()) break;
    if (absl::Status status = visit(entry); !status.ok()) return status;
  }
  if (!reader.Finish().ok()) return damaged("it does not hold its number of entries");
  ++read_.frames;
  read_.entries += header->entries;
  return absl::OkStatus();
}

absl::Status SnapshotFileReader::ReadFooter() {
  const absl::StatusOr<absl::string_view> bytes = Take(kSnapshotFooterBytes);
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<SnapshotFooter> footer = DecodeSnapshotFooter(*bytes);
  if (!footer.ok()) return Damaged(footer.status().message());
  if (footer->frames != read_.frames || footer->entries != read_.entries ||
      header_.entries != read_.entries) {
    return Damaged(absl::StrCat("it has ", read_.frames, " frames and ", read_.entries,
                                " entries, not those that its header and footer tell"));
  }
  char more;
  const absl::StatusOr<size_t> rest = file_->ReadAt(offset_, absl::MakeSpan(&more, 1));
  if (!rest.ok()) return rest.status();
  if (*rest > 0) return Damaged("it goes on after its footer");
  return absl::OkStatus();
}

}  // namespace swoosh
