#include "server/instance_filter.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"

namespace swoosh {

InstanceFilter::InstanceFilter(const v1::ListInstancesRequest& request)
    : states_(request.states().begin(), request.states().end()),
      status_(request.status()),
      id_prefix_(request.id_prefix()) {
  if (!request.machine().empty()) machines_.insert(request.machine());
}

InstanceFilter::InstanceFilter(const v1::WatchRequest& request)
    : ids_(request.instance_ids().begin(), request.instance_ids().end()),
      machines_(request.machines().begin(), request.machines().end()),
      states_(request.states().begin(), request.states().end()) {}

bool InstanceFilter::matches_all() const {
  return ids_.empty() && machines_.empty() && states_.empty() &&
         status_ == v1::Instance::STATUS_UNSPECIFIED && id_prefix_.empty();
}

bool InstanceFilter::MatchesId(absl::string_view id) const {
  return (ids_.empty() || ids_.contains(id)) && absl::StartsWith(id, id_prefix_);
}

bool InstanceFilter::Matches(const Instance& instance, const Machine& machine) const {
  if (!MatchesId(instance.id)) return false;
  if (!machines_.empty() && !machines_.contains(instance.machine)) return false;
  if (status_ != v1::Instance::STATUS_UNSPECIFIED && status_ != instance.status) return false;
  if (states_.empty()) return true;
  bool matches = false;
  ActiveStates(machine, instance.atomic_states).ForEach([&](int state) {
    matches = matches || states_.contains(machine.states()[state].id);
  });
  return matches;
}

bool InstanceFilter::Matches(const v1::Change& change) const {
  if (!MatchesId(change.instance_id())) return false;
  if (!machines_.empty() && !machines_.contains(change.machine())) return false;
  if (states_.empty()) return true;
  // What was active before the record is active still, or was exited.
  const auto wanted = [this](const std::string& state) { return states_.contains(state); };
  return absl::c_any_of(change.configuration(), wanted) || absl::c_any_of(change.exited(), wanted);
}

}  // namespace swoosh
