#ifndef SWOOSH_CORE_EXPRESSION_SCOPE_H_
#define SWOOSH_CORE_EXPRESSION_SCOPE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/value.h"

namespace swoosh {

// What an expression can see. Refers to the caller's data.
struct ExpressionScope {
  const Value* context = nullptr;     // a map
  absl::string_view event_name = {};  // "" where no event is being processed
  const Value* event_data = nullptr;  // nullptr = null
  absl::string_view event_actor = {};
  double event_time_s = 0;  // seconds since the Unix epoch, of the record's time
  // Bit i of word i / 64: the state with index i is active.
  absl::Span<const uint64_t> active_states = {};
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_EXPRESSION_SCOPE_H_
