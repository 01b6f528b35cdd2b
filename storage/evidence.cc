#include "storage/evidence.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "storage/linked_copy.h"

namespace swoosh {
namespace {

// The numbers of the sets below `root`, lowest first.
absl::StatusOr<std::vector<uint64_t>> ListSets(FileSystem* file_system, const std::string& root) {
  const absl::StatusOr<std::vector<std::string>> names = file_system->List(root);
  std::vector<uint64_t> sets;
  if (absl::IsNotFound(names.status())) return sets;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    uint64_t number = 0;
    if (absl::SimpleAtoi(name, &number) && name == absl::StrCat(number)) sets.push_back(number);
  }
  std::sort(sets.begin(), sets.end());
  return sets;
}

std::string SetPath(const std::string& root, uint64_t number) {
  return absl::StrCat(root, "/", number);
}

bool Has(FileSystem* file_system, const std::string& set, absl::string_view name) {
  return file_system->Exists(absl::StrCat(set, "/", name));
}

// FOUND goes first: what is left of a set without it counts for nothing.
absl::Status RemoveSet(FileSystem* file_system, const std::string& set) {
  if (Has(file_system, set, kEvidenceFoundName)) {
    absl::Status status = file_system->Remove(absl::StrCat(set, "/", kEvidenceFoundName));
    if (status.ok()) status = file_system->SyncDirectory(set);
    if (!status.ok()) return status;
  }
  return RemoveWithFiles(file_system, set);
}

// "NAME SIZE" for each file in `directory`, in byte order.
absl::StatusOr<std::string> Listing(FileSystem* file_system, const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names = file_system->List(directory);
  std::string listing = absl::StrCat(directory, "\n");
  if (absl::IsNotFound(names.status())) return absl::StrCat(listing, "  missing\n");
  if (!names.ok()) return names.status();
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    const absl::StatusOr<uint64_t> size = file_system->Size(absl::StrCat(directory, "/", name));
    if (!size.ok()) return size.status();
    absl::StrAppend(&listing, "  ", name, " ", *size, "\n");
  }
  return listing;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Evidence>> Evidence::Keep(FileSystem* file_system,
                                                         const StorePaths& paths) {
  const std::string root = absl::StrCat(paths.wal_dir, "/", kEvidenceName);
  absl::StatusOr<std::vector<uint64_t>> sets = ListSets(file_system, root);
  if (!sets.ok()) return sets.status();
  std::vector<uint64_t> kept;
  for (const uint64_t number : *sets) {
    const std::string set = SetPath(root, number);
    if (!Has(file_system, set, kEvidenceFoundName)) {
      if (absl::Status status = RemoveSet(file_system, set); !status.ok()) return status;
    } else if (!Has(file_system, set, kEvidenceRefusedName)) {
      return std::unique_ptr<Evidence>(new Evidence(file_system, root, set));
    } else {
      kept.push_back(number);
    }
  }
  const uint64_t next = kept.empty() ? 1 : kept.back() + 1;
  if (kept.size() >= kEvidenceSetsMax) {
    absl::Status status = RemoveSet(file_system, SetPath(root, kept.back()));
    if (!status.ok()) return status;
  }
  std::unique_ptr<Evidence> evidence(new Evidence(file_system, root, SetPath(root, next)));
  if (absl::Status status = evidence->Fill(paths); !status.ok()) return status;
  return evidence;
}

absl::Status Evidence::Fill(const StorePaths& paths) {
  const absl::StatusOr<std::vector<std::string>> left_out =
      LinkDatabase(file_system_, paths.wal_dir, directory_, TablesWithoutLinks::kLeaveOut);
  if (!left_out.ok()) return left_out.status();
  for (const char* name : {kCommitMarkFileName, kHistoryFileName}) {
    const std::string source = paths.InDataDir(name);
    const absl::StatusOr<uint64_t> size = file_system_->Size(source);
    if (absl::IsNotFound(size.status())) continue;
    if (!size.ok()) return size.status();
    absl::Status status =
        CopyFile(file_system_, source, absl::StrCat(directory_, "/", name), *size);
    if (!status.ok()) return status;
  }
  std::string found;
  for (const std::string& directory : {paths.data_dir, paths.wal_dir, paths.snapshot_dir}) {
    const absl::StatusOr<std::string> listing = Listing(file_system_, directory);
    if (!listing.ok()) return listing.status();
    absl::StrAppend(&found, *listing);
  }
  if (!left_out->empty()) {
    absl::StrAppend(
        &found, "not kept, as this disk has no hard links: ", absl::StrJoin(*left_out, " "), "\n");
  }
  if (absl::Status synced = file_system_->SyncDirectory(directory_); !synced.ok()) return synced;
  return ReplaceFile(file_system_, absl::StrCat(directory_, "/", kEvidenceFoundName), found);
}

absl::Status Evidence::LetGo() {
  const absl::StatusOr<std::vector<uint64_t>> sets = ListSets(file_system_, root_);
  if (!sets.ok()) return sets.status();
  for (const uint64_t number : *sets) {
    const std::string set = SetPath(root_, number);
    if (Has(file_system_, set, kEvidenceRefusedName)) continue;
    if (absl::Status status = RemoveSet(file_system_, set); !status.ok()) return status;
  }
  const absl::StatusOr<std::vector<std::string>> left = file_system_->List(root_);
  if (!left.ok()) return absl::IsNotFound(left.status()) ? absl::OkStatus() : left.status();
  return left->empty() ? RemoveWithFiles(file_system_, root_) : absl::OkStatus();
}

absl::Status Evidence::Add(const std::string& path) {
  absl::Status status =
      LinkOrCopy(file_system_, path, absl::StrCat(directory_, path.substr(path.rfind('/'))));
  return status.ok() ? file_system_->SyncDirectory(directory_) : status;
}

absl::Status Evidence::Stay(absl::string_view why) {
  return ReplaceFile(file_system_, absl::StrCat(directory_, "/", kEvidenceRefusedName),
                     absl::StrCat(why, "\n"));
}

}  // namespace swoosh
