#include "server/backups.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/errors.h"
#include "google/protobuf/util/time_util.h"
#include "server/log_line.h"
#include "server/monotonic_time.h"
#include "server/version.h"

namespace swoosh {
namespace {

using google::protobuf::util::TimeUtil;

absl::Status Failed(const absl::Status& status) {
  if (absl::IsDataLoss(status)) {
    return MakeError(absl::StatusCode::kDataLoss, v1::DATA_DAMAGED, status.message());
  }
  return MakeError(absl::StatusCode::kUnavailable, v1::BACKUP_FAILED,
                   absl::StrCat("the backup was given up: ", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backups::Session>> Backups::Begin() {
  absl::MutexLock lock(&mutex_);
  if (running_ >= kBackupsMax) {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                     absl::StrCat(kBackupsMax, " backups are being taken"));
  }
  ++running_;
  return absl::WrapUnique(new Session(this));
}

absl::StatusOr<std::string> Backups::Session::Next() {
  if (source_ == nullptr) {
    begin_ = MonotonicNow();
    v1::BackupHeader header;
    *header.mutable_create_time() =
        TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
    header.set_server_version(kVersion);
    pin_ = backups_->executor_->PinLog();
    absl::StatusOr<std::unique_ptr<BackupSource>> source =
        BackupSource::Open(backups_->store_, pin_->first_index(), std::move(header));
    if (!source.ok()) return Failed(source.status());
    source_ = *std::move(source);
    LogLine(LogLevel::kInfo, "backup_begun")
        .With("first_index", source_->header().first_index())
        .With("index", source_->header().index());
  }
  absl::StatusOr<std::string> bytes = source_->Next();
  if (!bytes.ok()) return Failed(bytes.status());
  bytes_ += bytes->size();
  return bytes;
}

void Backups::Session::Delivered() {
  delivered_ = true;
  backups_->metrics_->last_backup_timestamp_seconds.Set(
      absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
  LogLine(LogLevel::kInfo, "backup")
      .With("index", source_->header().index())
      .With("bytes", bytes_)
      .With("seconds", absl::ToDoubleSeconds(MonotonicNow() - begin_));
}

Backups::Session::~Session() {
  if (!delivered_) {
    backups_->metrics_->backup_failures.Increment();
    LogLine(LogLevel::kWarn, "backup_not_finished").With("bytes", bytes_);
  }
  source_.reset();
  pin_.reset();
  absl::MutexLock lock(&backups_->mutex_);
  --backups_->running_;
}

}  // namespace swoosh
