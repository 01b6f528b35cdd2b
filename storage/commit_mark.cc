#include "storage/commit_mark.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "storage/big_endian.h"
#include "storage/crc32c.h"
#include "storage/history_id.h"

namespace swoosh {
namespace {

constexpr size_t kMagicBytes = sizeof(kCommitMarkMagic) - 1;
constexpr size_t kVersionAt = kMagicBytes;
constexpr size_t kChecksumKindAt = kVersionAt + 4;
constexpr size_t kHistoryIdAt = kChecksumKindAt + 4;
constexpr size_t kIndexAt = kHistoryIdAt + kHistoryIdBytes;
constexpr size_t kRecordHashAt = kIndexAt + 8;
constexpr size_t kChecksumAt = kRecordHashAt + sizeof(Digest);
static_assert(kChecksumAt + 4 == kCommitMarkSlotBytes);
static_assert(kCommitMarkSlots == 2);

struct NewestSlot {
  size_t slot = 0;
  CommitMark::Content content;
};

absl::StatusOr<NewestSlot> ReadNewestSlot(FileSystem* file_system, const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadWholeFile(file_system, path, kCommitMarkFileBytes);
  if (!bytes.ok()) return bytes.status();
  const auto damaged = [&path](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(path, ": ", what));
  };
  if (bytes->size() != kCommitMarkFileBytes) {
    return damaged(absl::StrCat("has ", bytes->size(), " bytes instead of ", kCommitMarkFileBytes));
  }
  const auto slot_bytes = [&bytes](size_t slot) {
    return absl::string_view(*bytes).substr(slot * kCommitMarkSlotStrideBytes,
                                            kCommitMarkSlotBytes);
  };
  absl::StatusOr<CommitMark::Content> first = DecodeCommitMarkSlot(slot_bytes(0));
  absl::StatusOr<CommitMark::Content> second = DecodeCommitMarkSlot(slot_bytes(1));
  if (!first.ok() && !second.ok()) {
    return damaged(absl::StrCat("both slots are damaged: ", first.status().message(), "; ",
                                second.status().message()));
  }
  if (first.ok() && second.ok() && first->history_id != second->history_id) {
    return damaged(absl::StrCat("its slots are of two histories, ", first->history_id, " and ",
                                second->history_id));
  }
  const bool take_first = first.ok() && (!second.ok() || first->index >= second->index);
  if (take_first) return NewestSlot{0, *std::move(first)};
  return NewestSlot{1, *std::move(second)};
}

}  // namespace

std::string EncodeCommitMarkSlot(const CommitMark::Content& content) {
  SWOOSH_CHECK(content.history_id.size() == kHistoryIdBytes);
  std::string slot = kCommitMarkMagic;
  AppendBigEndian(kCommitMarkVersion, &slot);
  AppendBigEndian(kChecksumKindCrc32c, &slot);
  slot += content.history_id;
  AppendBigEndian(content.index, &slot);
  absl::StrAppend(&slot, AsBytes(content.record_hash));
  AppendBigEndian(Crc32c(slot), &slot);
  return slot;
}

absl::StatusOr<CommitMark::Content> DecodeCommitMarkSlot(absl::string_view slot) {
  SWOOSH_CHECK(slot.size() == kCommitMarkSlotBytes);
  if (slot.substr(0, kMagicBytes) != kCommitMarkMagic) return absl::DataLossError("no magic");
  if (ReadBigEndian<uint32_t>(slot.substr(kVersionAt)) != kCommitMarkVersion ||
      ReadBigEndian<uint32_t>(slot.substr(kChecksumKindAt)) != kChecksumKindCrc32c) {
    return absl::DataLossError("unknown format version or checksum kind");
  }
  if (ReadBigEndian<uint32_t>(slot.substr(kChecksumAt)) != Crc32c(slot.substr(0, kChecksumAt))) {
    return absl::DataLossError("checksum mismatch");
  }
  CommitMark::Content content;
  content.history_id = std::string(slot.substr(kHistoryIdAt, kHistoryIdBytes));
  content.index = ReadBigEndian<uint64_t>(slot.substr(kIndexAt));
  slot.copy(reinterpret_cast<char*>(content.record_hash.data()), content.record_hash.size(),
            kRecordHashAt);
  return content;
}

