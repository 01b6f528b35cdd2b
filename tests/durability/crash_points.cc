// Crashes at every call that changes the disk: a run of a real executor, snapshots, trimming and
// restarts over a file system in memory, of which disk images are taken before each call, as power
// cuts may leave them. Each image is recovered. Of some recoveries, images are taken in the same
// way, and recovered; and of some of these again.
//
// A mere crash damages nothing: each image must open, hold what was acknowledged before it was
// taken, and nothing that was never written.
//
//   --seed=N            of the workload, the tearing and what is chosen; threads run as they will
//   --transitions=N     that are accepted in all
//   --random_images=N   torn at random, of each call
//   --recovery_every=N  of so many images one is crashed again while it recovers
//
// Prints a JSON line; exits with 1 where anything is lost, wrong or refused.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
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
#include "server/store_server_for_test.h"
#include "storage/crash_file_system.h"
#include "tests/durability/crash_images.h"
#include "tests/durability/store_check.h"
#include "tests/durability/workload.h"
#include "tests/durability/written_history.h"

ABSL_FLAG(uint64_t, seed, 1, "Of the workload and of what is torn.");
ABSL_FLAG(int, transitions, 2'000, "Accepted in all.");
ABSL_FLAG(uint64_t, random_images, 4, "Torn at random, of each call.");
ABSL_FLAG(uint64_t, recovery_every, 600, "One image of so many is crashed while it recovers.");

namespace swoosh {
namespace {

constexpr int kBurstMax = 8;
constexpr uint64_t kRestartEvery = 20;  // bursts
constexpr int kOrders = 3;              // a crash; one while it is recovered from; once more
constexpr int kProblemsShownMax = 20;
constexpr double kProgressSeconds = 20;

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class Campaign {
 public:
  explicit Campaign(uint64_t seed)
      : seed_(seed),
        workload_(seed),
        taker_(seed << 32, absl::GetFlag(FLAGS_random_images)),
        disk_(std::make_unique<CrashFileSystem>()) {}

  void Run();
  // Whether nothing was found.
  bool Report() const;

 private:
  struct Counts {
    uint64_t images[kOrders] = {};
    uint64_t reopened = 0;
    uint64_t refused = 0;
    uint64_t named = 0;  // of the refused: those that name damage
    uint64_t lost = 0;
    uint64_t wrong = 0;
    uint64_t restarts = 0;
    uint64_t crashes_gone_on_from = 0;
  };

  void Open();
  void Restart();
  void Drain();
  // Whether it is whole.
  bool Check(CrashImage image, int order);
  StoreFinding CheckRecovery(CrashImage image, int order);
  void Count(const StoreFinding& finding, const std::string& origin, int order);
  uint64_t checked() const;

  const uint64_t seed_;
  Workload workload_;
  CrashImageTaker taker_;
  WrittenHistory history_;
  std::unique_ptr<CrashFileSystem> disk_;
  std::unique_ptr<StoreServer> server_;
  std::optional<CrashImage> last_image_;  // one of those of the last burst, untouched
  Counts counts_;
  int accepted_ = 0;
  uint64_t bursts_ = 0;
  std::set<std::string> logs_;
  std::set<std::string> tables_;
  uint64_t trimmed_to_ = 0;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double shown_at_ = 0;
};

void Campaign::Open() {
  taker_.Watch(disk_.get(), [this] { return history_.acknowledged(); });
  absl::StatusOr<std::unique_ptr<StoreServer>> server =
      StoreServer::Open(disk_.get(), kCheckedStore, BusyStoreOptions(&history_));
  if (!server.ok()) std::cerr << server.status() << "\n";
  SWOOSH_CHECK(server.ok());
  server_ = *std::move(server);
  history_.GoOnFrom(server_->state()->index());
}

// Stops, or loses power, and starts again.
void Campaign::Restart() {
  ++counts_.restarts;
  const bool crash = last_image_.has_value() && counts_.restarts % 3 != 0;
  if (!crash) {
    if (workload_.Below(2) == 0) SWOOSH_CHECK(server_->snapshotter().Stop(true).ok());
    server_.reset();
    Drain();
    Open();
    return;
  }
  ++counts_.crashes_gone_on_from;
  taker_.Pause(true);
  server_.reset();
  taker_.Take();  // of what went on beside the last check: not of the history that follows
  taker_.Pause(false);
  disk_ = std::move(last_image_->disk);
  history_.GoBackTo(last_image_->acknowledged);
  last_image_.reset();
  Open();
}

void Campaign::Run() {
  Open();
  const int transitions = absl::GetFlag(FLAGS_transitions);
  while (accepted_ < transitions) {
    const int burst = 1 + static_cast<int>(workload_.Below(kBurstMax));
    accepted_ += workload_.Send(server_.get(), burst, &history_).acknowledged;
    Drain();
    trimmed_to_ = std::max(trimmed_to_, server_->store().log->first_index());
    if (++bursts_ % kRestartEvery == 0) Restart();
  }
  server_.reset();
  Drain();
  Check({disk_->Crash({}), history_.acknowledged(), "the end"}, 0);
}

// Checks what was taken since.
void Campaign::Drain() {
  const auto files = disk_->List(absl::StrCat(kCheckedStore, "/wal"));
  SWOOSH_CHECK(files.ok());
  for (const std::string& file : *files) {
    if (absl::EndsWith(file, ".log")) logs_.insert(file);
    if (absl::EndsWith(file, ".ldb")) tables_.insert(file);
  }
  std::vector<CrashImage> images = taker_.Take();
  last_image_.reset();
  const size_t chosen = images.empty() ? 0 : workload_.Below(images.size());
  for (size_t i = 0; i < images.size(); ++i) {
    CrashImage copy = {images[i].disk->Crash({}), images[i].acknowledged, images[i].origin};
    if (Check(std::move(images[i]), 0) && i == chosen) last_image_ = std::move(copy);
  }
  if (SecondsSince(begin_) < shown_at_ + kProgressSeconds) return;
  shown_at_ = SecondsSince(begin_);
  std::cerr << absl::StrFormat("%d transitions, %d images, %.0f a second\n", accepted_, checked(),
                               static_cast<double>(checked()) / shown_at_);
}

bool Campaign::Check(CrashImage image, int order) {
  const bool again = order + 1 < kOrders && checked() % absl::GetFlag(FLAGS_recovery_every) == 0;
  const std::string origin = image.origin;
  const StoreFinding finding = again ? CheckRecovery(std::move(image), order)
                                     : CheckStore(image.disk.get(), history_, image.acknowledged);
  Count(finding, origin, order);
  return finding.verdict == StoreFinding::Verdict::kWhole;
}

// Crashes the recovery at each of its calls.
StoreFinding Campaign::CheckRecovery(CrashImage image, int order) {
  CrashImageTaker taker(seed_ + checked(), absl::GetFlag(FLAGS_random_images));
  taker.Watch(image.disk.get(), [&image] { return image.acknowledged; });
  const StoreFinding finding = CheckStore(image.disk.get(), history_, image.acknowledged);
  image.disk->SetHook(nullptr);
  std::vector<CrashImage> images = taker.Take();
  // What was recovered is served, and so must stay.
  images.push_back(
      {image.disk->Crash({}), std::max(image.acknowledged, finding.index), "after the recovery"});
  for (CrashImage& each : images) {
    each.origin = absl::StrCat(image.origin, "; recovery: ", each.origin);
    Check(std::move(each), order + 1);
  }
  return finding;
}

void Campaign::Count(const StoreFinding& finding, const std::string& origin, int order) {
  ++counts_.images[order];
  std::string problem = finding.problem;
  switch (finding.verdict) {
    case StoreFinding::Verdict::kWhole:
      ++counts_.reopened;
      return;
    case StoreFinding::Verdict::kPartly:
    case StoreFinding::Verdict::kRefused:
      ++counts_.refused;
      if (absl::IsDataLoss(finding.status)) ++counts_.named;
      problem = finding.status.ToString();
      break;
    case StoreFinding::Verdict::kLost:
      ++counts_.lost;
      break;
    case StoreFinding::Verdict::kWrong:
      ++counts_.wrong;
      break;
  }
  if (counts_.refused + counts_.lost + counts_.wrong > kProblemsShownMax) return;
  std::cerr << "seed " << seed_ << ": " << origin << ": " << problem << "\n";
}

uint64_t Campaign::checked() const {
  uint64_t sum = 0;
  for (const uint64_t count : counts_.images) sum += count;
  return sum;
}

bool Campaign::Report() const {
  const double seconds = SecondsSince(begin_);
  std::cout << absl::StrFormat(
      "{\"campaign\": \"crash_points\", \"runs\": %d, \"lost\": %d, \"wrong\": %d, "
      "\"violations\": %d, \"reopened\": %d, \"named\": %d, \"in_recovery\": %d, "
      "\"in_recovery_of_recovery\": %d, \"calls\": %d, \"transitions\": %d, \"restarts\": %d, "
      "\"after_crashes\": %d, \"log_files\": %d, \"tables\": %d, \"trimmed_to\": %d, "
      "\"seed\": %d, \"seconds\": %.0f}\n",
      checked(), counts_.lost, counts_.wrong, counts_.refused, counts_.reopened, counts_.named,
      counts_.images[1], counts_.images[2], taker_.calls(), accepted_, counts_.restarts,
      counts_.crashes_gone_on_from, logs_.size(), tables_.size(), trimmed_to_, seed_, seconds);
  return counts_.lost + counts_.wrong + counts_.refused == 0;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  swoosh::Campaign campaign(absl::GetFlag(FLAGS_seed));
  campaign.Run();
  return campaign.Report() ? 0 : 1;
}
