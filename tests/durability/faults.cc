// A call of the disk fails, for every call N of a server's life: start-up, proposals, snapshots,
// trimming, reads of the log, shutdown. Each time the server lives on a copy of the same store, and
// is restarted on what a power cut would then leave: whatever a failed sync lost is lost.
//
//   - A start-up that meets the fault is refused as an I/O error, never as damage.
//   - Once a call for the log or its mark has failed, no proposal that is sent afterwards is
//     acknowledged; the executor is fenced, and the committed state can still be read. A failed
//     trimming is such a call.
//   - A snapshot that fails fences nothing and is counted; the one before it stays, and the log
//     after that; proposals are accepted, and once the disk is well the next snapshot is taken.
//   - A read that fails is its reader's error.
//   - After the restart, nothing that was acknowledged is lost.
// A read that gives a changed bit may look like damage: a start-up may then be refused as damaged,
// but nothing wrong is served, and nothing lost unnamed.
//
//   --seed=N   of the workload
//   --every=N   tries one call of so many (a part of the campaign)
//   --offset=N  from this one on
//   --mode=TEXT  tries this mode alone
//
// Prints a JSON line; exits with 1 where one of these does not hold. How long fencing took is
// measured, from the failed call to the fence while proposals come, and judged by nobody.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/check.h"
#include "core/sha256.h"
#include "server/store_server_for_test.h"
#include "storage/crash_file_system.h"
#include "storage/fault_file_system.h"
#include "tests/durability/snapshot_promises.h"
#include "tests/durability/store_check.h"
#include "tests/durability/workload.h"
#include "tests/durability/written_history.h"

ABSL_FLAG(uint64_t, seed, 1, "Of the workload.");
ABSL_FLAG(uint64_t, every, 1, "Try one call of so many.");
ABSL_FLAG(uint64_t, offset, 0, "From this one on.");
ABSL_FLAG(std::string, mode, "", "Try this mode alone.");

namespace swoosh {
namespace {

using Keep = CrashFileSystem::Keep;
using Call = FaultFileSystem::Call;

constexpr int kBurstsBefore = 30;
constexpr int kBursts = 10;
constexpr int kBurstMax = 6;
constexpr int kSnapshotBurst = 4;
constexpr double kFenceMillisecondsMax = 100;
constexpr int kProblemsShownMax = 40;

struct Mode {
  const char* name;
  FaultFileSystem::Fault fault;
};

std::vector<Mode> Modes() {
  std::vector<Mode> modes;
  const auto add = [&modes](const char* name) {
    modes.push_back({name, {}});
    return &modes.back().fault;
  };
  add("EIO once")->looks = true;
  FaultFileSystem::Fault* fault = add("EIO for good");
  fault->looks = true;
  fault->for_good = true;
  add("ENOSPC once")->code = absl::StatusCode::kResourceExhausted;
  fault = add("ENOSPC for good");
  fault->code = absl::StatusCode::kResourceExhausted;
  fault->for_good = true;
  fault->tear = true;
  fault = add("short write");
  fault->only = Call::kWrite;
  fault->tear = true;
  add("failed though done")->done = true;
  add("flipped bit")->flip = true;
  return modes;
}

// What one life showed.
struct Life {
  bool opened = false;
  absl::Status refusal;
  bool fenced = false;
  double fence_milliseconds = -1;
  uint64_t snapshot_failures = 0;
  std::vector<std::string> problems;
};

class Campaign {
 public:
  explicit Campaign(uint64_t seed) : workload_(seed) { MakeStore(); }

  void Run();
  bool Report() const;

 private:
  void MakeStore();
  // False when call number `after` is never made.
  bool Try(const Mode& mode, uint64_t after);
  Life Live(const CrashFileSystem& disk, FaultFileSystem* files, WrittenHistory* history,
            const Mode& mode);
  void SendBursts(StoreServer* server, SnapshotPromises* snapshots, WrittenHistory* history,
                  FaultFileSystem* files, const Mode& mode, Life* life);
  void JudgeSnapshots(const CrashFileSystem& disk, SnapshotPromises* snapshots,
                      FaultFileSystem* files, WrittenHistory* history, const Mode& mode,
                      Life* life);
  void ReadLog(StoreServer* server, const WrittenHistory& history, FaultFileSystem* files,
               const Mode& mode, Life* life);
  void JudgeEnd(const std::optional<FaultFileSystem::Fired>& fired, const Mode& mode, Life* life);
  void Restart(const CrashFileSystem& disk, const WrittenHistory& history, const Mode& mode,
               Life* life);

