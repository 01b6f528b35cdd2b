#include "storage/linked_copy.h"

#include <algorithm>
#include <cstddef>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace swoosh {
namespace {

constexpr size_t kCopyBytes = 1'048'576;

bool IsTable(absl::string_view name) {
  return absl::EndsWith(name, ".ldb") || absl::EndsWith(name, ".sst");
}

}  // namespace

bool IsDatabaseFile(absl::string_view name) {
  return name == "CURRENT" || absl::StartsWith(name, "MANIFEST-") || absl::EndsWith(name, ".log") ||
         IsTable(name);
}

absl::Status LinkOrCopy(FileSystem* file_system, const std::string& from, const std::string& to) {
  if (file_system->Exists(to)) {
    if (absl::Status removed = file_system->Remove(to); !removed.ok()) return removed;
  }
  absl::Status status = file_system->Link(from, to);
  if (!absl::IsUnimplemented(status)) return status;
  const absl::StatusOr<uint64_t> size = file_system->Size(from);
  return size.ok() ? CopyFile(file_system, from, to, *size) : size.status();
}

absl::StatusOr<std::vector<std::string>> LinkDatabase(FileSystem* file_system,
                                                      const std::string& from,
                                                      const std::string& to,
                                                      TablesWithoutLinks tables) {
  if (absl::Status made = file_system->CreateDirectories(to); !made.ok()) return made;
  const absl::StatusOr<std::vector<std::string>> names = file_system->List(from);
  if (!names.ok()) return names.status();
  std::vector<std::string> left_out;
  for (const std::string& name : *names) {
    if (!IsDatabaseFile(name)) continue;
    const std::string source = absl::StrCat(from, "/", name);
    const std::string target = absl::StrCat(to, "/", name);
    absl::Status status = file_system->Link(source, target);
    if (absl::IsUnimplemented(status)) {
      if (IsTable(name) && tables == TablesWithoutLinks::kLeaveOut) {
        left_out.push_back(name);
        continue;
      }
      const absl::StatusOr<uint64_t> size = file_system->Size(source);
      status = size.ok() ? CopyFile(file_system, source, target, *size) : size.status();
    }
    if (!status.ok()) return status;
  }
  return left_out;
}

absl::Status CopyFile(FileSystem* file_system, const std::string& from, const std::string& to,
                      uint64_t bytes) {
  const absl::StatusOr<std::unique_ptr<ReadableFile>> source = file_system->OpenToRead(from);
  if (!source.ok()) return source.status();
  const absl::StatusOr<std::unique_ptr<WritableFile>> target = file_system->Create(to);
  if (!target.ok()) return target.status();
  std::string buffer(std::min<uint64_t>(kCopyBytes, bytes), '\0');
  absl::Status status;
  for (uint64_t at = 0; status.ok() && at < bytes;) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), bytes - at);
    const absl::StatusOr<size_t> read =
        (*source)->ReadAt(at, absl::MakeSpan(buffer).subspan(0, wanted));
    if (!read.ok()) return read.status();
    if (*read != wanted) {
      return absl::UnavailableError(absl::StrCat(from, " ends at byte ", at + *read));
    }
    status = (*target)->Append(absl::string_view(buffer).substr(0, wanted));
    at += wanted;
  }
  if (status.ok()) status = (*target)->Sync();
  if (status.ok()) status = (*target)->Close();
  return status;
}

absl::Status RemoveWithFiles(FileSystem* file_system, const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = file_system->List(directory);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    absl::Status removed = file_system->Remove(absl::StrCat(directory, "/", name));
    if (!removed.ok()) return removed;
  }
  if (absl::Status removed = file_system->Remove(directory); !removed.ok()) return removed;
  return file_system->SyncDirectory(DirectoryOf(directory));
}

}  // namespace swoosh
