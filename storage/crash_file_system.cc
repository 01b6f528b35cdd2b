#include "storage/crash_file_system.h"

#include <algorithm>
#include <functional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "core/check.h"

namespace swoosh {
namespace {

std::vector<std::string> NamesOf(absl::string_view path) {
  std::vector<std::string> names;
  for (const absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (name != ".") names.emplace_back(name);
  }
  return names;
}

absl::Status NotFound(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such file or directory"));
}

// For each of `count` whether it survives.
std::vector<bool> Choose(CrashFileSystem::Keep keep, size_t count, std::mt19937_64* random) {
  std::vector<bool> kept(count, keep == CrashFileSystem::Keep::kEverything);
  if (keep == CrashFileSystem::Keep::kPrefix) {
    std::fill_n(kept.begin(), (*random)() % (count + 1), true);
  } else if (keep == CrashFileSystem::Keep::kSubset) {
    for (size_t i = 0; i < count; ++i) kept[i] = (*random)() % 2 == 0;
  }
  return kept;
}

// What a file has that was `synced` so and has `written` since, when it has come to be `size` bytes
// long, and those of `sectors` are on disk that `kept` says.
SharedBytes Torn(const SharedBytes& synced, const SharedBytes& written, uint64_t size,
                 const std::vector<uint64_t>& sectors, const std::vector<bool>& kept) {
  SharedBytes torn = synced;
  if (size != torn.size()) torn.Resize(size);
  for (size_t i = 0; i < sectors.size(); ++i) {
    if (kept[i]) torn.TakeSector(sectors[i], written);
  }
  return torn;
}

SharedBytes TornAtRandom(const SharedBytes& synced, const SharedBytes& written,
                         CrashFileSystem::Keep keep, std::mt19937_64* random) {
  if (keep == CrashFileSystem::Keep::kNothing) return synced;
  if (keep == CrashFileSystem::Keep::kEverything) return written;
  const std::vector<uint64_t> sectors = written.SectorsThatDiffer(synced);
  const std::vector<bool> kept = Choose(keep, sectors.size(), random);
  uint64_t size = (*random)() % 2 == 0 ? written.size() : synced.size();
  if (written.size() > synced.size()) {
    const uint64_t most = (written.size() - synced.size()) / kSectorBytes;
    if (keep == CrashFileSystem::Keep::kPrefix) {
      // Cut behind the last sector that is there.
      const size_t count = static_cast<size_t>(std::count(kept.begin(), kept.end(), true));
      size = count == 0 ? synced.size() : (sectors[count - 1] + 1) * kSectorBytes;
    } else if ((*random)() % 3 == 0) {
      size = synced.size() + (*random)() % (most + 1) * kSectorBytes;
    }
    size = std::clamp(size, synced.size(), written.size());
  }
  return Torn(synced, written, size, sectors, kept);
}

}  // namespace

class CrashFileSystem::OpenFile : public WritableFile {
 public:
  OpenFile(CrashFileSystem* file_system, std::string path, NodePtr node)
      : file_system_(file_system), path_(std::move(path)), node_(std::move(node)) {}

  absl::Status Append(absl::string_view bytes) override {
    file_system_->Before(Call::kAppend, path_);
    file_system_->Write(node_, end_, bytes);
    end_ += bytes.size();
    return absl::OkStatus();
  }

  absl::Status WriteAt(uint64_t offset, absl::string_view bytes) override {
    file_system_->Before(Call::kWriteAt, path_);
    file_system_->Write(node_, offset, bytes);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    file_system_->Before(Call::kSync, path_);
    file_system_->SyncFile(node_);
    return absl::OkStatus();
  }

  absl::Status Close() override { return absl::OkStatus(); }

 private:
  CrashFileSystem* const file_system_;
  const std::string path_;
  const NodePtr node_;
  uint64_t end_ = 0;  // Append is for files that were created through this
};

class CrashFileSystem::OpenToReadFile : public ReadableFile {
 public:
  OpenToReadFile(CrashFileSystem* file_system, NodePtr node)
      : file_system_(file_system), node_(std::move(node)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) const override {
    absl::ReaderMutexLock lock(&file_system_->mutex_);
    return node_->bytes.Read(offset, buffer);
  }

 private:
  CrashFileSystem* const file_system_;
  const NodePtr node_;
};

class CrashFileSystem::HeldLock : public FileLock {
 public:
  HeldLock(CrashFileSystem* file_system, NodePtr node)
      : file_system_(file_system), node_(std::move(node)) {}
  ~HeldLock() override { file_system_->Unlock(node_); }

