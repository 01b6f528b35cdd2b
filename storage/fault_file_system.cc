#include "storage/fault_file_system.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace swoosh {

class FaultFileSystem::File : public WritableFile {
 public:
  File(FaultFileSystem* file_system, std::string path, std::unique_ptr<WritableFile> base)
      : file_system_(file_system), path_(std::move(path)), base_(std::move(base)) {}

  absl::Status Append(absl::string_view bytes) override {
    return Write(bytes, [this](absl::string_view part) { return base_->Append(part); });
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) override {
    return Write(bytes,
                 [this, offset](absl::string_view part) { return base_->WriteAt(offset, part); });
  }

  absl::Status Sync() override {
    absl::Status status = file_system_->Next(Call::kSync, path_);
    return status.ok() ? base_->Sync() : status;
  }

  absl::Status Close() override { return base_->Close(); }

 private:
  template <typename WriteBase>
  absl::Status Write(absl::string_view bytes, WriteBase write_base) {
    absl::Status status = file_system_->Next(Call::kWrite, path_);
    if (status.ok()) return write_base(bytes);
    if (file_system_->tears()) status.Update(write_base(bytes.substr(0, bytes.size() / 2)));
    return status;
  }

  FaultFileSystem* const file_system_;
  const std::string path_;
  const std::unique_ptr<WritableFile> base_;
};

void FaultFileSystem::Arm(const Fault& fault) {
  absl::MutexLock lock(&mutex_);
  fault_ = fault;
  fired_ = false;
}

void FaultFileSystem::Disarm() {
  absl::MutexLock lock(&mutex_);
  fault_.reset();
}

bool FaultFileSystem::fired() const {
  absl::MutexLock lock(&mutex_);
  return fired_;
}

uint64_t FaultFileSystem::calls() const {
  absl::MutexLock lock(&mutex_);
  return calls_;
}

bool FaultFileSystem::tears() const {
  absl::MutexLock lock(&mutex_);
  return fault_.has_value() && fault_->tear;
}

absl::Status FaultFileSystem::Next(Call call, const std::string& path) {
  absl::MutexLock lock(&mutex_);
  ++calls_;
  if (!fault_.has_value()) return absl::OkStatus();
  if (fault_->only.has_value() && *fault_->only != call) return absl::OkStatus();
  if (fault_->after > 0) {
    --fault_->after;
    return absl::OkStatus();
  }
  if (fired_ && !fault_->for_good) return absl::OkStatus();
  fired_ = true;
  return absl::Status(fault_->code, absl::StrCat(path, ": injected fault"));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultFileSystem::Create(const std::string& path) {
  if (absl::Status status = Next(Call::kCreate, path); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<WritableFile>> file = base_->Create(path);
  if (!file.ok()) return file;
  return std::make_unique<File>(this, path, *std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultFileSystem::OpenToOverwrite(
    const std::string& path) {
  if (absl::Status status = Next(Call::kOverwrite, path); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<WritableFile>> file = base_->OpenToOverwrite(path);
  if (!file.ok()) return file;
  return std::make_unique<File>(this, path, *std::move(file));
}

absl::StatusOr<std::unique_ptr<ReadableFile>> FaultFileSystem::OpenToRead(const std::string& path) {
  return base_->OpenToRead(path);
}

absl::StatusOr<uint64_t> FaultFileSystem::Size(const std::string& path) {
  return base_->Size(path);
}

bool FaultFileSystem::Exists(const std::string& path) { return base_->Exists(path); }

absl::StatusOr<std::vector<std::string>> FaultFileSystem::List(const std::string& directory) {
  return base_->List(directory);
}

absl::Status FaultFileSystem::CreateDirectories(const std::string& directory) {
  if (absl::Status status = Next(Call::kCreate, directory); !status.ok()) return status;
  return base_->CreateDirectories(directory);
}

absl::Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  if (absl::Status status = Next(Call::kRename, from); !status.ok()) return status;
  return base_->Rename(from, to);
}

absl::Status FaultFileSystem::Remove(const std::string& path) {
  if (absl::Status status = Next(Call::kRemove, path); !status.ok()) return status;
  return base_->Remove(path);
}

absl::Status FaultFileSystem::SyncDirectory(const std::string& directory) {
  if (absl::Status status = Next(Call::kSyncDirectory, directory); !status.ok()) return status;
  return base_->SyncDirectory(directory);
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultFileSystem::Lock(const std::string& path) {
  return base_->Lock(path);
}

}  // namespace swoosh
