#ifndef SWOOSH_SERVER_INSTANCE_FILTER_H_
#define SWOOSH_SERVER_INSTANCE_FILTER_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// Which instances a list or a watch is about. All conditions hold together; an empty one holds for
// every instance. Thread-safe once made.
class InstanceFilter {
 public:
  explicit InstanceFilter(const v1::ListInstancesRequest& request);
  explicit InstanceFilter(const v1::WatchRequest& request);

  // What can be told by the id alone.
  bool MatchesId(absl::string_view id) const;
  // `machine` is that of `instance`.
  bool Matches(const Instance& instance, const Machine& machine) const;
  // Whether the instance matched before or after the record that `change` is of. The status is not
  // looked at.
  bool Matches(const v1::Change& change) const;

  // True when every instance matches.
  bool matches_all() const;
  // When not empty, only these ids match.
  const absl::flat_hash_set<std::string>& ids() const { return ids_; }

 private:
  absl::flat_hash_set<std::string> ids_;
  absl::flat_hash_set<std::string> machines_;
  absl::flat_hash_set<std::string> states_;
  v1::Instance::Status status_ = v1::Instance::STATUS_UNSPECIFIED;
  std::string id_prefix_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_INSTANCE_FILTER_H_
