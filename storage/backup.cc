#include "storage/backup.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "core/check.h"
#include "core/record.h"

namespace swoosh {
namespace {

// A snapshot may be superseded between being listed and being opened.
constexpr int kOpenAttemptsMax = 10;

}  // namespace

absl::StatusOr<std::unique_ptr<BackupSource>> BackupSource::Open(const Store& store,
                                                                 uint64_t first_index,
                                                                 v1::BackupHeader header) {
  std::unique_ptr<BackupSource> source(new BackupSource(store.log));
  source->header_ = std::move(header);
  if (first_index > 1) {
    if (absl::Status status = source->OpenSnapshot(store, first_index); !status.ok()) {
      return status;
    }
  }
  // Not before the snapshot was found: it must not be the newer one.
  const State state = store.committed();
  const LogPosition& position = state.position();
  v1::BackupHeader& own = source->header_;
  own.set_history_id(store.history_id);
  own.set_origin_id(store.origin_id);
  own.set_index(position.index);
  if (position.index > 0) *own.mutable_hlc() = ToProto(position.hlc);
  own.set_record_hash(std::string(AsBytes(position.record_hash)));
  own.set_state_hash(std::string(AsBytes(state.hash())));
  own.set_first_index(first_index);
  source->next_index_ = first_index;
  source->encoded_ = source->encoder_.Encode(BackupFrame::kHeader, own.SerializeAsString());
  return source;
}

absl::Status BackupSource::OpenSnapshot(const Store& store, uint64_t first_index) {
  for (int attempt = 0; attempt < kOpenAttemptsMax; ++attempt) {
    const uint64_t index = store.snapshots->oldest_verified_index();
    const absl::StatusOr<std::vector<SnapshotStore::Info>> infos = store.snapshots->List();
    if (!infos.ok()) return infos.status();
    for (const SnapshotStore::Info& info : *infos) {
      if (info.index != index || info.index + 1 < first_index) continue;
      absl::StatusOr<std::unique_ptr<ReadableFile>> file = store.file_system->OpenToRead(info.path);
      if (absl::IsNotFound(file.status())) break;
      if (!file.ok()) return file.status();
      // An open file can be read to its end, also when it is removed meanwhile.
      snapshot_ = *std::move(file);
      header_.set_snapshot_index(info.index);
      return absl::OkStatus();
    }
  }
  return absl::DataLossError(absl::StrCat("the log begins at record ", first_index,
                                          ", and there is no snapshot of what was before"));
}

absl::StatusOr<std::string> BackupSource::Next() {
  while (given_ == encoded_.size()) {
    if (ended_) return std::string();
    encoded_.clear();
    given_ = 0;
    if (absl::Status status = EncodeNext(); !status.ok()) return status;
  }
  std::string piece = encoded_.substr(given_, kBackupPieceBytes);
  given_ += piece.size();
  return piece;
}

absl::Status BackupSource::EncodeNext() {
  if (snapshot_ != nullptr) return EncodeSnapshot();
  if (next_index_ <= header_.index()) return EncodeRecords();
  EncodeFooter();
  return absl::OkStatus();
}

absl::Status BackupSource::EncodeSnapshot() {
  std::string bytes(kBackupFrameBytes, '\0');
  const absl::StatusOr<size_t> size =
      snapshot_->ReadAt(footer_.snapshot_bytes(), absl::MakeSpan(bytes.data(), bytes.size()));
  if (!size.ok()) return size.status();
  if (*size < bytes.size()) snapshot_.reset();
  footer_.set_snapshot_bytes(footer_.snapshot_bytes() + *size);
  bytes.resize(*size);
  if (!bytes.empty()) encoded_ = encoder_.Encode(BackupFrame::kSnapshot, bytes);
  return absl::OkStatus();
}

absl::Status BackupSource::EncodeRecords() {
  std::string payload;
  uint64_t records = 0;
  absl::Status status =
      log_->Read(next_index_, kBackupFrameBytes, [&](uint64_t index, absl::string_view stored) {
        if (index > header_.index()) return false;
        AppendBackupRecord(stored, &payload);
        ++records;
        return payload.size() < kBackupFrameBytes;
      });
  if (!status.ok()) return status;
  SWOOSH_CHECK(records > 0);
  next_index_ += records;
  footer_.set_records(footer_.records() + records);
  encoded_ = encoder_.Encode(BackupFrame::kRecords, payload);
  return absl::OkStatus();
}

void BackupSource::EncodeFooter() {
  ended_ = true;
  encoded_ = encoder_.Encode(BackupFrame::kFooter, footer_.SerializeAsString());
}

}  // namespace swoosh