absl::Status CommitMark::Create(FileSystem* file_system, const std::string& path,
                                const Content& content) {
  const std::string slot = EncodeCommitMarkSlot(content);
  std::string bytes(kCommitMarkFileBytes, '\0');
  for (size_t i = 0; i < kCommitMarkSlots; ++i) {
    bytes.replace(i * kCommitMarkSlotStrideBytes, slot.size(), slot);
  }
  return ReplaceFile(file_system, path, bytes);
}

absl::StatusOr<CommitMark::Content> CommitMark::Read(FileSystem* file_system,
                                                     const std::string& path) {
  absl::StatusOr<NewestSlot> newest = ReadNewestSlot(file_system, path);
  if (!newest.ok()) return newest.status();
  return std::move(newest->content);
}

absl::StatusOr<std::unique_ptr<CommitMark>> CommitMark::Open(FileSystem* file_system,
                                                             const std::string& path) {
  absl::StatusOr<NewestSlot> newest = ReadNewestSlot(file_system, path);
  if (!newest.ok()) return newest.status();
  absl::StatusOr<std::unique_ptr<WritableFile>> file = file_system->OpenToOverwrite(path);
  if (!file.ok()) return file.status();
  // The process before may have ended with its last mark in the page cache only.
  if (absl::Status synced = (*file)->Sync(); !synced.ok()) return synced;
  return std::unique_ptr<CommitMark>(
      new CommitMark(*std::move(file), std::move(newest->content.history_id), newest->slot));
}

CommitMark::CommitMark(std::unique_ptr<WritableFile> file, std::string history_id,
                       size_t synced_slot)
    : history_id_(std::move(history_id)), file_(std::move(file)), synced_slot_(synced_slot) {
  thread_ = std::thread([this] { SyncInBackground(); });
}

CommitMark::~CommitMark() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

absl::Status CommitMark::Write(uint64_t index, const Digest& record_hash) {
  const std::string slot = EncodeCommitMarkSlot({history_id_, index, record_hash});
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  failure_ = file_->WriteAt((1 - synced_slot_) * kCommitMarkSlotStrideBytes, slot);
  if (!failure_.ok()) return failure_;
  if (!dirty_) {
    dirty_ = true;
    dirty_since_ = std::chrono::steady_clock::now();
  }
  return absl::OkStatus();
}

void CommitMark::SyncSoon() {
  // Whoever holds the mutex now is the background thread, syncing.
  if (!mutex_.TryLock()) return;
  const auto dirty_for = std::chrono::steady_clock::now() - dirty_since_;
  if (dirty_ && absl::FromChrono(dirty_for) >= kSyncDelayMax / 2) sync_soon_ = true;
  mutex_.Unlock();
}

void CommitMark::SetFailureListener(std::function<void(const absl::Status&)> listener) {
  absl::MutexLock lock(&mutex_);
  on_failure_ = std::move(listener);
}

void CommitMark::SyncInBackground() {
  absl::Status failure;
  std::function<void(const absl::Status&)> on_failure;
  {
    absl::MutexLock lock(&mutex_);
    while (failure_.ok()) {
      mutex_.Await(absl::Condition(this, &CommitMark::HasWork));
      if (!dirty_) return;
      mutex_.AwaitWithTimeout(absl::Condition(this, &CommitMark::IsDue), kSyncDelayMax);
      Sync();
    }
    failure = failure_;
    on_failure = on_failure_;
  }
  if (on_failure != nullptr) on_failure(failure);
}

void CommitMark::Sync() {
  dirty_ = false;
  sync_soon_ = false;
  if (!failure_.ok()) return;
  failure_ = file_->Sync();
  if (failure_.ok()) synced_slot_ = 1 - synced_slot_;
}

}  // namespace swoosh
