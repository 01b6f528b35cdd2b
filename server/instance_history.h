#ifndef SWOOSH_SERVER_INSTANCE_HISTORY_H_
#define SWOOSH_SERVER_INSTANCE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/state.h"
#include "core/statechart/instance.h"
#include "server/change_feed.h"

namespace swoosh {

// How many records one look back may read.
inline constexpr size_t kHistoryStepsMax = 100'000;

// The change of an instance in a record, nullptr when there is none.
const v1::Change* FindChange(const CommittedRecord& record, absl::string_view ns,
                             absl::string_view instance_id);

// The instance as `record` left it, as far as its `change`, which is no deletion, tells: without
// `output`, with an empty context when that did not change, and with the creation only when it is
// this record. `machine` is its machine, nullptr when there is none.
//   kDataLoss: DATA_DAMAGED, the change does not fit the machine.
absl::StatusOr<Instance> InstanceFromChange(const CommittedRecord& record, const v1::Change& change,
                                            const Machine* machine);

struct HistoryPage {
  std::vector<CommittedRecordPtr> records;  // newest first
  uint64_t next_version = 0;                // where the next page begins; 0 = that was all there is
};

// The records that changed an instance, newest first, from the one with index `version` back: at
// most `records_max` of about `bytes_max` stored bytes, at least one. The history ends with the
// instance's creation, or where the log was trimmed. A page ends before a record that can't be
// read, which is the next one's error. Point reads; blocks for the disk.
//   kOutOfRange: `version` itself was trimmed, or lies ahead.
//   kNotFound: RECORD_NOT_FOUND, that record holds no change of this instance.
//   others: as ChangeFeed::Read.
absl::StatusOr<HistoryPage> ReadHistory(const ChangeFeed& feed, absl::string_view ns,
                                        absl::string_view instance_id, uint64_t version,
                                        size_t records_max, size_t bytes_max);

// An instance as it was after record `at_index`, made from the changes in the log. `now` is a
// committed state of the same log at `at_index` or later. Blocks for the disk. Its `output` is
// missing when the instance was deleted since. An unchanged context stands in an older change, so
// `with_context` can cost many reads; without it `context` is an empty map.
//   kNotFound: INSTANCE_NOT_FOUND, there was none.
//   kOutOfRange: the index, or history that the answer needs, was trimmed (INDEX_TRIMMED) or lies
//     ahead of `now` (INDEX_AHEAD).
//   kResourceExhausted: LIMIT_REACHED, the answer lies more than kHistoryStepsMax records away.
absl::StatusOr<Instance> InstanceAt(const ChangeFeed& feed, const State& now, absl::string_view ns,
                                    absl::string_view instance_id, uint64_t at_index,
                                    bool with_context);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_INSTANCE_HISTORY_H_
