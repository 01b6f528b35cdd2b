#ifndef SWOOSH_STORAGE_BAD_INDEX_H_
#define SWOOSH_STORAGE_BAD_INDEX_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"

// The first bad index: of the records, the first one that is damaged or missing, or may be. It goes
// along with an error as a payload, so that nobody has to read it out of a message.
namespace swoosh {

// No effect on OK, and where one was set before: who is nearest to the damage knows best.
void SetFirstBadIndex(uint64_t index, absl::Status* status);

// nullopt where it is not known.
std::optional<uint64_t> FirstBadIndexOf(const absl::Status& status);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_BAD_INDEX_H_
