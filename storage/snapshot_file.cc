#include "storage/snapshot_file.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "core/canonical.h"
#include "core/check.h"

namespace swoosh {
namespace {

// The fastest level that still compresses well: a snapshot shares its core with the server.
constexpr int kCompressionLevel = 1;

// What is compressed without a rest: some 150 us.
constexpr size_t kCompressedAtOnceBytes = 131'072;

// Puts entries into frames, and frames into the file.
class FrameWriter {
 public:
  FrameWriter(SnapshotSteps* steps, WritableFile* file)
      : steps_(steps), file_(file), compressor_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    SWOOSH_CHECK(compressor_ != nullptr);
    SWOOSH_CHECK(!ZSTD_isError(
        ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, kCompressionLevel)));
  }

  absl::Status WriteHeader(const SnapshotHeader& header) {
    return Write(EncodeSnapshotHeader(header));
  }

  absl::Status Add(const StateEntry& entry) {
    AppendBytes(entry.key, &content_);
    AppendBytes(entry.value, &content_);
    AppendBytes(entry.extra, &content_);
    ++frame_entries_;
    steps_->DidEntry();
    return content_.size() < kSnapshotFrameBytes ? absl::OkStatus() : WriteFrame();
  }

  // The size of the file.
  absl::StatusOr<uint64_t> Finish() {
    absl::Status status = frame_entries_ > 0 ? WriteFrame() : absl::OkStatus();
    if (status.ok()) status = Write(EncodeSnapshotFooter(footer_));
    if (status.ok()) status = file_->Sync();
    if (!status.ok()) return status;
    return steps_->written_bytes();
  }

 private:
  absl::Status WriteFrame() {
    SWOOSH_CHECK(content_.size() <= kSnapshotFrameBytesMax);
    Compress();
    SnapshotFrameHeader header;
    header.entries = frame_entries_;
    header.bytes = static_cast<uint32_t>(content_.size());
    header.compressed_bytes = static_cast<uint32_t>(compressed_.size());
    header.checksum = SnapshotFrameChecksum(header, compressed_);
    absl::Status status = Write(EncodeSnapshotFrameHeader(header));
    if (status.ok()) status = Write(compressed_);
    // A file that is only written at its end makes whoever syncs another one then, the log, wait
    // for all of it.
    if (status.ok()) file_->StartWriteback();
    steps_->Rest();
    ++footer_.frames;
    footer_.entries += frame_entries_;
    frame_entries_ = 0;
    content_.clear();
    return status;
  }

  // Makes one zstd frame of the content, with rests.
  void Compress() {
    SWOOSH_CHECK(!ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(compressor_.get(), content_.size())));
    compressed_.resize(ZSTD_compressBound(content_.size()));
    ZSTD_outBuffer out = {compressed_.data(), compressed_.size(), 0};
    ZSTD_inBuffer in = {content_.data(), 0, 0};
    bool ended = false;
    while (!ended) {
      in.size = std::min(content_.size(), in.pos + kCompressedAtOnceBytes);
      const bool last = in.size == content_.size();
      const size_t unflushed =
          ZSTD_compressStream2(compressor_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      SWOOSH_CHECK(!ZSTD_isError(unflushed));
      ended = last && unflushed == 0;
      steps_->Rest();
    }
    compressed_.resize(out.pos);
  }

  absl::Status Write(absl::string_view bytes) {
    steps_->DidWrite(bytes.size());
    return file_->Append(bytes);
  }

  SnapshotSteps* const steps_;
  WritableFile* const file_;
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> compressor_;
  std::string content_;
  std::string compressed_;
  uint32_t frame_entries_ = 0;
  SnapshotFooter footer_;
};

}  // namespace

absl::StatusOr<uint64_t> WriteSnapshotFile(const State& state, const std::string& history_id,
                                           SnapshotSteps* steps, WritableFile* file) {
  SnapshotHeader header;
  header.history_id = history_id;
  header.position = state.position();
  header.state_hash = state.hash();
  header.entries = state.root().entry_count();
  header.counts = state.counts();

  FrameWriter writer(steps, file);
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
    SnapshotSteps* steps, absl::FunctionRef<absl::Status(const StateEntry&)> visit) {
  while (true) {
    const absl::StatusOr<bool> at_footer = AtFooter();
    if (!at_footer.ok()) return at_footer.status();
    if (*at_footer) return ReadFooter();
    if (absl::Status status = ReadFrame(steps, visit); !status.ok()) return status;
  }
}

absl::Status SnapshotFileReader::ReadFrame(
    SnapshotSteps* steps, absl::FunctionRef<absl::Status(const StateEntry&)> visit) {
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
  steps->Rest();

  content_.resize(header->bytes);
  const size_t size =
      ZSTD_decompress(content_.data(), content_.size(), bytes->data(), bytes->size());
  if (ZSTD_isError(size) || size != content_.size()) {
    return damaged("it can't be decompressed to its size");
  }
  steps->Rest();
  CanonicalReader reader(content_);
  for (uint32_t i = 0; i < header->entries; ++i) {
    StateEntry entry;
    entry.key = reader.ReadBytes();
    entry.value = reader.ReadBytes();
    entry.extra = reader.ReadBytes();
    if (!reader.ok()) break;
    if (absl::Status status = visit(entry); !status.ok()) return status;
    steps->DidEntry();
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
