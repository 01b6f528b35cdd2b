// Writes batches of records into a plain LevelDB, each batch synced: what the log's library can do
// in one process with nothing around it. The records are those of a store of ours, byte for byte,
// over and over; the database's options are the log's.
//
//   leveldb_load --source=DIR/wal --directory=DIR --batch=100 --duration=5s
//
// Prints a line of JSON; its rate is in records a second. --source is opened as a database is,
// which changes its files: give a copy.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "leveldb/db.h"
#include "leveldb/write_batch.h"
#include "storage/big_endian.h"
#include "storage/file_system.h"
#include "storage/leveldb_env.h"
#include "storage/leveldb_log.h"
#include "tests/bench/load_plan.h"

ABSL_FLAG(std::string, source, "", "The folder of a log, where the records are from.");
ABSL_FLAG(std::string, directory, "", "An empty folder, on the disk to measure.");
ABSL_FLAG(uint64_t, source_records, 1000, "So many of the newest are taken, if there are.");
ABSL_FLAG(uint64_t, batch, 100, "Records a batch.");
ABSL_FLAG(absl::Duration, warm_up, absl::Seconds(1), "Written and not measured.");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(5), "Measured.");

namespace swoosh {
namespace {

constexpr size_t kReadBytesMax = 256 * 1024 * 1024;

absl::StatusOr<std::vector<std::string>> ReadSource(const std::string& directory, uint64_t count) {
  const auto log = LevelDbLog::Open(PosixFileSystem(), directory, false, nullptr);
  if (!log.ok()) return log.status();
  const uint64_t first = (*log)->first_index();
  const uint64_t next = (*log)->next_index();
  std::vector<std::string> records;
  const absl::Status status =
      (*log)->Read(next - first > count ? next - count : first, kReadBytesMax,
                   [&records](uint64_t, absl::string_view bytes) {
                     records.emplace_back(bytes);
                     return true;
                   });
  if (!status.ok()) return status;
  if (records.empty()) return absl::NotFoundError(absl::StrCat("no record in ", directory));
  return records;
}

absl::StatusOr<std::string> Write(const std::vector<std::string>& records) {
  leveldb::Options options = LevelDbLog::DatabaseOptions();
  options.create_if_missing = true;
  leveldb::DB* opened = nullptr;
  leveldb::Status status = leveldb::DB::Open(options, absl::GetFlag(FLAGS_directory), &opened);
  const std::unique_ptr<leveldb::DB> database(opened);
  leveldb::WriteOptions synced;
  synced.sync = true;
  const uint64_t batch_records = absl::GetFlag(FLAGS_batch);
  uint64_t index = 0;
  LoadPlan plan(absl::Now(), absl::GetFlag(FLAGS_warm_up), absl::GetFlag(FLAGS_duration), 0);
  LoadTally tally;
  absl::Time due;
  while (status.ok() && plan.Take(absl::Now(), &due)) {
    leveldb::WriteBatch batch;
    for (uint64_t i = 0; i < batch_records; ++i) {
      std::string key;
      AppendBigEndian(++index, &key);
      batch.Put(key, records[index % records.size()]);
    }
    status = database->Write(synced, &batch);
    const absl::Time now = absl::Now();
    for (uint64_t i = 0; i < batch_records; ++i) tally.Answered(plan, due, now);
  }
  if (!status.ok()) return FromLevelDbStatus(status, "LevelDB");
  return tally.ToJson(plan);
}

int Main() {
  const absl::StatusOr<std::vector<std::string>> records =
      ReadSource(absl::GetFlag(FLAGS_source), absl::GetFlag(FLAGS_source_records));
  const absl::StatusOr<std::string> json = records.ok() ? Write(*records) : records.status();
  return PrintOutcome(json);
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return swoosh::Main();
}
