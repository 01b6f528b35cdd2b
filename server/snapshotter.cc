#include "server/snapshotter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/check.h"
#include "core/errors.h"
#include "server/log_line.h"
#include "server/monotonic_time.h"
#include "server/serial_thread.h"
#include "server/snapshot_pacer.h"

namespace swoosh {
namespace {

constexpr uint64_t kNeverDue = std::numeric_limits<uint64_t>::max();

absl::Status Unavailable(v1::ErrorReason reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, reason, message);
}

}  // namespace

uint64_t SnapshotIntervalRecords(uint64_t every_records, uint64_t replayed_records,
                                 double replay_seconds) {
  if (every_records != 0) return every_records;
  double per_second = kReplayRecordsPerSecondAssumed;
  if (replayed_records >= kReplayRecordsMeasuredMin && replay_seconds > 0) {
    per_second = static_cast<double>(replayed_records) / replay_seconds;
  }
  return std::max<uint64_t>(1, static_cast<uint64_t>(per_second * kReplaySecondsMax));
}

absl::Duration SnapshotDurationMax(uint64_t interval_records, uint64_t records,
                                   absl::Duration elapsed) {
  if (records == 0) return kSnapshotDurationMax;
  const absl::Duration interval =
      elapsed * (static_cast<double>(interval_records) / static_cast<double>(records));
  return std::min(interval * kSnapshotIntervalShareMax, kSnapshotDurationMax);
}

Snapshotter::Snapshotter(SnapshotStore* store, uint64_t last_index, Metrics* metrics,
                         Options options)
    : store_(store),
      metrics_(metrics),
      options_(std::move(options)),
      last_index_(last_index),
      due_index_(last_index + options_.interval_records) {
  SWOOSH_CHECK(options_.interval_records > 0);
  metrics_->last_snapshot_index.Set(static_cast<double>(last_index));
}

Snapshotter::~Snapshotter() { Stop(false).IgnoreError(); }

void Snapshotter::Start() {
  const uint64_t index = options_.committed()->index();
  begun_index_ = index;
  begun_ = MonotonicNow();
  thread_ = std::thread([this] {
    NameThisThread("swoosh-snap");
    LowerPriorityOfThisThread(kSnapshotNice);
    Run();
  });
  CheckDue(index);
}

void Snapshotter::OnCommitted(uint64_t commit_index) {
  committed_us_.store(absl::ToUnixMicros(MonotonicNow()), std::memory_order_relaxed);
  CheckDue(commit_index);
}

void Snapshotter::CheckDue(uint64_t commit_index) {
  uint64_t due_index = due_index_.load(std::memory_order_acquire);
  if (commit_index < due_index) return;
  // Once a snapshot is due, it stays so until it was taken.
  if (!due_index_.compare_exchange_strong(due_index, kNeverDue)) return;
  absl::MutexLock lock(&mutex_);
  due_ = true;
  wakes_.Signal();
}

void Snapshotter::TakeNow(Done done) {
  absl::Status refusal;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) {
      refusal = Unavailable(v1::DRAINING, "the server is shutting down");
    } else if (requests_.size() >= kSnapshotRequestsMax) {
      refusal = MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                          absl::StrCat(kSnapshotRequestsMax, " requests for a snapshot wait"));
    } else {
      requests_.push_back(std::move(done));
      wakes_.Signal();
      return;
    }
  }
  done(std::move(refusal));
}

absl::Status Snapshotter::Stop(bool final) {
  {
    absl::MutexLock lock(&mutex_);
    if (!stopping_) final_ = final;
    stopping_ = true;
    hurries_.store(true, std::memory_order_relaxed);
    wakes_.Signal();
  }
  if (thread_.joinable()) thread_.join();
  absl::MutexLock lock(&mutex_);
  return final_status_;
}

void Snapshotter::Run() {
  absl::Duration retry_after = kSnapshotRetryMin;
  absl::Time not_before = absl::InfinitePast();
  std::vector<Done> requests;
  while (AwaitWork(not_before, &requests)) {
    const absl::StatusOr<Taken> taken = Take(/*paced=*/true);
    for (const Done& done : requests) done(taken);
    requests.clear();
    if (taken.ok()) {
      retry_after = kSnapshotRetryMin;
      not_before = absl::InfinitePast();
    } else {
      not_before = absl::Now() + retry_after;
      retry_after = std::min(2 * retry_after, kSnapshotRetryMax);
    }
  }
  Finish();
}

