#include "server/instance_history.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/struct_value.h"

namespace swoosh {
namespace {

constexpr size_t kScanRecords = 256;  // read at once
constexpr size_t kScanBytes = 1'024 * 1'024;

absl::Status NoInstance(absl::string_view id, uint64_t at_index) {
  return MakeError(absl::StatusCode::kNotFound, v1::INSTANCE_NOT_FOUND,
                   absl::StrCat("there was no instance ", id, " after record ", at_index));
}

absl::Status TooFar(absl::string_view id) {
  return MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                   absl::StrCat("instance ", id, ": the answer lies more than ", kHistoryStepsMax,
                                " records away"));
}

struct Found {
  CommittedRecordPtr record;
  const v1::Change* change = nullptr;  // in `record`
};

// Looks back over the records of one instance.
class LookBack {
 public:
  LookBack(const ChangeFeed& feed, const State& now, absl::string_view ns, absl::string_view id)
      : feed_(feed), now_(now), ns_(ns), id_(id), current_(now.FindInstance(ns, id)) {}

  const std::optional<Instance>& current() const { return current_; }

  // The version that the instance had after record `at_index`; 0 when that can't be told from what
  // there is now, or it was not there.
  absl::StatusOr<uint64_t> VersionAt(uint64_t at_index);
  absl::StatusOr<Instance> Build(uint64_t version, uint64_t at_index, bool with_context);

 private:
  absl::StatusOr<Found> ReadChange(uint64_t version);
  absl::StatusOr<uint64_t> ScanForward(uint64_t at_index);
  absl::Status FillFromOlder(Found at, bool with_context, Instance* instance);

  const ChangeFeed& feed_;
  const State& now_;
  const absl::string_view ns_;
  const absl::string_view id_;
  const std::optional<Instance> current_;
  size_t steps_ = 0;
};

absl::StatusOr<Found> LookBack::ReadChange(uint64_t version) {
  if (++steps_ > kHistoryStepsMax) return TooFar(id_);
  absl::StatusOr<CommittedRecordPtr> record = feed_.ReadOne(version);
  if (!record.ok()) return record.status();
  Found found{*std::move(record), nullptr};
  found.change = FindChange(*found.record, ns_, id_);
  if (found.change == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, v1::RECORD_NOT_FOUND,
                     absl::StrCat("record ", version, " holds no change of instance ", id_));
  }
  return found;
}

absl::StatusOr<uint64_t> LookBack::VersionAt(uint64_t at_index) {
  uint64_t version = current_.has_value() ? current_->version : 0;
  while (version > at_index) {
    absl::StatusOr<Found> found = ReadChange(version);
    if (!found.ok()) return found.status();
    version = found->change->previous_version();
  }
  // Nothing leads back over a deletion: the first change after `at_index` does.
  return version != 0 ? version : ScanForward(at_index);
}

absl::StatusOr<uint64_t> LookBack::ScanForward(uint64_t at_index) {
  uint64_t from = at_index + 1;
  while (from <= now_.index()) {
    absl::StatusOr<std::vector<CommittedRecordPtr>> records =
        feed_.Read(from, kScanRecords, kScanBytes);
    if (!records.ok()) return records.status();
    for (const CommittedRecordPtr& record : *records) {
      const v1::Change* change = FindChange(*record, ns_, id_);
      if (change != nullptr) return change->previous_version();
    }
    if (records->empty()) break;
    from = records->back()->index() + 1;
    steps_ += records->size();
    if (steps_ > kHistoryStepsMax) return TooFar(id_);
  }
  return 0;
}

absl::StatusOr<Instance> LookBack::Build(uint64_t version, uint64_t at_index, bool with_context) {
  absl::StatusOr<Found> found = ReadChange(version);
  if (!found.ok()) return found.status();
  if (found->change->deleted()) return NoInstance(id_, at_index);
  const Machine* machine =
      now_.machines().Find(ns_, found->change->machine(), found->change->machine_version());
  absl::StatusOr<Instance> instance = InstanceFromChange(*found->record, *found->change, machine);
  if (!instance.ok()) return instance;
  if (current_.has_value() && current_->created_index <= version) {
    instance->created_index = current_->created_index;
    instance->create_time_us = current_->create_time_us;
  }
  const absl::Status filled = FillFromOlder(*std::move(found), with_context, &*instance);
  if (!filled.ok()) return filled;
  return instance;
}

