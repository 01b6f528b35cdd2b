#include "cli/conversion/refusals.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace swoosh {

void Refusals::Add(const Position& position, absl::string_view where, absl::string_view why) {
  refusals_.push_back({position, absl::StrCat(path_, ":", ToString(position), ": ", where,
                                              where.empty() ? "" : ": ", why)});
}

void Refusals::AddLocated(const Position& position, absl::string_view message) {
  refusals_.push_back({position, absl::StrCat(path_, ":", message)});
}

absl::Status Refusals::ToStatus() const {
  if (empty()) return absl::OkStatus();
  std::vector<Refusal> sorted = refusals_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Refusal& a, const Refusal& b) {
    return std::tie(a.position.line, a.position.column) <
           std::tie(b.position.line, b.position.column);
  });
  if (sorted.size() > kRefusalsToldMax) sorted.resize(kRefusalsToldMax);
  std::string text =
      absl::StrJoin(sorted, "\n", [](std::string* out, const Refusal& one) { *out += one.text; });
  if (refusals_.size() > sorted.size()) {
    absl::StrAppend(&text, "\n", path_, ": and ", refusals_.size() - sorted.size(), " more");
  }
  return absl::InvalidArgumentError(text);
}

}  // namespace swoosh
