#include "storage/salvage.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "leveldb/options.h"
#include "storage/big_endian.h"
#include "storage/leveldb_batch.h"
#include "storage/leveldb_log.h"
#include "storage/leveldb_scan.h"
#include "storage/log_file_scan.h"

namespace swoosh {

Salvage::Salvage(FileSystem* file_system)
    : file_system_(file_system), env_(file_system, nullptr, nullptr) {}

absl::StatusOr<std::unique_ptr<Salvage>> Salvage::Open(FileSystem* file_system,
                                                       const std::string& wal_dir) {
  std::unique_ptr<Salvage> salvage(new Salvage(file_system));
  const absl::StatusOr<bool> found = LevelDbLog::Find(file_system, wal_dir);
  if (!found.ok()) return found.status();
  if (!*found) return salvage;
  absl::StatusOr<std::unique_ptr<ScratchLog>> scratch =
      ScratchLog::Make(file_system, wal_dir, kSalvageScratchName);
  if (!scratch.ok()) return scratch.status();
  salvage->scratch_ = *std::move(scratch);
  if (absl::Status status = salvage->OpenDatabase(); !status.ok()) return status;
  return salvage;
}

absl::Status Salvage::OpenDatabase() {
  const std::string& directory = scratch_->directory();
  leveldb::Options options;
  options.env = &env_;
  options.info_log = LevelDbEnv::NullLogger();
  options.reuse_logs = false;
  options.paranoid_checks = true;
  const absl::StatusOr<LevelDbScan> scan = ScanLevelDb(file_system_, directory);
  if (!scan.ok()) return scan.status();
  leveldb::DB* database = nullptr;
  if (scan->found == LogFiles::kSound || scan->found == LogFiles::kTorn) {
    for (const LevelDbScan::Tear& tear : scan->tears) {
      if (absl::Status status = CutTear(file_system_, tear); !status.ok()) return status;
    }
    leveldb::DB::Open(options, directory, &database);
  }
  if (database == nullptr) {
    // LevelDB's own repair takes up every table, but reads log files without their checksums.
    if (absl::Status status = TakeLogFiles(); !status.ok()) return status;
    if (leveldb::RepairDB(directory, options).ok()) {
      leveldb::DB::Open(options, directory, &database);
    }
  }
  database_.reset(database);
  // What even that can't open holds nothing, unless it is the disk that fails.
  return env_.failure();
}

absl::Status Salvage::TakeLogFiles() {
  absl::StatusOr<std::vector<std::string>> names = file_system_->List(scratch_->directory());
  if (!names.ok()) return names.status();
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    if (!absl::EndsWith(name, ".log")) continue;
    const std::string path = absl::StrCat(scratch_->directory(), "/", name);
    absl::Status status = ReadIntactEntries(file_system_, path, [this](absl::string_view entry) {
      LevelDbBatch batch;
      ReadLevelDbBatch(entry, &batch, [this](uint64_t index, absl::string_view value) {
        of_log_files_[index] = std::string(value);
      });
    });
    if (status.ok()) status = file_system_->Remove(path);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Salvage::Get(uint64_t index) const {
  const auto found = of_log_files_.find(index);
  if (found != of_log_files_.end()) return found->second;
  if (database_ == nullptr) return absl::NotFoundError(absl::StrCat("record ", index));
  std::string key;
  AppendBigEndian(index, &key);
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  std::string bytes;
  const leveldb::Status status = database_->Get(options, key, &bytes);
  if (!status.ok()) return FromLevelDbStatus(status, absl::StrCat("record ", index));
  return bytes;
}

}  // namespace swoosh