absl::Status LookBack::FillFromOlder(Found at, bool with_context, Instance* instance) {
  bool context_missing = with_context && !at.change->has_context();
  while (context_missing || instance->created_index == 0) {
    const uint64_t previous = at.change->previous_version();
    if (at.change->created() || previous == 0) break;
    // When it was created is left out when that was trimmed; a context is not.
    if (!context_missing && previous < feed_.first_index()) break;
    absl::StatusOr<Found> older = ReadChange(previous);
    if (!older.ok()) return older.status();
    at = *std::move(older);
    if (context_missing && at.change->has_context()) {
      absl::StatusOr<Value> context = RestoreStruct(at.change->context(), "context");
      if (!context.ok()) return context.status();
      instance->context = *std::move(context);
      context_missing = false;
    }
    if (at.change->created() && instance->created_index == 0) {
      instance->created_index = at.record->index();
      instance->create_time_us = FromProto(at.record->record.hlc()).time_us;
    }
  }
  return absl::OkStatus();
}

}  // namespace

const v1::Change* FindChange(const CommittedRecord& record, absl::string_view ns,
                             absl::string_view instance_id) {
  if (record.record.namespace_() != ns) return nullptr;
  for (const v1::Change& change : record.changes()) {
    if (change.instance_id() == instance_id) return &change;
  }
  return nullptr;
}

absl::StatusOr<Instance> InstanceFromChange(const CommittedRecord& record, const v1::Change& change,
                                            const Machine* machine) {
  const auto damaged = [&](absl::string_view what) {
    return MakeError(
        absl::StatusCode::kDataLoss, v1::DATA_DAMAGED,
        absl::StrCat("record ", record.index(), ", instance ", change.instance_id(), ": ", what));
  };
  if (machine == nullptr) return damaged("its machine is not there");
  Instance instance;
  instance.id = change.instance_id();
  instance.machine = change.machine();
  instance.machine_version = change.machine_version();
  instance.status = change.status();
  instance.version = record.index();
  instance.update_time_us = FromProto(record.record.hlc()).time_us;
  if (change.created()) {
    instance.created_index = instance.version;
    instance.create_time_us = instance.update_time_us;
  }
  // In document order, a state is followed by its active descendants, if it has any.
  for (const std::string& id : change.configuration()) {
    const int state = machine->FindState(id);
    if (state < 0) return damaged("it is in a state that its machine does not have");
    if (!instance.atomic_states.empty() &&
        machine->IsDescendant(state, instance.atomic_states.back())) {
      instance.atomic_states.pop_back();
    }
    instance.atomic_states.push_back(state);
  }
  instance.context = Value::OfMap({});
  if (change.has_context()) {
    absl::StatusOr<Value> context = RestoreStruct(change.context(), "context");
    if (!context.ok()) return damaged(context.status().message());
    instance.context = *std::move(context);
  }
  return instance;
}

absl::StatusOr<HistoryPage> ReadHistory(const ChangeFeed& feed, absl::string_view ns,
                                        absl::string_view instance_id, uint64_t version,
                                        size_t records_max, size_t bytes_max) {
  HistoryPage page;
  size_t bytes = 0;
  while (version != 0) {
    const bool first = page.records.empty();
    if (!first && (page.records.size() >= records_max || bytes >= bytes_max)) {
      page.next_version = version;
      break;
    }
    absl::StatusOr<CommittedRecordPtr> record = feed.ReadOne(version);
    if (!record.ok()) {
      if (first) return record.status();
      // The next page is the error.
      if (ReasonOf(record.status()) != v1::INDEX_TRIMMED) page.next_version = version;
      break;
    }
    const v1::Change* change = FindChange(**record, ns, instance_id);
    if (change == nullptr) {
      return MakeError(
          absl::StatusCode::kNotFound, v1::RECORD_NOT_FOUND,
          absl::StrCat("record ", version, " holds no change of instance ", instance_id));
    }
    version = change->previous_version();
    bytes += (*record)->stored.size();
    page.records.push_back(*std::move(record));
  }
  return page;
}

absl::StatusOr<Instance> InstanceAt(const ChangeFeed& feed, const State& now, absl::string_view ns,
                                    absl::string_view instance_id, uint64_t at_index,
                                    bool with_context) {
  if (at_index > now.index()) return feed.AheadError(at_index);
  LookBack look_back(feed, now, ns, instance_id);
  if (look_back.current().has_value() && look_back.current()->version <= at_index) {
    return *look_back.current();
  }
  absl::StatusOr<uint64_t> version = look_back.VersionAt(at_index);
  if (!version.ok()) return version.status();
  if (*version == 0) return NoInstance(instance_id, at_index);
  return look_back.Build(*version, at_index, with_context);
}

}  // namespace swoosh
