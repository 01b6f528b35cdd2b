// Replays a store, which no server has open, as a server does, and then with no check at all:
// decoding, reducing and changing the state, on two threads as well. What the two take tells what
// the checks cost. Changes nothing in the store.
//
// Usage: replay_cost DATA_DIR
//   Prints a line of JSON: records, bytes; recovery_seconds, of the replay in a recovery; of two
//   more replays, checked and unchecked, the seconds, the processor's seconds, and those of the
//   thread that reduces; index and state_hash. Fails when the two don't come to the same state.

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/record.h"
#include "core/reducer.h"
#include "core/sha256.h"
#include "core/state.h"
#include "google/protobuf/arena.h"
#include "storage/file_system.h"
#include "storage/log.h"
#include "storage/log_replay.h"
#include "storage/pipeline.h"
#include "storage/recovery.h"

namespace swoosh {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of all threads, or of the one that calls: RUSAGE_SELF, RUSAGE_THREAD.
double CpuSeconds(int who) {
  rusage usage = {};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// What a replay took.
struct Cost {
  double seconds = 0;
  double cpu_seconds = 0;           // of both threads
  double reducing_cpu_seconds = 0;  // of the one that reduces
};

template <typename Run>
Cost CostOf(Run run) {
  const double cpu = CpuSeconds(RUSAGE_SELF);
  const double reducing = CpuSeconds(RUSAGE_THREAD);
  const auto started = std::chrono::steady_clock::now();
  run();
  return {SecondsSince(started), CpuSeconds(RUSAGE_SELF) - cpu,
          CpuSeconds(RUSAGE_THREAD) - reducing};
}

void Print(const char* name, const Cost& cost) {
  std::printf("\"%s_seconds\": %.6f, \"%s_cpu_seconds\": %.6f, \"%s_reducing_cpu_seconds\": %.6f, ",
              name, cost.seconds, name, cost.cpu_seconds, name, cost.reducing_cpu_seconds);
}

struct Batch {
  google::protobuf::Arena arena;
  std::vector<const v1::Record*> records;
};

void Apply(const v1::Record& record, StateWriter* writer) {
  Proposal proposal;
  proposal.ns = record.namespace_();
  proposal.actor = record.actor();
  proposal.transitions = &record.transitions();
  proposal.guard_outcomes = &record.guard_outcomes();
  proposal.reducer_version = record.reducer_version();
  const Hlc hlc = FromProto(record.hlc());
  const absl::StatusOr<Reduction> reduction = Reduce(writer->view(), proposal, hlc);
  SWOOSH_CHECK(reduction.ok());
  writer->Apply(reduction->effect, record.reducer_version(), hlc);
}

// Returns the bytes that were read.
uint64_t ReplayUnchecked(const Log& log, StateWriter* writer) {
  std::vector<Batch> batches(kReplayBatches);
  uint64_t next = log.first_index();
  uint64_t bytes_read = 0;
  PipelineSteps steps;
  steps.fill = [&](size_t slot) {
    if (next == log.next_index()) return false;
    Batch& batch = batches[slot];
    batch.records.clear();
    batch.arena.Reset();
    const absl::Status read =
        log.Read(next, kReplayBatchBytes, [&](uint64_t index, absl::string_view stored) {
          auto* const record = google::protobuf::Arena::CreateMessage<v1::Record>(&batch.arena);
          std::optional<absl::string_view> changes;
          SWOOSH_CHECK(DecodeRecordBesideChanges(stored, record, &changes).ok());
          batch.records.push_back(record);
          bytes_read += stored.size();
          next = index + 1;
          return true;
        });
    SWOOSH_CHECK(read.ok());
    return true;
  };
  steps.advance = [&](size_t slot) {
    Batch& batch = batches[slot];
    for (const v1::Record* record : batch.records) Apply(*record, writer);
    return true;
  };
  steps.finish = [](size_t) {};
  steps.retire = [](size_t) { return true; };
  RunPipeline(batches.size(), steps);
  return bytes_read;
}

int Run(const std::string& data_dir) {
  RecoveryOptions options;
  options.from_oldest = true;
  options.read_only = true;
  const absl::StatusOr<OpenStore> store = Recover(
      PosixFileSystem(),
      {data_dir, absl::StrCat(data_dir, "/wal"), absl::StrCat(data_dir, "/snapshots")}, options);
  if (!store.ok() || store->log->first_index() != 1) {
    std::fprintf(stderr, "replay_cost: %s\n",
                 store.ok() ? "the log was trimmed" : store.status().ToString().c_str());
    return 1;
  }
  const Log& log = *store->log;
  // Without the first, which brings the files into memory and the processor up to speed.
  StateWriter checked(store->origin_id);
  absl::Status replayed;
  const Cost checked_cost =
      CostOf([&] { replayed = ReplayLog(log, log.next_index(), &checked, {}); });
  SWOOSH_CHECK(replayed.ok());
  const Digest state_hash = checked.Seal();
  const uint64_t index = checked.position().index;
  checked = StateWriter(store->origin_id);  // its memory, for a fair start
  uint64_t bytes = 0;
  const Cost unchecked_cost = CostOf([&] { bytes = ReplayUnchecked(log, &checked); });
  if (checked.Seal() != state_hash) {
    std::fprintf(stderr, "replay_cost: another state without the checks\n");
    return 1;
  }
  std::printf("{\"records\": %lu, \"bytes\": %lu, \"recovery_seconds\": %.6f, ",
              static_cast<unsigned long>(index), static_cast<unsigned long>(bytes),
              store->replay_seconds);
  Print("checked", checked_cost);
  Print("unchecked", unchecked_cost);
  std::printf("\"index\": %lu, \"state_hash\": \"%s\"}\n", static_cast<unsigned long>(index),
              ToHex(state_hash).c_str());
  return 0;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: replay_cost DATA_DIR\n");
    return 2;
  }
  return swoosh::Run(argv[1]);
}
