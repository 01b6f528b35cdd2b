#ifndef SWOOSH_CORE_JSON_VALUE_FOR_TEST_H_
#define SWOOSH_CORE_JSON_VALUE_FOR_TEST_H_

#include "absl/strings/string_view.h"
#include "core/value.h"

namespace swoosh {

// The value of a JSON text. Ends the process when it is no JSON. Any finite double is taken, also
// those that FromStruct refuses.
Value JsonValueForTest(absl::string_view json);

}  // namespace swoosh

#endif  // SWOOSH_CORE_JSON_VALUE_FOR_TEST_H_
