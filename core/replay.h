#ifndef SWOOSH_CORE_REPLAY_H_
#define SWOOSH_CORE_REPLAY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/reducer.h"
#include "core/sha256.h"
#include "core/state.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// Applies the stored record that follows `writer`'s position, and checks everything that can be:
// its index, that it holds the hash of the record before it, that its HLC rises, that Reduce makes
// the same changes of it, and the state hash where the record has one. Fills `record`, whose
// changes may be left out.
//
// kDataLoss names what disagrees and the index; kFailedPrecondition says that the record needs a
// newer reducer than this binary has. After an error `writer` is unusable.
absl::Status ReplayRecord(absl::string_view stored, StateWriter* writer, v1::Record* record);

// What ReplayRecord does, in three steps, of which only the second one touches the state: the other
// two can be on other threads, records ahead and behind. Of the errors of several steps the one of
// the lowest index counts, and of one index the one of CheckReplayed.

// A stored record that was decoded. Refers to what it was made of.
struct PreparedRecord {
  absl::string_view stored;
  const v1::Record* record = nullptr;        // without its changes, where the next has them
  std::optional<absl::string_view> changes;  // their part of `stored`
  Digest hash = {};                          // of `stored`
  InstanceKeyList keys;                      // of its transitions
};

// Decodes `stored`, which stands at `index`, into `record`. kDataLoss: that can't be done.
absl::Status PrepareReplay(uint64_t index, absl::string_view stored, v1::Record* record,
                           PreparedRecord* prepared);

// Applies it to `writer`, with all checks but the one of the changes that Reduce makes: their bytes
// it returns in `reduced`, also when it finds another state hash than the one recorded. Errors as
// ReplayRecord.
absl::Status ApplyReplay(const PreparedRecord& prepared, StateWriter* writer, std::string* reduced);

// kDataLoss: the record holds other changes than `reduced`.
absl::Status CheckReplayed(uint64_t index, const PreparedRecord& prepared,
                           absl::string_view reduced);

}  // namespace swoosh

#endif  // SWOOSH_CORE_REPLAY_H_
