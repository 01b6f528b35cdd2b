#include "storage/fault_file_system.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace swoosh {
namespace {

bool Looks(FaultFileSystem::Call call) {
  switch (call) {
    case FaultFileSystem::Call::kOpenToRead:
    case FaultFileSystem::Call::kRead:
    case FaultFileSystem::Call::kList:
    case FaultFileSystem::Call::kSize:
    case FaultFileSystem::Call::kLock:
      return true;
    default:
      return false;
  }
}

bool Counts(const FaultFileSystem::Fault& fault, FaultFileSystem::Call call) {
  if (fault.flip) return call == FaultFileSystem::Call::kRead;
  if (fault.only.has_value()) return *fault.only == call;
  return fault.looks || !Looks(call);
}

absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace

template <typename Work>
auto FaultFileSystem::Run(Call call, const std::string& path, Work work) -> decltype(work()) {
  const Ruling ruling = Next(call, path);
  if (ruling.error.ok()) return work();
  if (!ruling.done) {
    const bool sync = call == Call::kSync || call == Call::kSyncDirectory;
    if (sync && on_failed_sync_ != nullptr) on_failed_sync_(call, path);
    return ruling.error;
  }
  absl::Status status = StatusOf(work());
  return status.ok() ? ruling.error : status;
}

class FaultFileSystem::OpenFile : public WritableFile {
 public:
  OpenFile(FaultFileSystem* file_system, std::string path, std::unique_ptr<WritableFile> base)
      : file_system_(file_system), path_(std::move(path)), base_(std::move(base)) {}

  absl::Status Append(absl::string_view bytes) override {
    return Write(bytes, [this](absl::string_view part) { return base_->Append(part); });
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) override {
    return Write(bytes,
                 [this, offset](absl::string_view part) { return base_->WriteAt(offset, part); });
  }

  absl::Status Sync() override {
    return file_system_->Run(Call::kSync, path_, [this] { return base_->Sync(); });
  }

  absl::Status Close() override { return base_->Close(); }

 private:
  template <typename WriteBase>
  absl::Status Write(absl::string_view bytes, WriteBase write_base) {
    Ruling ruling = file_system_->Next(Call::kWrite, path_);
    if (ruling.error.ok()) return write_base(bytes);
    if (ruling.tear) ruling.error.Update(write_base(bytes.substr(0, bytes.size() / 2)));
    if (ruling.done) ruling.error.Update(write_base(bytes));
    return ruling.error;
  }

