#include "server/instance_scan.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "core/statechart/instance.h"

namespace swoosh {
namespace {

// One scan: what was found so far against its bounds.
class Scan {
 public:
  Scan(const State& state, absl::string_view ns, const InstanceFilter& filter, v1::View view,
       const ScanBounds& bounds, google::protobuf::RepeatedPtrField<v1::Instance>* found)
      : state_(state), ns_(ns), filter_(filter), view_(view), bounds_(bounds), found_(found) {}

  // Takes the entry if it matches. False when a bound is reached, or with an error in status().
  bool Visit(const StateEntry& entry) {
    ++entry_count_;
    absl::string_view ns;
    absl::string_view id;
    if (ParseInstanceKey(entry.key, &ns, &id) && ns == ns_ && filter_.MatchesId(id)) {
      Take(entry, id);
    }
    return status_.ok() && entry_count_ < bounds_.entries_max &&
           found_count_ < bounds_.instances_max && found_bytes_ < bounds_.bytes_max;
  }

  const absl::Status& status() const { return status_; }

 private:
  void Take(const StateEntry& entry, absl::string_view id) {
    absl::StatusOr<Instance> instance = DecodeInstance(entry);
    const Machine* machine = nullptr;
    if (instance.ok()) {
      machine = state_.machines().Find(ns_, instance->machine, instance->machine_version);
    }
    if (machine == nullptr) {
      status_ = MakeError(
          absl::StatusCode::kDataLoss, v1::DATA_DAMAGED,
          absl::StrCat("instance ", id, " can't be read from the state: ",
                       instance.ok() ? "its machine is missing" : instance.status().message()));
      return;
    }
    if (!filter_.Matches(*instance, *machine)) return;
    v1::Instance* message = found_->Add();
    ToProto(*instance, *machine, view_, message);
    ++found_count_;
    found_bytes_ += message->ByteSizeLong();
  }

  const State& state_;
  const absl::string_view ns_;
  const InstanceFilter& filter_;
  const v1::View view_;
  const ScanBounds bounds_;
  google::protobuf::RepeatedPtrField<v1::Instance>* const found_;
  absl::Status status_;
  size_t entry_count_ = 0;
  int found_count_ = 0;
  size_t found_bytes_ = 0;
};

// The keys of the filter's ids with their places in the walk, from `from` on, in its order.
std::vector<std::pair<Digest, std::string>> KeysOfIds(absl::string_view ns,
                                                      const InstanceFilter& filter,
                                                      const StateCursor& from) {
  std::vector<std::pair<Digest, std::string>> keys;
  for (const std::string& id : filter.ids()) {
    std::string key = InstanceKey(ns, id);
    const Digest place = Sha256(key);
    if (place >= from.at) keys.emplace_back(place, std::move(key));
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace

absl::StatusOr<ScanEnd> ScanInstances(const State& state, absl::string_view ns,
                                      const InstanceFilter& filter, v1::View view,
                                      const StateCursor& from, const ScanBounds& bounds,
                                      google::protobuf::RepeatedPtrField<v1::Instance>* found) {
  Scan scan(state, ns, filter, view, bounds, found);
  ScanEnd end;
  if (filter.ids().empty()) {
    end.at_end = !state.root().Walk(
        from, [&scan](const StateEntry& entry) { return scan.Visit(entry); }, &end.next);
  } else {
    end.at_end = true;
    bool stopped = false;
    for (const auto& [place, key] : KeysOfIds(ns, filter, from)) {
      if (stopped) {
        end = {.at_end = false, .next = {place}};
        break;
      }
      StateEntry entry;
      if (state.root().Find(key, &entry)) stopped = !scan.Visit(entry);
    }
  }
  if (!scan.status().ok()) return scan.status();
  return end;
}

}  // namespace swoosh
