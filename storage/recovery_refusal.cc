#include "storage/recovery_refusal.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "storage/bad_index.h"

namespace swoosh {
namespace {

// Of a status: the number of the Refusal, as text.
constexpr char kRefusalPayload[] = "swoosh/refusal";

absl::StatusCode CodeOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kInUse:
    case Refusal::kNewerBinary:
      return absl::StatusCode::kFailedPrecondition;
    case Refusal::kNoStore:
      return absl::StatusCode::kNotFound;
    case Refusal::kIo:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kDataLoss;
  }
}

}  // namespace

absl::Status RefusalStatus(Refusal refusal, absl::string_view message) {
  absl::Status status(CodeOf(refusal), absl::StrCat(RefusalName(refusal), ": ", message));
  status.SetPayload(kRefusalPayload, absl::Cord(absl::StrCat(static_cast<int>(refusal))));
  return status;
}

absl::Status RefusalFrom(uint64_t first_bad_index, absl::Status refusal) {
  if (FirstBadIndexOf(refusal).has_value()) return refusal;
  absl::Status status = WithMore(refusal, absl::StrCat("; first bad index ", first_bad_index));
  SetFirstBadIndex(first_bad_index, &status);
  return status;
}

absl::Status AtRecord(uint64_t index, const absl::Status& refusal) {
  return absl::IsDataLoss(refusal) ? RefusalFrom(index, refusal) : refusal;
}

absl::Status RefuseFor(Refusal damage, const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kDataLoss: {
      absl::Status refusal = Refuse(damage, status.message());
      const std::optional<uint64_t> index = FirstBadIndexOf(status);
      return index.has_value() ? RefusalFrom(*index, refusal) : refusal;
    }
    case absl::StatusCode::kFailedPrecondition:
      return Refuse(Refusal::kNewerBinary, status.message());
    default:
      return Refuse(Refusal::kIo, status.message());
  }
}

absl::Status WithMore(const absl::Status& refusal, absl::string_view more) {
  absl::Status status(refusal.code(), absl::StrCat(refusal.message(), more));
  refusal.ForEachPayload([&status](absl::string_view type, const absl::Cord& payload) {
    status.SetPayload(type, payload);
  });
  return status;
}

Refusal RefusalOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kRefusalPayload);
  int number = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &number)) {
    return Refusal::kNone;
  }
  return static_cast<Refusal>(number);
}

}  // namespace swoosh
