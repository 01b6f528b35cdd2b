#include "storage/log_replay.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "core/reducer.h"
#include "core/replay.h"
#include "google/protobuf/arena.h"
#include "storage/pipeline.h"
#include "storage/recovery_refusal.h"

namespace swoosh {
namespace {

constexpr size_t kArenaBlockBytesMin = 65'536;
constexpr size_t kArenaBlockBytesMax = 262'144;

absl::Status RecordRefused(uint64_t index, const absl::Status& why) {
  return AtRecord(index, RefuseFor(Refusal::kRecordRefused, why));
}

// In blocks that a batch fills some of.
google::protobuf::ArenaOptions BatchArena() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = kArenaBlockBytesMin;
  options.max_block_size = kArenaBlockBytesMax;
  return options;
}

// Some records in a row, and how far they have come.
class Batch {
 public:
  // Reads records from `from` on, below `end`, and decodes them.
  void Fill(const Log& log, uint64_t from, uint64_t end);
  // The index after the last record that was read.
  uint64_t next_index() const { return first_index_ + ends_.size(); }
  bool is_readable() const { return unprepared_.ok(); }

  // False at the first error.
  bool Apply(StateWriter* writer, const ReplayObserver& observer);
  void Check();
  // Tells of the records that are right; the first error.
  absl::Status Retire(const ReplayObserver& observer) const;

 private:
  void Read(const Log& log, uint64_t from, uint64_t end);
  void Prepare();
  void LookAhead(const StateView& state) const;
  absl::Status ApplyOne(uint64_t index, StateWriter* writer, const ReplayObserver& observer);

  uint64_t first_index_ = 0;
  std::string stored_;        // the records, one after the other
  std::vector<size_t> ends_;  // of each, in `stored_`
  google::protobuf::Arena arena_{BatchArena()};
  std::vector<PreparedRecord> prepared_;
  absl::Status unprepared_;           // why the record after them could not be read or decoded
  std::vector<std::string> reduced_;  // bytes of changes
  size_t right_ = 0;                  // records before the first error
  absl::Status error_;
};

void Batch::Fill(const Log& log, uint64_t from, uint64_t end) {
  first_index_ = from;
  stored_.clear();
  if (stored_.capacity() > 2 * kReplayBatchBytes) stored_.shrink_to_fit();
  ends_.clear();
  arena_.Reset();
  prepared_.clear();
  reduced_.clear();
  right_ = 0;
  error_ = absl::OkStatus();
  unprepared_ = absl::OkStatus();
  Read(log, from, end);
  Prepare();
}

void Batch::Read(const Log& log, uint64_t from, uint64_t end) {
  const absl::Status read =
      log.Read(from, kReplayBatchBytes, [&](uint64_t index, absl::string_view bytes) {
        stored_.append(bytes.data(), bytes.size());
        ends_.push_back(stored_.size());
        return index + 1 < end;
      });
  if (!read.ok()) unprepared_ = AtRecord(next_index(), RefuseFor(Refusal::kRecordUnreadable, read));
}

void Batch::Prepare() {
  const absl::string_view stored = stored_;
  size_t begin = 0;
  for (const size_t end : ends_) {
    const uint64_t index = first_index_ + prepared_.size();
    auto* const record = google::protobuf::Arena::CreateMessage<v1::Record>(&arena_);
    PreparedRecord prepared;
    absl::Status status =
        PrepareReplay(index, stored.substr(begin, end - begin), record, &prepared);
    if (!status.ok()) {
      unprepared_ = RecordRefused(index, status);
      return;
    }
    prepared_.push_back(std::move(prepared));
    begin = end;
  }
}

bool Batch::Apply(StateWriter* writer, const ReplayObserver& observer) {
  reduced_.reserve(prepared_.size());
  for (; right_ < prepared_.size(); ++right_) {
    if (right_ % kKeysAhead == 0) LookAhead(writer->view());
    error_ = ApplyOne(first_index_ + right_, writer, observer);
    if (!error_.ok()) return false;
  }
  error_ = unprepared_;
  return error_.ok();
}

// A record of several transitions is looked ahead in by Reduce itself.
void Batch::LookAhead(const StateView& state) const {
  absl::InlinedVector<const StateKey*, kKeysAhead> coming;
  for (size_t i = right_; i < std::min(right_ + kKeysAhead, prepared_.size()); ++i) {
    if (prepared_[i].keys.size() == 1) coming.push_back(&prepared_[i].keys[0]);
  }
  state.Prefetch(coming);
}

absl::Status Batch::ApplyOne(uint64_t index, StateWriter* writer, const ReplayObserver& observer) {
  std::string reduced;
  const absl::Status applied = ApplyReplay(prepared_[right_], writer, &reduced);
  if (writer->position().index == index) reduced_.push_back(std::move(reduced));
  if (!applied.ok()) return RecordRefused(index, applied);
  return observer.on_applied ? observer.on_applied(writer->position()) : absl::OkStatus();
}

void Batch::Check() {
  for (size_t i = 0; i < reduced_.size(); ++i) {
    const uint64_t index = first_index_ + i;
    if (absl::Status status = CheckReplayed(index, prepared_[i], reduced_[i]); !status.ok()) {
      right_ = i;
      error_ = RecordRefused(index, status);
      break;
    }
  }
}

absl::Status Batch::Retire(const ReplayObserver& observer) const {
  if (observer.on_checked) {
    for (size_t i = 0; i < right_; ++i) {
      observer.on_checked(*prepared_[i].record, prepared_[i].hash);
    }
  }
  return error_;
}

}  // namespace

absl::Status ReplayLog(const Log& log, uint64_t end, StateWriter* writer,
                       const ReplayObserver& observer) {
  std::vector<Batch> batches(kReplayBatches);
  uint64_t next = writer->position().index + 1;
  absl::Status result;
  bool readable = true;
  PipelineSteps steps;
  steps.fill = [&](size_t slot) {
    if (!readable || next >= end) return false;
    batches[slot].Fill(log, next, end);
    next = batches[slot].next_index();
    readable = batches[slot].is_readable();
    return true;
  };
  steps.advance = [&](size_t slot) { return batches[slot].Apply(writer, observer); };
  steps.finish = [&](size_t slot) { batches[slot].Check(); };
  steps.retire = [&](size_t slot) {
    result = batches[slot].Retire(observer);
    return result.ok();
  };
  RunPipeline(batches.size(), steps);
  return result;
}

}  // namespace swoosh
