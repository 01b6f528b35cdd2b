// Measures what storage costs at size: snapshots and replay of many instances, and the disk that a
// trimmed log takes. Prints one line a figure.
//
//   storage_benchmark --directory=DIR --instances=1000000 --records=1000000

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/sha256.h"
#include "core/state.h"
#include "core/statechart/instance.h"
#include "storage/file_system.h"
#include "storage/history_for_test.h"
#include "storage/log.h"
#include "storage/recovery.h"
#include "storage/snapshot_store.h"

ABSL_FLAG(std::string, directory, "", "An empty directory, on the disk to measure.");
ABSL_FLAG(uint64_t, instances, 1'000'000, "Instances in the snapshot.");
ABSL_FLAG(uint64_t, records, 1'000'000, "Records in the log.");
ABSL_FLAG(uint64_t, group, 100, "Records an append.");

namespace swoosh {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void Report(const char* what, double value, const char* unit) {
  std::printf("%-28s %14.3f %s\n", what, value, unit);
  std::fflush(stdout);
}

void MeasureSnapshot(const std::string& directory, uint64_t instances) {
  SWOOSH_CHECK(PosixFileSystem()->CreateDirectories(directory).ok());
  HistoryForTest history{StateWriter(kId)};
  history.Next(2);
  const Instance instance = *history.state().FindInstance("default", "i2");
  StateWriter writer(kId);
  for (uint64_t i = 0; i < instances; i += 1'000) {
    Effect effect;
    for (uint64_t j = i; j < i + 1'000 && j < instances; ++j) {
      const std::string id = absl::StrCat("order-", j);
      effect.writes.push_back(
          {InstanceKey("default", id), EncodeInstance(instance), EncodeInstanceExtra(instance)});
      ++effect.instances_added;
    }
    writer.Apply(effect, 1, {static_cast<int64_t>(i) + 1, 0});
  }
  writer.Seal();
  Report("bytes an instance in memory",
         static_cast<double>(writer.bytes_allocated()) / static_cast<double>(instances), "bytes");
  SnapshotStore store(PosixFileSystem(), directory, kId);
  const Stopwatch writing;
  const SnapshotStore::Info info = store.Write(writer.Sealed()).value();
  Report("snapshot written, verified", writing.seconds(), "s");
  Report("snapshot size", static_cast<double>(info.size_bytes) / 1e6, "MB");
  const Stopwatch checking;
  SWOOSH_CHECK(store.Check(info).ok());
  Report("snapshot checked", checking.seconds(), "s");
  const Stopwatch loading;
  SWOOSH_CHECK(store.Load(info).ok());
  Report("snapshot loaded", loading.seconds(), "s");
}

void MeasureLog(const std::string& directory, uint64_t records, uint64_t group) {
  const StorePaths paths = {directory, directory + "/wal", directory + "/snapshots"};
  {
    OpenStore store = Recover(PosixFileSystem(), paths, {}).value();
    HistoryForTest history(std::move(store.writer));
    double append_seconds = 0;
    for (uint64_t next = 1; next <= records; next += group) {
      const std::vector<EncodedRecord> made = history.Next(group);
      const Stopwatch appending;
      SWOOSH_CHECK(store.log->Append(next, made).ok());
      append_seconds += appending.seconds();
    }
    Report("appended", static_cast<double>(records) / append_seconds, "records/s");
    Report("log on disk", static_cast<double>(store.log->size_bytes()) / 1e6, "MB");
  }
  {
    const Stopwatch opening;
    OpenStore store = Recover(PosixFileSystem(), paths, {}).value();
    Report("opened", opening.seconds(), "s");
    Report("replayed", static_cast<double>(store.replayed_records) / store.replay_seconds,
           "records/s");
    const Stopwatch reading;
    uint64_t bytes = 0;
    uint64_t from = 1;
    while (from < store.log->next_index()) {
      SWOOSH_CHECK(store.log
                       ->Read(from, 8 << 20,
                              [&](uint64_t index, absl::string_view record) {
                                bytes += record.size();
                                from = index + 1;
                                return true;
                              })
                       .ok());
    }
    Report("read only", static_cast<double>(records) / reading.seconds(), "records/s");
    Report("bytes a record", static_cast<double>(bytes) / static_cast<double>(records), "bytes");
    const Stopwatch trimming;
    SWOOSH_CHECK(store.log->TrimPrefix(records / 10 * 9).ok());
    Report("trimmed 90 %", trimming.seconds(), "s");
    Report("log on disk", static_cast<double>(store.log->size_bytes()) / 1e6, "MB");
  }
}

// A log that is kept at a length: what it takes on disk meanwhile.
void MeasureRetention(const std::string& directory, uint64_t records, uint64_t group) {
  const StorePaths paths = {directory, directory + "/wal", directory + "/snapshots"};
  OpenStore store = Recover(PosixFileSystem(), paths, {}).value();
  const uint64_t kept = records / 20;
  for (uint64_t next = 1; next <= records; next += group) {
    std::vector<EncodedRecord> made(group);
    for (uint64_t i = 0; i < group; ++i) {
      const Digest random = Sha256(absl::StrCat(next + i));
      std::string bytes(AsBytes(random));
      for (int j = 0; j < 4; ++j) absl::StrAppend(&bytes, AsBytes(Sha256(bytes)));
      made[i] = {next + i, bytes + std::string(300, 'x'), random};
    }
    SWOOSH_CHECK(store.log->Append(next, made).ok());
    if (next > kept) SWOOSH_CHECK(store.log->TrimPrefix(next - kept).ok());
    if ((next - 1) % (records / 10) == 0) {
      std::printf("at record %-18lu %14.3f MB on disk, %.3f MB kept\n",
                  static_cast<unsigned long>(next),
                  static_cast<double>(store.log->size_bytes()) / 1e6,
                  static_cast<double>(std::min(next, kept)) * 460 / 1e6);
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const std::string directory = absl::GetFlag(FLAGS_directory);
  if (directory.empty()) {
    std::fprintf(stderr, "--directory is missing\n");
    return 2;
  }
  const uint64_t records = absl::GetFlag(FLAGS_records);
  const uint64_t group = absl::GetFlag(FLAGS_group);
  swoosh::MeasureSnapshot(directory + "/snapshot", absl::GetFlag(FLAGS_instances));
  swoosh::MeasureLog(directory + "/log", records, group);
  swoosh::MeasureRetention(directory + "/retention", records, group);
  return 0;
}