  FaultFileSystem* const file_system_;
  const std::string path_;
  const std::unique_ptr<WritableFile> base_;
};

class FaultFileSystem::OpenToReadFile : public ReadableFile {
 public:
  OpenToReadFile(FaultFileSystem* file_system, std::string path, std::unique_ptr<ReadableFile> base)
      : file_system_(file_system), path_(std::move(path)), base_(std::move(base)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) const override {
    absl::StatusOr<size_t> size = base_->ReadAt(offset, buffer);
    if (!size.ok() || *size == 0) return size;
    const Ruling ruling = file_system_->Next(Call::kRead, path_);
    if (!ruling.error.ok()) return ruling.error;
    if (ruling.flip) {
      // Any odd factors: reads of the same size are changed at different places.
      char& byte = buffer[ruling.number * 7'919 % *size];
      byte = static_cast<char>(byte ^ 1 << ruling.number * 5 % 8);
    }
    return size;
  }

 private:
  FaultFileSystem* const file_system_;
  const std::string path_;
  const std::unique_ptr<ReadableFile> base_;
};

void FaultFileSystem::Arm(const Fault& fault) {
  absl::MutexLock lock(&mutex_);
  fault_ = fault;
  fired_.reset();
}

void FaultFileSystem::Disarm() {
  absl::MutexLock lock(&mutex_);
  fault_.reset();
}

bool FaultFileSystem::fired() const { return first_fired().has_value(); }

std::optional<FaultFileSystem::Fired> FaultFileSystem::first_fired() const {
  absl::MutexLock lock(&mutex_);
  return fired_;
}

uint64_t FaultFileSystem::calls() const {
  absl::MutexLock lock(&mutex_);
  return calls_;
}

void FaultFileSystem::OnFailedSync(
    std::function<void(Call call, const std::string& path)> on_failed_sync) {
  on_failed_sync_ = std::move(on_failed_sync);
}

FaultFileSystem::Ruling FaultFileSystem::Next(Call call, const std::string& path) {
  absl::MutexLock lock(&mutex_);
  if (!Looks(call)) ++calls_;
  if (!fault_.has_value() || !Counts(*fault_, call)) return {};
  ++counted_;
  if (fault_->after > 0) {
    --fault_->after;
    return {};
  }
  if (fired_.has_value() && !fault_->for_good) return {};
  if (!fired_.has_value()) fired_ = Fired{call, path, std::chrono::steady_clock::now()};
  Ruling ruling;
  ruling.flip = fault_->flip;
  ruling.number = counted_;
  if (!fault_->flip) {
    ruling.error = absl::Status(fault_->code, absl::StrCat(path, ": injected fault"));
  }
  ruling.done = fault_->done;
  ruling.tear = fault_->tear;
  return ruling;
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultFileSystem::Create(const std::string& path) {
  return Run(Call::kCreate, path, [&]() -> absl::StatusOr<std::unique_ptr<WritableFile>> {
    absl::StatusOr<std::unique_ptr<WritableFile>> file = base_->Create(path);
    if (!file.ok()) return file;
    return std::make_unique<OpenFile>(this, path, *std::move(file));
  });
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultFileSystem::OpenToOverwrite(
    const std::string& path) {
  return Run(Call::kOverwrite, path, [&]() -> absl::StatusOr<std::unique_ptr<WritableFile>> {
    absl::StatusOr<std::unique_ptr<WritableFile>> file = base_->OpenToOverwrite(path);
    if (!file.ok()) return file;
    return std::make_unique<OpenFile>(this, path, *std::move(file));
  });
}

absl::StatusOr<std::unique_ptr<ReadableFile>> FaultFileSystem::OpenToRead(const std::string& path) {
  return Run(Call::kOpenToRead, path, [&]() -> absl::StatusOr<std::unique_ptr<ReadableFile>> {
    absl::StatusOr<std::unique_ptr<ReadableFile>> file = base_->OpenToRead(path);
    if (!file.ok()) return file;
    return std::make_unique<OpenToReadFile>(this, path, *std::move(file));
  });
}

absl::StatusOr<uint64_t> FaultFileSystem::Size(const std::string& path) {
  return Run(Call::kSize, path, [&] { return base_->Size(path); });
}

bool FaultFileSystem::Exists(const std::string& path) { return base_->Exists(path); }

absl::StatusOr<std::vector<std::string>> FaultFileSystem::List(const std::string& directory) {
  return Run(Call::kList, directory, [&] { return base_->List(directory); });
}

absl::Status FaultFileSystem::CreateDirectories(const std::string& directory) {
  return Run(Call::kCreate, directory, [&] { return base_->CreateDirectories(directory); });
}

absl::Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  return Run(Call::kRename, from, [&] { return base_->Rename(from, to); });
}

absl::Status FaultFileSystem::Link(const std::string& from, const std::string& to) {
  return Run(Call::kLink, from, [&] { return base_->Link(from, to); });
}

absl::Status FaultFileSystem::Remove(const std::string& path) {
  return Run(Call::kRemove, path, [&] { return base_->Remove(path); });
}

absl::Status FaultFileSystem::SyncDirectory(const std::string& directory) {
  return Run(Call::kSyncDirectory, directory, [&] { return base_->SyncDirectory(directory); });
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultFileSystem::Lock(const std::string& path) {
  return Run(Call::kLock, path, [&] { return base_->Lock(path); });
}

}  // namespace swoosh
