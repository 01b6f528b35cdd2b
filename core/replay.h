#ifndef SWOOSH_CORE_REPLAY_H_
#define SWOOSH_CORE_REPLAY_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/state.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// Applies the stored record that follows `writer`'s position, and checks everything that can be:
// its index, that it holds the hash of the record before it, that its HLC rises, that Reduce makes
// the same changes of it, and the state hash where the record has one. Fills `record`.
//
// kDataLoss names what disagrees and the index; kFailedPrecondition says that the record needs a
// newer reducer than this binary has. After an error `writer` is unusable.
absl::Status ReplayRecord(absl::string_view stored, StateWriter* writer, v1::Record* record);

}  // namespace swoosh

#endif  // SWOOSH_CORE_REPLAY_H_
