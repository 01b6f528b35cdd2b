#ifndef SWOOSH_CORE_NEAR_NAME_H_
#define SWOOSH_CORE_NEAR_NAME_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// Suggestions for misspelt names. Thread-safe.
namespace swoosh {

// The one of `known` that needs the fewest edits to become `name` (an edit inserts, deletes or
// replaces a byte, or swaps two neighbours), the first of several; "" when none is within a third
// of the name's size, or within one edit for names shorter than six bytes.
absl::string_view NearestName(absl::string_view name, absl::Span<const absl::string_view> known);

// A name one edit away from `name` that `is_known`, for sets that can only be asked; "" when there
// is none, or the name is longer than 64 bytes. Asks a few thousand times.
std::string NeighbouringName(absl::string_view name,
                             absl::FunctionRef<bool(absl::string_view)> is_known);

// " (did you mean 'NAME'?)", or "" when `name` is empty.
std::string DidYouMean(absl::string_view name);

}  // namespace swoosh

#endif  // SWOOSH_CORE_NEAR_NAME_H_
