#include "server/verifier.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/errors.h"
#include "core/replay.h"
#include "server/log_line.h"
#include "server/memory_use.h"
#include "server/serial_thread.h"

namespace swoosh {
namespace {

constexpr size_t kReadBytes = 1'048'576;
// How far behind the newest record the replay may be before it stops letting others go first, and
// how often it runs after what came meanwhile before that.
constexpr uint64_t kLastRoundRecordsMax = 2'000;
constexpr int kRoundsMax = 10;

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, v1::DATA_DAMAGED,
                   absl::StrCat("stored data is damaged; the state that is served is not affected, "
                                "and a restart would be: ",
                                what));
}

absl::Status Failed(absl::string_view what) {
  return MakeError(absl::StatusCode::kUnavailable, v1::VERIFY_FAILED,
                   absl::StrCat("the state could not be verified: ", what));
}

absl::Status Draining() {
  return MakeError(absl::StatusCode::kUnavailable, v1::DRAINING, "the server is shutting down");
}

}  // namespace

absl::Status CompareStates(const State& served, const State& replayed) {
  absl::Status status;
  StateCursor unused;
  served.root().Walk(
      StateCursor(),
      [&](const StateEntry& entry) {
        StateEntry other;
        if (!replayed.root().Find(entry.key, &other)) {
          status = absl::DataLossError("an entry is not in the state that the records lead to");
        } else if (entry.value != other.value || entry.extra != other.extra) {
          status = absl::DataLossError("an entry has another value");
        }
        if (!status.ok()) {
          status = absl::DataLossError(
              absl::StrCat(status.message(), ": key ", absl::CHexEscape(entry.key)));
        }
        return status.ok();
      },
      &unused);
  if (!status.ok()) return status;
  std::string key;
  if (StateRoot::FirstDifference(served.root(), replayed.root(), &key)) {
    return absl::DataLossError(absl::StrCat("an entry is missing: key ", absl::CHexEscape(key)));
  }
  if (served.hash() != replayed.hash()) {
    return absl::DataLossError(
        absl::StrCat("the state hash is ", ToHex(served.hash()), ", not ", ToHex(replayed.hash())));
  }
  return absl::OkStatus();
}

Verifier::Verifier(Metrics* metrics, Options options)
    : metrics_(metrics), options_([&options] {
        if (options.memory_free_bytes == nullptr) options.memory_free_bytes = MemoryFreeBytes;
        if (options.memory_used_bytes == nullptr) options.memory_used_bytes = MemoryUsedBytes;
        return std::move(options);
      }()) {}

Verifier::~Verifier() { Stop(); }

void Verifier::Start() {
  thread_ = std::thread([this] {
    NameThisThread("swoosh-verify");
    LowerPriorityOfThisThread();
    Run();
  });
}

void Verifier::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wakes_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Verifier::VerifyNow(Done done) {
  absl::Status refusal;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) {
      refusal = Draining();
    } else if (requests_.size() >= kVerifyRequestsMax) {
      refusal = MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                          absl::StrCat(kVerifyRequestsMax, " requests to verify wait"));
    } else {
      requests_.push_back(std::move(done));
      wakes_.Signal();
      return;
    }
  }
  done(std::move(refusal));
}

Verifier::Verified Verifier::last() const {
  absl::MutexLock lock(&mutex_);
  return last_;
}

bool Verifier::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

// ---------------------------------------------------------------- background thread

void Verifier::Run() {
  absl::Time due = absl::Now() + options_.first_after;
  std::vector<Done> requests;
  while (AwaitWork(due, &requests)) {
    const absl::StatusOr<Verified> verified = RunOnce();
    due = absl::Now() + options_.interval;
    for (const Done& done : requests) done(verified);
    requests.clear();
    if (mismatch_) break;
  }
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    requests.swap(requests_);
  }
  for (const Done& done : requests) done(Draining());
}

// False when stopping.
bool Verifier::AwaitWork(absl::Time due, std::vector<Done>* requests) {
  absl::MutexLock lock(&mutex_);
  while (!stopping_ && requests_.empty() && absl::Now() < due) {
    wakes_.WaitWithDeadline(&mutex_, due);
  }
  if (stopping_) return false;
  requests->swap(requests_);
  return true;
}

absl::StatusOr<Verifier::Verified> Verifier::RunOnce() {
  if (absl::Status status = CheckMemory(); !status.ok()) {
    metrics_->verify_runs_skipped.Increment();
    LogLine(LogLevel::kWarn, "verify_skipped").With("reason", status.message());
    return status;
  }
  const absl::Time begin = absl::Now();
  // What comes of it is about as large.
  metrics_->state_bytes_verified.Set(metrics_->state_bytes_served.Value());
  absl::StatusOr<Verified> verified = Prove();
  metrics_->state_bytes_verified.Set(0);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  if (verified.ok()) {
    metrics_->verify_runs_ok.Increment();
    metrics_->verify_seconds.Observe(seconds);
    metrics_->verified_index.Set(static_cast<double>(verified->index));
    metrics_->verified_timestamp_seconds.Set(
        absl::ToDoubleSeconds(verified->time - absl::UnixEpoch()));
    LogLine(LogLevel::kInfo, "verified")
        .With("index", verified->index)
        .With("state_hash", ToHex(verified->state_hash))
        .With("records", verified->records)
        .With("seconds", seconds);
    absl::MutexLock lock(&mutex_);
    last_ = *verified;
  } else if (mismatch_) {
    metrics_->verify_runs_mismatch.Increment();
    LogLine(LogLevel::kError, "verify_mismatch").With("error", verified.status().message());
    options_.on_mismatch(verified.status());
  } else if (!stopping()) {
    metrics_->verify_runs_failed.Increment();
    LogLine(LogLevel::kError, "verify_failed").With("error", verified.status().message());
  }
  return verified;
}

