#ifndef SWOOSH_STORAGE_RECOVERY_REFUSAL_H_
#define SWOOSH_STORAGE_RECOVERY_REFUSAL_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "storage/recovery_table.h"

// The errors of a recovery: "NAME_OF_THE_REFUSAL: what, where, and what was acknowledged; first bad
// index N". Their codes are
//   kDataLoss            damage
//   kFailedPrecondition  in use by another process; a record newer than this binary
//   kNotFound            no store, and none may be made
//   kUnavailable         an I/O error
namespace swoosh {

absl::Status RefusalStatus(Refusal refusal, absl::string_view message);

template <typename... Parts>
absl::Status Refuse(Refusal refusal, const Parts&... message) {
  return RefusalStatus(refusal, absl::StrCat(message...));
}

// That, and the first bad index (bad_index.h), in the message and beside it, unless it has one.
absl::Status RefusalFrom(uint64_t first_bad_index, absl::Status refusal);

// The same if it tells of damage, which was found at record `index`; else `refusal` as it is.
absl::Status AtRecord(uint64_t index, const absl::Status& refusal);

// `status` as the refusal `damage` if it tells of damage, else as what its code says. Its first bad
// index, if it has one, goes along.
absl::Status RefuseFor(Refusal damage, const absl::Status& status);

// `refusal` with more said at the end.
absl::Status WithMore(const absl::Status& refusal, absl::string_view more);

// Which row of the tables an error stands for; kNone when it is no refusal.
Refusal RefusalOf(const absl::Status& status);

}  // namespace swoosh

#endif  // SWOOSH_STORAGE_RECOVERY_REFUSAL_H_
