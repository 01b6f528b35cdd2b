#include "tests/durability/snapshot_promises.h"

#include <algorithm>
#include <future>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/snapshotter.h"
#include "storage/snapshot_store.h"

namespace swoosh {
namespace {

using Call = FaultFileSystem::Call;

constexpr int kBurst = kRefusedInARowMax + 1;
constexpr absl::Duration kAttemptMax = absl::Seconds(30);
constexpr absl::Duration kPollInterval = absl::Milliseconds(1);

// Until a snapshot has its name nothing needs it, so that a call for it that fails ends the
// attempt. Afterwards it may be one of tidying up, which the next attempt makes good. Where a
// changed bit was read, the snapshot is made again or is whole: some bytes are read twice, and
// judged once.
bool EndsTheAttempt(const FaultFileSystem::Fired& fired, bool flipped) {
  return absl::EndsWith(fired.path, ".tmp") && fired.call != Call::kRemove && !flipped;
}

}  // namespace

bool IsOfSnapshots(const std::string& path) { return absl::StrContains(path, "/snapshots"); }

SnapshotPromises::SnapshotPromises(StoreServer* server)
    : server_(server), newest_before_(server->store().snapshots->newest_verified_index()) {}

absl::Status SnapshotPromises::Take() {
  std::promise<absl::Status> taken;
  server_->snapshotter().TakeNow([&taken](const absl::StatusOr<Snapshotter::Taken>& result) {
    taken.set_value(result.status());
  });
  absl::Status status = taken.get_future().get();
  if (!status.ok()) ++failed_;
  return status;
}

// How many failed snapshots are counted; one may still be failing in the background.
uint64_t SnapshotPromises::AwaitFailures(uint64_t count_min) const {
  const absl::Time end = absl::Now() + kAttemptMax;
  while (true) {
    const auto counted = static_cast<uint64_t>(server_->metrics().snapshot_failures.Value());
    if (counted >= count_min || absl::Now() > end) return counted;
    absl::SleepFor(kPollInterval);
  }
}

void SnapshotPromises::CheckStands(const FaultFileSystem::Fired& fired, bool flipped,
                                   std::vector<std::string>* problems) {
  const uint64_t counted_min = std::max<uint64_t>(failed_, EndsTheAttempt(fired, flipped) ? 1 : 0);
  if (const uint64_t counted = AwaitFailures(counted_min); counted < counted_min) {
    problems->push_back(absl::StrCat(counted, " failed snapshots are counted, of ", counted_min));
  }
  CheckWhole(newest_before_, 1, problems);
  const uint64_t first_index = server_->store().log->first_index();
  const uint64_t oldest = server_->store().snapshots->oldest_verified_index();
  if (first_index > oldest + 1) {
    problems->push_back(absl::StrCat("the log begins with ", first_index,
                                     ", and the oldest snapshot that counts is of ", oldest));
  }
}

void SnapshotPromises::CheckGoesOn(Workload* workload, WrittenHistory* history,
                                   std::vector<std::string>* problems) {
  const bool fenced_before = server_->executor().fenced();
  const Workload::Outcome outcome = workload->Send(server_, kBurst, history);
  if (fenced_before || outcome.acknowledged == 0) {
    problems->push_back("nothing is accepted after a failed snapshot");
    return;
  }
  const uint64_t committed = server_->state()->index();
  if (const absl::Status taken = Take(); !taken.ok()) {
    problems->push_back(absl::StrCat("the next snapshot fails too: ", taken.ToString()));
    return;
  }
  CheckWhole(committed, kSnapshotsKept, problems);
}

// That the newest one is of `index_min` or later, and that `count_min` are there and whole.
void SnapshotPromises::CheckWhole(uint64_t index_min, size_t count_min,
                                  std::vector<std::string>* problems) {
  const SnapshotStore& store = *server_->store().snapshots;
  const uint64_t newest = store.newest_verified_index();
  if (newest < index_min) {
    problems->push_back(absl::StrCat("the newest snapshot that counts is of ", newest, ", not of ",
                                     index_min, " or later"));
  }
  const absl::StatusOr<std::vector<SnapshotStore::Info>> listed = store.List();
  size_t whole = 0;
  for (const SnapshotStore::Info& info : listed.value()) {
    const bool is_whole = store.Check(info).ok();
    whole += is_whole ? 1 : 0;
    if (info.index == newest && !is_whole) {
      problems->push_back(absl::StrCat("the snapshot that counts, of ", newest, ", is damaged"));
    }
  }
  if (whole < count_min) problems->push_back(absl::StrCat(whole, " snapshots are whole"));
}

}  // namespace swoosh