 private:
  CrashFileSystem* const file_system_;
  const NodePtr node_;
};

CrashFileSystem::CrashFileSystem() {
  absl::MutexLock lock(&mutex_);
  root_ = NewNode(/*is_directory=*/true);
}

void CrashFileSystem::SetHook(Hook hook) { hook_ = std::move(hook); }

uint64_t CrashFileSystem::calls() const {
  absl::MutexLock lock(&mutex_);
  return calls_;
}

void CrashFileSystem::Before(Call call, const std::string& path) {
  CallInfo info;
  {
    absl::MutexLock lock(&mutex_);
    info.number = calls_++;
  }
  if (hook_ == nullptr) return;
  info.call = call;
  info.path = path;
  hook_(info);
}

// ---------------------------------------------------------------- names

CrashFileSystem::NodePtr CrashFileSystem::NewNode(bool is_directory) {
  return std::make_shared<Node>(next_id_++, is_directory);
}

CrashFileSystem::NodePtr CrashFileSystem::Find(absl::string_view path) const {
  NodePtr node = root_;
  for (const std::string& name : NamesOf(path)) {
    const auto found = node->entries.find(name);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

absl::StatusOr<CrashFileSystem::Place> CrashFileSystem::FindPlace(const std::string& path) const {
  std::vector<std::string> names = NamesOf(path);
  SWOOSH_CHECK(!names.empty());
  Place place;
  place.name = std::move(names.back());
  place.directory = Find(DirectoryOf(path));
  if (place.directory == nullptr || !place.directory->is_directory) return NotFound(path);
  return place;
}

absl::StatusOr<CrashFileSystem::NodePtr> CrashFileSystem::FindFile(const std::string& path) const {
  NodePtr node = Find(path);
  if (node == nullptr) return NotFound(path);
  if (node->is_directory) return absl::UnavailableError(absl::StrCat(path, ": is a directory"));
  return node;
}

void CrashFileSystem::Apply(const NameChange& change, std::map<std::string, NodePtr>* entries) {
  if (!change.removed.empty()) entries->erase(change.removed);
  if (!change.added.empty()) (*entries)[change.added] = change.node;
}

void CrashFileSystem::Change(NameChange change) {
  Apply(change, &change.directory->entries);
  pending_.push_back(std::move(change));
}

absl::StatusOr<std::unique_ptr<WritableFile>> CrashFileSystem::Create(const std::string& path) {
  Before(Call::kCreate, path);
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<Place> place = FindPlace(path);
  if (!place.ok()) return place.status();
  NodePtr node = Find(path);
  if (node == nullptr) {
    node = NewNode(/*is_directory=*/false);
    Change({place->directory, "", place->name, node});
  } else if (node->is_directory) {
    return absl::UnavailableError(absl::StrCat(path, ": is a directory"));
  } else {
    node->bytes = SharedBytes();
    node->lost_pages.clear();
    unsynced_[node->id] = node;
  }
  return std::make_unique<OpenFile>(this, path, std::move(node));
}

absl::StatusOr<std::unique_ptr<WritableFile>> CrashFileSystem::OpenToOverwrite(
    const std::string& path) {
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<NodePtr> node = FindFile(path);
  if (!node.ok()) return node.status();
  return std::make_unique<OpenFile>(this, path, *std::move(node));
}

absl::StatusOr<std::unique_ptr<ReadableFile>> CrashFileSystem::OpenToRead(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<NodePtr> node = FindFile(path);
  if (!node.ok()) return node.status();
  return std::make_unique<OpenToReadFile>(this, *std::move(node));
}

absl::StatusOr<uint64_t> CrashFileSystem::Size(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  const NodePtr node = Find(path);
  if (node == nullptr) return NotFound(path);
  return node->is_directory ? kPageBytes : node->bytes.size();
}

bool CrashFileSystem::Exists(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  return Find(path) != nullptr;
}

absl::StatusOr<std::vector<std::string>> CrashFileSystem::List(const std::string& directory) {
  absl::MutexLock lock(&mutex_);
  const NodePtr node = Find(directory);
  if (node == nullptr) return NotFound(directory);
  if (!node->is_directory) {
    return absl::UnavailableError(absl::StrCat(directory, ": not a directory"));
  }
  std::vector<std::string> names;
  for (const auto& [name, entry] : node->entries) names.push_back(name);
  return names;
}

absl::Status CrashFileSystem::CreateDirectories(const std::string& directory) {
  std::string path;
  for (const std::string& name : NamesOf(directory)) {
    const std::string parent = path.empty() ? "/" : path;
    absl::StrAppend(&path, "/", name);
    if (Exists(path)) continue;
    Before(Call::kCreateDirectory, path);
    {
      absl::MutexLock lock(&mutex_);
      const absl::StatusOr<Place> place = FindPlace(path);
      if (!place.ok()) return place.status();
      Change({place->directory, "", place->name, NewNode(/*is_directory=*/true)});
    }
    if (absl::Status status = SyncDirectory(parent); !status.ok()) return status;
  }
  absl::MutexLock lock(&mutex_);
  if (Find(directory)->is_directory) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(directory, ": not a directory"));
}

absl::Status CrashFileSystem::Rename(const std::string& from, const std::string& to) {
  Before(Call::kRename, from);
  absl::MutexLock lock(&mutex_);
  const NodePtr node = Find(from);
  if (node == nullptr) return NotFound(from);
  absl::StatusOr<Place> old_place = FindPlace(from);
  absl::StatusOr<Place> new_place = FindPlace(to);
  if (!new_place.ok()) return new_place.status();
  if (old_place->directory == new_place->directory) {
    Change({old_place->directory, old_place->name, new_place->name, node});
    return absl::OkStatus();
  }
  // Each folder is synced by itself.
  Change({new_place->directory, "", new_place->name, node});
  Change({old_place->directory, old_place->name, "", nullptr});
  return absl::OkStatus();
}

absl::Status CrashFileSystem::Link(const std::string& from, const std::string& to) {
  Before(Call::kLink, to);
  absl::MutexLock lock(&mutex_);
  const absl::StatusOr<NodePtr> node = FindFile(from);
  if (!node.ok()) return node.status();
  const absl::StatusOr<Place> place = FindPlace(to);
  if (!place.ok()) return place.status();
  if (Find(to) != nullptr) return absl::AlreadyExistsError(absl::StrCat(to, ": file exists"));
  Change({place->directory, "", place->name, *node});
  return absl::OkStatus();
}

absl::Status CrashFileSystem::Remove(const std::string& path) {
  Before(Call::kRemove, path);
  absl::MutexLock lock(&mutex_);
  const NodePtr node = Find(path);
  if (node == nullptr) return NotFound(path);
  if (!node->entries.empty()) {
    return absl::UnavailableError(absl::StrCat(path, ": directory not empty"));
  }
  const absl::StatusOr<Place> place = FindPlace(path);
  Change({place->directory, place->name, "", nullptr});
  return absl::OkStatus();
}

absl::Status CrashFileSystem::SyncDirectory(const std::string& directory) {
  Before(Call::kSyncDirectory, directory);
  absl::MutexLock lock(&mutex_);
  const NodePtr node = Find(directory);
  if (node == nullptr) return NotFound(directory);
  std::vector<NameChange> others;
  for (NameChange& change : pending_) {
    if (change.directory != node) {
      others.push_back(std::move(change));
    } else if (!change.lost) {
      Apply(change, &node->synced_entries);
    }
  }
  pending_ = std::move(others);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileLock>> CrashFileSystem::Lock(const std::string& path) {
  if (!Exists(path)) {
    if (absl::Status status = Create(path).status(); !status.ok()) return status;
  }
  absl::MutexLock lock(&mutex_);
  NodePtr node = Find(path);
  if (node == nullptr) return NotFound(path);
  if (!locked_.insert(node.get()).second) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is locked by another process"));
  }
  return std::make_unique<HeldLock>(this, std::move(node));
}

void CrashFileSystem::Unlock(const NodePtr& node) {
  absl::MutexLock lock(&mutex_);
  locked_.erase(node.get());
}

// ---------------------------------------------------------------- bytes

void CrashFileSystem::Write(const NodePtr& node, uint64_t offset, absl::string_view bytes) {
  if (bytes.empty()) return;
  absl::MutexLock lock(&mutex_);
  // A page that is written to is written whole.
  for (uint64_t page = offset / kPageBytes; page <= (offset + bytes.size() - 1) / kPageBytes;
       ++page) {
    node->lost_pages.erase(page);
  }
  node->bytes.Write(offset, bytes);
  unsynced_[node->id] = node;
}

void CrashFileSystem::SyncFile(const NodePtr& node) {
  absl::MutexLock lock(&mutex_);
  SharedBytes before = std::exchange(node->synced, node->bytes);
  unsynced_.erase(node->id);
  if (node->lost_pages.empty()) return;
  before.Resize(node->bytes.size());
  for (const uint64_t page : node->lost_pages) {
    for (uint64_t i = 0; i < kPageBytes / kSectorBytes; ++i) {
      node->synced.TakeSector(page * (kPageBytes / kSectorBytes) + i, before);
    }
  }
  unsynced_[node->id] = node;
}

void CrashFileSystem::LoseUnsyncedData(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  const NodePtr node = Find(path);
  if (node == nullptr) return;
  for (const uint64_t sector : node->bytes.SectorsThatDiffer(node->synced)) {
    node->lost_pages.insert(sector / (kPageBytes / kSectorBytes));
  }
}

void CrashFileSystem::LoseUnsyncedNames(const std::string& directory) {
  absl::MutexLock lock(&mutex_);
  const NodePtr node = Find(directory);
  for (NameChange& change : pending_) {
    if (change.directory == node) change.lost = true;
  }
}

void CrashFileSystem::Plant(const std::string& path, absl::string_view bytes) {
  absl::MutexLock lock(&mutex_);
  const absl::StatusOr<Place> place = FindPlace(path);
  SWOOSH_CHECK(place.ok());
  NodePtr node = Find(path);
  if (node == nullptr) node = NewNode(/*is_directory=*/false);
  SharedBytes content;
  content.Write(0, bytes);
  node->bytes = content;
  node->synced = content;
  node->lost_pages.clear();
  unsynced_.erase(node->id);
  place->directory->entries[place->name] = node;
  place->directory->synced_entries[place->name] = node;
}

// ---------------------------------------------------------------- crashes

std::vector<CrashFileSystem::NodePtr> CrashFileSystem::UnsyncedFiles() const {
  std::set<const Node*> seen;
  const std::function<void(const NodePtr&)> look = [&](const NodePtr& node) {
    if (node == nullptr || !seen.insert(node.get()).second) return;
    for (const auto& [name, entry] : node->entries) look(entry);
    for (const auto& [name, entry] : node->synced_entries) look(entry);
  };
  look(root_);
  for (const NameChange& change : pending_) look(change.node);
  std::vector<NodePtr> files;
  for (const auto& [id, node] : unsynced_) {
    if (seen.count(node.get()) > 0) files.push_back(node);
  }
  return files;
}

size_t CrashFileSystem::unsynced_parts() const {
  absl::ReaderMutexLock lock(&mutex_);
  size_t parts = pending_.size();
  for (const NodePtr& file : UnsyncedFiles()) {
    parts += file->bytes.SectorsThatDiffer(file->synced).size();
    if (file->bytes.size() != file->synced.size()) ++parts;
  }
  return parts;
}

std::unique_ptr<CrashFileSystem> CrashFileSystem::Crash(const Survival& survival) const {
  std::mt19937_64 random(survival.seed);
  absl::ReaderMutexLock lock(&mutex_);
  Disk disk;
  disk.changes = Choose(survival.names, pending_.size(), &random);
  for (const NodePtr& file : UnsyncedFiles()) {
    disk.data[file.get()] = TornAtRandom(file->synced, file->bytes, survival.data, &random);
  }
  return Make(disk);
}

std::unique_ptr<CrashFileSystem> CrashFileSystem::CrashKeeping(uint64_t parts) const {
  const auto next = [&parts] {
    const bool kept = (parts & 1) != 0;
    parts >>= 1;
    return kept;
  };
  absl::ReaderMutexLock lock(&mutex_);
  Disk disk;
  for (size_t i = 0; i < pending_.size(); ++i) disk.changes.push_back(next());
  for (const NodePtr& file : UnsyncedFiles()) {
    const bool resized = file->bytes.size() != file->synced.size() && next();
    const std::vector<uint64_t> sectors = file->bytes.SectorsThatDiffer(file->synced);
    std::vector<bool> kept;
    for (size_t i = 0; i < sectors.size(); ++i) kept.push_back(next());
    disk.data[file.get()] = Torn(file->synced, file->bytes,
                                 resized ? file->bytes.size() : file->synced.size(), sectors, kept);
  }
  return Make(disk);
}

std::unique_ptr<CrashFileSystem> CrashFileSystem::Make(const Disk& disk) const {
  std::map<const Node*, NodePtr> copies;
  const NodePtr root = CopyOf(disk, root_, &copies);
  auto made = std::make_unique<CrashFileSystem>();
  absl::MutexLock lock(&made->mutex_);
  made->root_ = root;
  made->next_id_ = next_id_;
  return made;
}

CrashFileSystem::NodePtr CrashFileSystem::CopyOf(const Disk& disk, const NodePtr& node,
                                                 std::map<const Node*, NodePtr>* copies) const {
  NodePtr& copy = (*copies)[node.get()];
  if (copy != nullptr) return copy;  // a second name
  copy = std::make_shared<Node>(node->id, node->is_directory);
  const NodePtr made = copy;
  if (!node->is_directory) {
    const auto found = disk.data.find(node.get());
    made->synced = found == disk.data.end() ? node->synced : found->second;
    made->bytes = made->synced;
    return made;
  }
  std::map<std::string, NodePtr> entries = node->synced_entries;
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (pending_[i].directory == node && disk.changes[i]) Apply(pending_[i], &entries);
  }
  for (auto& [name, entry] : entries) entry = CopyOf(disk, entry, copies);
  made->synced_entries = entries;
  made->entries = std::move(entries);
  return made;
}

}  // namespace swoosh
