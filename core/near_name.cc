#include "core/near_name.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr absl::string_view kNameBytes =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~";

// Optimal string alignment distance.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

absl::string_view NearestName(absl::string_view name, absl::Span<const absl::string_view> known) {
  if (name.size() > kNameBytesMax) return absl::string_view();
  absl::string_view nearest;
  size_t nearest_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const absl::string_view candidate : known) {
    if (candidate.size() > name.size() + nearest_distance) continue;
    const size_t distance = EditDistance(name, candidate);
    if (distance >= nearest_distance) continue;
    nearest = candidate;
    nearest_distance = distance;
  }
  return nearest;
}

std::string NeighbouringName(absl::string_view name,
                             absl::FunctionRef<bool(absl::string_view)> is_known) {
  if (name.size() > kNameBytesMax) return "";
  for (size_t i = 0; i <= name.size(); ++i) {
    const absl::string_view head = name.substr(0, i);
    const absl::string_view tail = name.substr(i);
    if (!tail.empty()) {
      const std::string deleted = absl::StrCat(head, tail.substr(1));
      if (is_known(deleted)) return deleted;
    }
    if (tail.size() >= 2) {
      const std::string swapped =
          absl::StrCat(head, tail.substr(1, 1), tail.substr(0, 1), tail.substr(2));
      if (is_known(swapped)) return swapped;
    }
    for (size_t j = 0; j < kNameBytes.size(); ++j) {
      const absl::string_view byte = kNameBytes.substr(j, 1);
      const std::string inserted = absl::StrCat(head, byte, tail);
      if (is_known(inserted)) return inserted;
      if (tail.empty()) continue;
      const std::string replaced = absl::StrCat(head, byte, tail.substr(1));
      if (is_known(replaced)) return replaced;
    }
  }
  return "";
}

std::string DidYouMean(absl::string_view name) {
  return name.empty() ? "" : absl::StrCat(" (did you mean '", name, "'?)");
}

}  // namespace swoosh
