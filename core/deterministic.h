#ifndef SWOOSH_CORE_DETERMINISTIC_H_
#define SWOOSH_CORE_DETERMINISTIC_H_

#include <cstddef>
#include <string>

#include "google/protobuf/message_lite.h"

namespace swoosh {

// Appends `message` in protobuf's wire format, with map entries in key order, which is the same for
// the same content with one version of protobuf; and makes room for `more` bytes after it.
void AppendDeterministic(const google::protobuf::MessageLite& message, size_t more,
                         std::string* bytes);

}  // namespace swoosh

#endif  // SWOOSH_CORE_DETERMINISTIC_H_
