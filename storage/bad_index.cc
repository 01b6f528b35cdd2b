#include "storage/bad_index.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr char kPayload[] = "swoosh/first_bad_index";

}  // namespace

void SetFirstBadIndex(uint64_t index, absl::Status* status) {
  if (!FirstBadIndexOf(*status).has_value()) {
    status->SetPayload(kPayload, absl::Cord(absl::StrCat(index)));
  }
}

std::optional<uint64_t> FirstBadIndexOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  uint64_t index = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &index)) {
    return std::nullopt;
  }
  return index;
}

}  // namespace swoosh