// Waits until a snapshot is asked for, or due and not before `not_before`. False when stopping.
bool Snapshotter::AwaitWork(absl::Time not_before, std::vector<Done>* requests) {
  absl::MutexLock lock(&mutex_);
  while (!stopping_ && requests_.empty()) {
    if (!due_) {
      wakes_.Wait(&mutex_);
    } else if (absl::Now() >= not_before) {
      break;
    } else {
      wakes_.WaitWithDeadline(&mutex_, not_before);
    }
  }
  requests->swap(requests_);
  if (!stopping_) return true;
  requests_.swap(*requests);
  return false;
}

void Snapshotter::Finish() {
  std::vector<Done> requests;
  bool final;
  {
    absl::MutexLock lock(&mutex_);
    requests.swap(requests_);
    final = final_;
  }
  absl::StatusOr<Taken> taken = Unavailable(v1::DRAINING, "the server is shutting down");
  if (final) taken = Take(/*paced=*/false);
  for (const Done& done : requests) done(taken);
  if (!final) return;
  absl::MutexLock lock(&mutex_);
  final_status_ = taken.status();
}

// Its size. An error that does not say "no space" is the disk's.
absl::StatusOr<uint64_t> Snapshotter::Write(const State& state, SnapshotPause pause) {
  const uint64_t bytes =
      last_bytes_ > 0 ? last_bytes_ : state.root().entry_count() * kSnapshotEntryBytesAssumed;
  if (options_.check_room != nullptr) {
    if (absl::Status status = options_.check_room(bytes); !status.ok()) return status;
  }
  const absl::StatusOr<SnapshotStore::Info> info = store_->Write(state, std::move(pause));
  if (!info.ok()) return info.status();
  last_bytes_ = info->size_bytes;
  return last_bytes_;
}

bool Snapshotter::IsAlone() const {
  if (hurries_.load(std::memory_order_relaxed)) return true;
  const absl::Time committed = absl::FromUnixMicros(committed_us_.load(std::memory_order_relaxed));
  return MonotonicNow() - committed > kSnapshotAloneAfter;
}

// For a snapshot at `index` that begins now.
SnapshotPause Snapshotter::PauseFor(uint64_t index) {
  SnapshotPacer::Options pacer;
  const absl::Time now = MonotonicNow();
  pacer.duration_max =
      SnapshotDurationMax(options_.interval_records, index - begun_index_, now - begun_);
  pacer.bytes_per_second_max = options_.bytes_per_second_max;
  pacer.is_alone = [this] { return IsAlone(); };
  begun_index_ = index;
  begun_ = now;
  return [pacer = std::make_shared<SnapshotPacer>(std::move(pacer))](
             const SnapshotProgress& progress) { pacer->Pause(progress); };
}

absl::StatusOr<Snapshotter::Taken> Snapshotter::Take(bool paced) {
  const std::shared_ptr<const State> state = options_.committed();
  const Taken taken{state->index(), state->hash()};
  if (taken.index != last_index()) {
    const auto begin = std::chrono::steady_clock::now();
    const absl::StatusOr<uint64_t> bytes = Write(*state, paced ? PauseFor(taken.index) : nullptr);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    if (!bytes.ok()) {
      metrics_->snapshot_failures.Increment();
      LogLine(LogLevel::kError, "snapshot_failed")
          .With("index", taken.index)
          .With("error", bytes.status().ToString());
      const absl::StatusCode code = absl::IsResourceExhausted(bytes.status())
                                        ? absl::StatusCode::kResourceExhausted
                                        : absl::StatusCode::kUnavailable;
      return MakeError(code, v1::SNAPSHOT_FAILED,
                       absl::StrCat("the snapshot could not be taken: ", bytes.status().message()));
    }
    last_index_.store(taken.index, std::memory_order_release);
    metrics_->snapshot_seconds.Observe(elapsed.count());
    metrics_->snapshot_bytes.Set(static_cast<double>(*bytes));
    metrics_->last_snapshot_index.Set(static_cast<double>(taken.index));
    LogLine(LogLevel::kInfo, "snapshot")
        .With("index", taken.index)
        .With("bytes", *bytes)
        .With("seconds", elapsed.count())
        .With("state_hash", ToHex(taken.state_hash));
  }
  {
    absl::MutexLock lock(&mutex_);
    due_ = false;
  }
  due_index_.store(taken.index + options_.interval_records, std::memory_order_release);
  CheckDue(options_.committed()->index());  // what was committed meanwhile may be enough for one
  if (options_.on_snapshot != nullptr) options_.on_snapshot();
  return taken;
}

}  // namespace swoosh
