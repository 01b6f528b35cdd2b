#ifndef SWOOSH_SERVER_INSTANCE_SCAN_H_
#define SWOOSH_SERVER_INSTANCE_SCAN_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/state.h"
#include "google/protobuf/repeated_field.h"
#include "server/instance_filter.h"
#include "swoosh/v1/instance.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// Where a scan ends before the state does, whichever comes first.
struct ScanBounds {
  size_t entries_max = 0;  // looked at, matching or not
  int instances_max = 0;   // found
  size_t bytes_max = 0;    // of those found, serialised; at least one is taken
};

struct ScanEnd {
  bool at_end = false;  // the state has no more
  StateCursor next;     // else where to go on
};

// Adds to `found` the instances of namespace `ns` that match, from `from` on, in the order of
// StateRoot::Walk, as `view` shows them. Where the filter names ids, it looks them up, in the same
// order.
//   kDataLoss: an entry can't be decoded.
absl::StatusOr<ScanEnd> ScanInstances(const State& state, absl::string_view ns,
                                      const InstanceFilter& filter, v1::View view,
                                      const StateCursor& from, const ScanBounds& bounds,
                                      google::protobuf::RepeatedPtrField<v1::Instance>* found);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_INSTANCE_SCAN_H_
