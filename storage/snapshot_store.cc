#include "storage/snapshot_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/sha256.h"
#include "core/state_entry.h"
#include "core/state_root_builder.h"
#include "storage/snapshot_file.h"

namespace swoosh {
namespace {

constexpr char kNamePrefix[] = "snapshot-";
constexpr char kNameSuffix[] = ".swoosh";
constexpr char kTemporarySuffix[] = ".tmp";
constexpr char kDamagedSuffix[] = ".damaged";

absl::Status Mismatch(const std::string& path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

// The same error, naming the file.
absl::Status InFile(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::Status CheckHash(const std::string& path, const Digest& computed, const Digest& expected) {
  if (computed == expected) return absl::OkStatus();
  return Mismatch(path, absl::StrCat("its entries have the state hash ", ToHex(computed),
                                     ", its header says ", ToHex(expected)));
}

}  // namespace

std::string SnapshotFileName(uint64_t index) {
  return absl::StrFormat("%s%020d%s", kNamePrefix, index, kNameSuffix);
}

bool ParseSnapshotFileName(absl::string_view name, uint64_t* index) {
  const absl::string_view whole = name;
  return absl::ConsumePrefix(&name, kNamePrefix) && absl::ConsumeSuffix(&name, kNameSuffix) &&
         absl::SimpleAtoi(name, index) && whole == SnapshotFileName(*index);
}

SnapshotStore::SnapshotStore(FileSystem* file_system, std::string directory, std::string history_id)
    : file_system_(file_system),
      directory_(std::move(directory)),
      history_id_(std::move(history_id)) {
  const absl::StatusOr<std::vector<Info>> infos = List();
  if (!infos.ok()) return;  // none counts, so nothing is trimmed
  absl::MutexLock lock(&mutex_);
  for (const Info& info : *infos) counting_.insert(info.index);
}

absl::StatusOr<SnapshotStore::Info> SnapshotStore::Write(const State& state, SnapshotPause pause) {
  SnapshotSteps steps(state.root().entry_count(), std::move(pause));
  Info info;
  info.index = state.index();
  info.path = absl::StrCat(directory_, "/", SnapshotFileName(info.index));
  const std::string temporary = absl::StrCat(info.path, kTemporarySuffix);
  absl::Status status = WriteVerified(state, &steps, temporary, &info.size_bytes);
  if (status.ok()) status = file_system_->Rename(temporary, info.path);
  if (!status.ok()) {
    // Best effort: the next one that is written removes what is left behind.
    file_system_->Remove(temporary).IgnoreError();
    return status;
  }
  status = file_system_->SyncDirectory(directory_);
  if (!status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    counting_.insert(info.index);
  }
  RemoveSuperseded();
  return info;
}

absl::Status SnapshotStore::WriteVerified(const State& state, SnapshotSteps* steps,
                                          const std::string& temporary, uint64_t* size_bytes) {
  absl::StatusOr<std::unique_ptr<WritableFile>> file = file_system_->Create(temporary);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = WriteSnapshotFile(state, history_id_, steps, file->get());
  if (!size.ok()) return size.status();
  *size_bytes = *size;
  if (absl::Status status = (*file)->Close(); !status.ok()) return status;
  const absl::StatusOr<SnapshotHeader> header =
      CheckInSteps({state.index(), temporary, *size}, steps);
  if (!header.ok()) return header.status();
  return CheckHash(temporary, header->state_hash, state.hash());
}

absl::StatusOr<SnapshotHeader> SnapshotStore::Check(const Info& info) const {
  SnapshotSteps steps;
  return CheckInSteps(info, &steps);
}

absl::StatusOr<SnapshotHeader> SnapshotStore::CheckInSteps(const Info& info,
                                                           SnapshotSteps* steps) const {
  absl::StatusOr<SnapshotFileReader> reader = SnapshotFileReader::Open(file_system_, info.path);
  if (!reader.ok()) return reader.status();
  const SnapshotHeader& header = reader->header();
  if (absl::Status status = CheckIdentity(info, header); !status.ok()) return status;
  StateRootBuilder root;
  absl::Status status = reader->ReadEntries(steps, [&](const StateEntry& entry) {
    return root.Add(entry.key, entry.value) ? absl::OkStatus()
                                            : Mismatch(info.path, "its entries are out of order");
  });
  if (status.ok()) status = CheckHash(info.path, root.Finish(), header.state_hash);
  if (!status.ok()) return status;
  return header;
}

absl::Status SnapshotStore::CheckIdentity(const Info& info, const SnapshotHeader& header) const {
  if (header.history_id != history_id_) {
    return Mismatch(info.path,
                    absl::StrCat("it is of history ", header.history_id, ", not of ", history_id_));
  }
  if (header.position.index != info.index) {
    return Mismatch(info.path, absl::StrCat("it is of index ", header.position.index));
  }
  return absl::OkStatus();
}

void SnapshotStore::RemoveSuperseded() {
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(directory_);
  if (!names.ok()) return;
  std::set<uint64_t> kept;
  {
    absl::MutexLock lock(&mutex_);
    while (counting_.size() > kSnapshotsKept) counting_.erase(counting_.begin());
    kept = counting_;
  }
  for (const std::string& name : *names) {
    uint64_t index = 0;
    if (ParseSnapshotFileName(name, &index) && kept.count(index) > 0) continue;
    // Other people's files are not ours to remove.
    if (!absl::StartsWith(name, kNamePrefix)) continue;
    file_system_->Remove(absl::StrCat(directory_, "/", name)).IgnoreError();
  }
  // A removed name that comes back after a power cut is removed by the next call.
  file_system_->SyncDirectory(directory_).IgnoreError();
}

absl::StatusOr<std::vector<SnapshotStore::Info>> SnapshotStore::List() const {
  const absl::StatusOr<std::vector<std::string>> names = file_system_->List(directory_);
  if (!names.ok()) return names.status();
  std::vector<Info> infos;
  for (const std::string& name : *names) {
    Info info;
    if (!ParseSnapshotFileName(name, &info.index)) continue;
    info.path = absl::StrCat(directory_, "/", name);
    const absl::StatusOr<uint64_t> size = file_system_->Size(info.path);
    if (absl::IsNotFound(size.status())) continue;  // superseded meanwhile
    if (!size.ok()) return size.status();
    info.size_bytes = *size;
    infos.push_back(std::move(info));
  }
  std::sort(infos.begin(), infos.end(),
            [](const Info& a, const Info& b) { return a.index > b.index; });
  return infos;
}

absl::StatusOr<StateWriter> SnapshotStore::Load(const Info& info) {
  absl::StatusOr<StateWriter> writer = LoadUnnoted(info);
  if (absl::IsDataLoss(writer.status())) {
    absl::MutexLock lock(&mutex_);
    counting_.erase(info.index);
  }
  return writer;
}

absl::StatusOr<StateWriter> SnapshotStore::LoadUnnoted(const Info& info) const {
  absl::StatusOr<SnapshotFileReader> reader = SnapshotFileReader::Open(file_system_, info.path);
  if (!reader.ok()) return reader.status();
  const SnapshotHeader& header = reader->header();
  if (absl::Status status = CheckIdentity(info, header); !status.ok()) return status;
  StateWriter writer = StateWriter::ForLoading();
  SnapshotSteps steps;
  absl::Status status = reader->ReadEntries(
      &steps, [&](const StateEntry& entry) { return InFile(info.path, writer.LoadEntry(entry)); });
  if (status.ok()) status = InFile(info.path, writer.FinishLoading(header.position));
  if (status.ok()) status = CheckHash(info.path, writer.Seal(), header.state_hash);
  if (!status.ok()) return status;
  const State state = writer.Sealed();
  if (state.root().entry_count() != header.entries ||
      state.counts().instances != header.counts.instances ||
      state.counts().machines != header.counts.machines ||
      state.counts().timers != header.counts.timers) {
    return Mismatch(info.path, "its counts are not those of its entries");
  }
  return writer;
}

absl::Status SnapshotStore::SetAside(const Info& info) {
  {
    absl::MutexLock lock(&mutex_);
    counting_.erase(info.index);
  }
  absl::Status status = file_system_->Rename(info.path, absl::StrCat(info.path, kDamagedSuffix));
  if (status.ok()) status = file_system_->SyncDirectory(directory_);
  return status;
}

uint64_t SnapshotStore::oldest_verified_index() const {
  absl::MutexLock lock(&mutex_);
  return counting_.empty() ? 0 : *counting_.begin();
}

uint64_t SnapshotStore::newest_verified_index() const {
  absl::MutexLock lock(&mutex_);
  return counting_.empty() ? 0 : *counting_.rbegin();
}

}  // namespace swoosh