absl::Status Verifier::CheckMemory() const {
  const uint64_t free_bytes = options_.memory_free_bytes();
  const uint64_t used_bytes = options_.memory_used_bytes();
  if (free_bytes >= used_bytes) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                   absl::StrCat("verifying takes a second copy of the state: the process has ",
                                used_bytes, " bytes, and only ", free_bytes, " are free"));
}

absl::Status Verifier::Mismatch(absl::string_view what) {
  mismatch_ = true;
  return MakeError(absl::StatusCode::kDataLoss, v1::DATA_DAMAGED,
                   absl::StrCat("the state that is served is not the one that the stored records "
                                "lead to: ",
                                what));
}

absl::StatusOr<Verifier::Verified> Verifier::Prove() {
  const std::unique_ptr<Executor::LogPin> pin = options_.pin_log();
  absl::StatusOr<StateWriter> writer = OldestState(pin->first_index());
  if (!writer.ok()) return writer.status();
  Verified verified;
  verified.from_index = writer->position().index;
  // A root that is held keeps the memory of all that changes since, so none is until the replay is
  // nearly where the server is.
  for (int round = 0; round < kRoundsMax; ++round) {
    const uint64_t end = options_.committed()->index();
    if (end < writer->position().index + kLastRoundRecordsMax) break;
    absl::Status status = ReplayTo(end, options_.records_per_second_max, &*writer);
    if (!status.ok()) return status;
  }
  const std::shared_ptr<const State> served = options_.committed();
  absl::Status status = ReplayTo(served->index(), 0, &*writer);
  if (!status.ok()) return status;
  writer->Seal();
  const State replayed = writer->Sealed();
  if (served->position().record_hash != replayed.position().record_hash) {
    return Mismatch(absl::StrCat("record ", served->index(), " has the hash ",
                                 ToHex(replayed.position().record_hash),
                                 " in the log, and was "
                                 "acknowledged with ",
                                 ToHex(served->position().record_hash)));
  }
  if (absl::Status same = CompareStates(*served, replayed); !same.ok()) {
    return Mismatch(absl::StrCat("after record ", served->index(), ": ", same.message()));
  }
  verified.index = served->index();
  verified.state_hash = served->hash();
  verified.records = verified.index - verified.from_index;
  verified.time = absl::Now();
  return verified;
}

absl::StatusOr<StateWriter> Verifier::OldestState(uint64_t first_index) {
  if (first_index == 1) return StateWriter(options_.origin_id);
  const absl::StatusOr<std::vector<SnapshotStore::Info>> infos = options_.snapshots->List();
  if (!infos.ok()) return Failed(infos.status().message());
  absl::Status why = absl::NotFoundError("there is no snapshot that the log follows");
  for (auto info = infos->rbegin(); info != infos->rend(); ++info) {
    if (info->index + 1 < first_index) continue;
    absl::StatusOr<StateWriter> writer = options_.snapshots->Load(*info);
    if (writer.ok()) return writer;
    why = writer.status();
    LogLine(LogLevel::kError, "snapshot_damaged").With("error", why.message());
  }
  return absl::IsDataLoss(why) ? Damaged(why.message()) : Failed(why.message());
}

absl::Status Verifier::ReplayTo(uint64_t index, uint64_t records_per_second_max,
                                StateWriter* writer) {
  const absl::Time begin = absl::Now();
  uint64_t replayed = 0;
  v1::Record record;
  while (writer->position().index < index) {
    absl::Status replay;
    const absl::Status read = options_.log->Read(writer->position().index + 1, kReadBytes,
                                                 [&](uint64_t at, absl::string_view stored) {
                                                   if (at > index) return false;
                                                   replay = ReplayRecord(stored, writer, &record);
                                                   ++replayed;
                                                   return replay.ok();
                                                 });
    if (!replay.ok()) return Mismatch(replay.message());
    if (absl::IsDataLoss(read)) return Damaged(read.message());
    if (!read.ok()) return Failed(read.message());
    absl::Duration pause;
    if (records_per_second_max > 0) {
      pause = begin +
              absl::Seconds(static_cast<double>(replayed) /
                            static_cast<double>(records_per_second_max)) -
              absl::Now();
    }
    if (absl::Status status = Pause(pause); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Lets others go first. DRAINING when the server shuts down.
absl::Status Verifier::Pause(absl::Duration duration) {
  const absl::Time until = absl::Now() + duration;
  absl::MutexLock lock(&mutex_);
  while (!stopping_ && absl::Now() < until) wakes_.WaitWithDeadline(&mutex_, until);
  return stopping_ ? Draining() : absl::OkStatus();
}

}  // namespace swoosh