  Workload workload_;
  WrittenHistory history_;  // of the store that each life begins with
  std::unique_ptr<CrashFileSystem> store_;

  uint64_t runs_ = 0;
  uint64_t lost_ = 0;
  uint64_t wrong_ = 0;
  uint64_t violations_ = 0;
  uint64_t refused_starts_ = 0;
  uint64_t fences_ = 0;
  uint64_t late_fences_ = 0;
  uint64_t snapshot_failures_ = 0;
  uint64_t outlived_snapshots_ = 0;  // lives that went on after a failed call for a snapshot
  uint64_t named_ = 0;               // start-ups with a flipped bit that were refused as damaged
  uint64_t named_after_ = 0;         // restarts after one, on a disk that reads well
  double fence_milliseconds_most_ = 0;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

bool IsOfLog(const std::string& path) {
  return absl::StrContains(path, "/wal/") || absl::EndsWith(path, "/wal") ||
         absl::EndsWith(path, "/commit_mark");
}

bool Changes(Call call) {
  return call != Call::kOpenToRead && call != Call::kRead && call != Call::kList &&
         call != Call::kSize && call != Call::kLock;
}

void Campaign::MakeStore() {
  CrashFileSystem disk;
  std::unique_ptr<StoreServer> server =
      StoreServer::Open(&disk, kCheckedStore, BusyStoreOptions(&history_)).value();
  SnapshotPromises snapshots(server.get());
  for (int burst = 0; burst < kBurstsBefore; ++burst) {
    workload_.Send(server.get(), 1 + static_cast<int>(workload_.Below(kBurstMax)), &history_);
    if (burst == kBurstsBefore / 2) SWOOSH_CHECK(snapshots.Take().ok());
  }
  store_ = disk.Crash({Keep::kEverything, Keep::kEverything});
}

void Campaign::Run() {
  const uint64_t every = absl::GetFlag(FLAGS_every);
  for (const Mode& mode : Modes()) {
    const std::string& only = absl::GetFlag(FLAGS_mode);
    if (!only.empty() && only != mode.name) continue;
    for (uint64_t after = absl::GetFlag(FLAGS_offset); Try(mode, after); after += every) {
    }
  }
}

bool Campaign::Try(const Mode& mode, uint64_t after) {
  ++runs_;
  const std::unique_ptr<CrashFileSystem> disk = store_->Crash({});
  FaultFileSystem files(disk.get());
  files.OnFailedSync([&disk](Call call, const std::string& path) {
    call == Call::kSync ? disk->LoseUnsyncedData(path) : disk->LoseUnsyncedNames(path);
  });
  FaultFileSystem::Fault fault = mode.fault;
  fault.after = after;
  files.Arm(fault);
  WrittenHistory history = history_;
  Life life = Live(*disk, &files, &history, mode);
  const std::optional<FaultFileSystem::Fired> fired = files.first_fired();
  JudgeEnd(fired, mode, &life);
  Restart(*disk, history, mode, &life);
  snapshot_failures_ += life.snapshot_failures;
  if (!life.opened) ++refused_starts_;
  if (life.fence_milliseconds >= 0) {
    ++fences_;
    if (life.fence_milliseconds > kFenceMillisecondsMax) ++late_fences_;
    fence_milliseconds_most_ = std::max(fence_milliseconds_most_, life.fence_milliseconds);
  }
  violations_ += life.problems.size();
  for (const std::string& problem : life.problems) {
    if (lost_ + wrong_ + violations_ > kProblemsShownMax) break;
    std::cerr << mode.name << " at call " << after << " ("
              << (fired.has_value() ? fired->path : "none") << ", kind "
              << (fired.has_value() ? static_cast<int>(fired->call) : -1) << "): " << problem
              << "\n";
  }
  return fired.has_value();
}

Life Campaign::Live(const CrashFileSystem& disk, FaultFileSystem* files, WrittenHistory* history,
                    const Mode& mode) {
  Life life;
  StoreServer::Options options = BusyStoreOptions(history);
  std::atomic<int64_t> fenced_after_ns{-1};
  options.on_fenced = [files, &fenced_after_ns](const absl::Status&) {
    const auto fired = files->first_fired();
    if (!fired.has_value()) return;
    fenced_after_ns =
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - fired->at).count();
  };
  absl::StatusOr<std::unique_ptr<StoreServer>> opened =
      StoreServer::Open(files, kCheckedStore, std::move(options));
  if (!opened.ok()) {
    life.refusal = opened.status();
    return life;
  }
  life.opened = true;
  StoreServer* const server = opened->get();
  const uint64_t served = server->state()->index();
  if (served < history_.acknowledged()) {
    ++lost_;
    life.problems.push_back(absl::StrCat("serves a history that ends at ", served));
    return life;
  }
  history->GoOnFrom(served);
  SnapshotPromises snapshots(server);
  SendBursts(server, &snapshots, history, files, mode, &life);
  life.fenced = server->executor().fenced();
  if (server->state()->index() < history->acknowledged()) {
    life.problems.push_back("the committed state can't be read any more");
  }
  life.snapshot_failures = static_cast<uint64_t>(server->metrics().snapshot_failures.Value());
  if (files->fired() && !life.fenced) {
    JudgeSnapshots(disk, &snapshots, files, history, mode, &life);
  }
  opened->reset();
  if (fenced_after_ns >= 0) life.fence_milliseconds = static_cast<double>(fenced_after_ns) / 1e6;
  return life;
}

void Campaign::SendBursts(StoreServer* server, SnapshotPromises* snapshots, WrittenHistory* history,
                          FaultFileSystem* files, const Mode& mode, Life* life) {
  int sent_afterwards = 0;
  for (int burst = 0; burst < kBursts; ++burst) {
    const auto fired = files->first_fired();
    const bool writes_over = fired.has_value() && Changes(fired->call) && IsOfLog(fired->path);
    const int count = 1 + static_cast<int>(workload_.Below(kBurstMax));
    const Workload::Outcome outcome = workload_.Send(server, count, history);
    if (writes_over && outcome.acknowledged > 0) {
      life->problems.push_back("acknowledged after a failed write");
    }
    // Proposals that are refused by themselves write nothing, and meet no error.
    sent_afterwards += writes_over ? count : 0;
    if (sent_afterwards > kRefusedInARowMax && !server->executor().fenced()) {
      life->problems.push_back("not fenced after a failed write");
    }
    if (burst == kSnapshotBurst) snapshots->Take().IgnoreError();
    ReadLog(server, *history, files, mode, life);
  }
}

// A call failed, and it was none that fences. From now on the disk is well.
void Campaign::JudgeSnapshots(const CrashFileSystem& disk, SnapshotPromises* snapshots,
                              FaultFileSystem* files, WrittenHistory* history, const Mode& mode,
                              Life* life) {
  // A restart must not depend on the next snapshot.
  Restart(disk, *history, mode, life);
  files->Disarm();
  const FaultFileSystem::Fired fired = *files->first_fired();
  snapshots->CheckStands(fired, mode.fault.flip, &life->problems);
  // Where all calls fail, some may be the log's.
  if (!IsOfSnapshots(fired.path) || mode.fault.for_good) return;
  snapshots->CheckGoesOn(&workload_, history, &life->problems);
  ++outlived_snapshots_;
}

void Campaign::ReadLog(StoreServer* server, const WrittenHistory& history, FaultFileSystem* files,
                       const Mode& mode, Life* life) {
  uint64_t expected = server->store().log->first_index();
  bool right = true;
  const absl::Status read =
      server->store().log->Read(expected, SIZE_MAX, [&](uint64_t index, absl::string_view bytes) {
        const auto written = history.Find(index);
        right = right && index == expected++ && written.has_value() &&
                Sha256(bytes) == written->record_hash;
        return right;
      });
  if (!right) {
    ++wrong_;
    life->problems.push_back("a read of the log gives what was never written");
  }
  if (read.ok() || absl::IsOutOfRange(read)) return;
  if (!files->fired())
    life->problems.push_back(absl::StrCat("a read fails by itself: ", read.ToString()));
  if (!absl::IsUnavailable(read) && !mode.fault.flip) {
    life->problems.push_back(absl::StrCat("an I/O error is called damage: ", read.ToString()));
  }
}

void Campaign::JudgeEnd(const std::optional<FaultFileSystem::Fired>& fired, const Mode& mode,
                        Life* life) {
  if (!life->opened) {
    if (!fired.has_value()) {
      life->problems.push_back(absl::StrCat("refused by itself: ", life->refusal.ToString()));
    } else if (mode.fault.flip) {
      if (absl::IsDataLoss(life->refusal)) ++named_;
    } else if (!absl::IsUnavailable(life->refusal)) {
      life->problems.push_back(
          absl::StrCat("a start-up that fails is called otherwise: ", life->refusal.ToString()));
    }
    return;
  }
  if (!fired.has_value()) {
    if (life->fenced) life->problems.push_back("fenced by itself");
    return;
  }
  // Closing may be what failed, and recovery may have no need of what did.
  if (IsOfSnapshots(fired->path) && !mode.fault.for_good && life->fenced) {
    life->problems.push_back("a failed snapshot fenced the server");
  }
}

// On what a power cut may leave, and on what a mere end of the process does.
void Campaign::Restart(const CrashFileSystem& disk, const WrittenHistory& history, const Mode& mode,
                       Life* life) {
  const CrashFileSystem::Survival survivals[] = {
      {}, {Keep::kEverything, Keep::kEverything}, {Keep::kSubset, Keep::kPrefix, runs_}};
  for (const CrashFileSystem::Survival& survival : survivals) {
    const std::unique_ptr<CrashFileSystem> left = disk.Crash(survival);
    const StoreFinding finding = CheckStore(left.get(), history, history.acknowledged());
    std::string problem = finding.problem;
    switch (finding.verdict) {
      case StoreFinding::Verdict::kWhole:
        continue;
      case StoreFinding::Verdict::kPartly:
      case StoreFinding::Verdict::kRefused:
        problem = absl::StrCat("the restart: ", finding.status.ToString());
        if (mode.fault.flip && absl::IsDataLoss(finding.status)) {
          ++named_after_;
          if (!absl::GetFlag(FLAGS_mode).empty()) std::cerr << problem << "\n";
          continue;
        }
        break;
      case StoreFinding::Verdict::kLost:
        ++lost_;
        break;
      case StoreFinding::Verdict::kWrong:
        ++wrong_;
        break;
    }
    life->problems.push_back(problem);
  }
}

bool Campaign::Report() const {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  std::cout << absl::StrFormat(
      "{\"campaign\": \"faults\", \"runs\": %d, \"lost\": %d, \"wrong\": %d, \"violations\": %d, "
      "\"refused_starts\": %d, \"fences\": %d, \"fence_ms_max\": %.2f, \"fences_over_100_ms\": %d, "
      "\"snapshot_failures\": %d, \"lives_after_failed_snapshots\": %d, \"named\": %d, "
      "\"named_after\": %d, \"seed\": %d, \"seconds\": "
      "%.0f}\n",
      runs_, lost_, wrong_, violations_, refused_starts_, fences_, fence_milliseconds_most_,
      late_fences_, snapshot_failures_, outlived_snapshots_, named_, named_after_,
      absl::GetFlag(FLAGS_seed), seconds);
  return lost_ + wrong_ + violations_ == 0;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  swoosh::Campaign campaign(absl::GetFlag(FLAGS_seed));
  campaign.Run();
  return campaign.Report() ? 0 : 1;
}
