#ifndef SWOOSH_CORE_NAMES_H_
#define SWOOSH_CORE_NAMES_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What the names in the API may look like. Each check returns kInvalidArgument naming `field`.
namespace swoosh {

// [A-Za-z0-9._~-]{1,bytes_max}: RFC 3986's unreserved characters, so that a name stands in a URL
// as it is.
absl::Status CheckName(absl::string_view name, size_t bytes_max, absl::string_view field);

// 1 to kEventNameBytesMax bytes of UTF-8 without white space or control characters.
absl::Status CheckEventName(absl::string_view event, absl::string_view field);

// Whether only the interpreter may send it: done.state.* and error.execution.
bool IsReservedEvent(absl::string_view event);

}  // namespace swoosh

#endif  // SWOOSH_CORE_NAMES_H_
