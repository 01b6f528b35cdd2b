#ifndef SWOOSH_TESTS_FUZZ_QUIET_PROTOBUF_H_
#define SWOOSH_TESTS_FUZZ_QUIET_PROTOBUF_H_

#include "google/protobuf/stubs/logging.h"

namespace swoosh {

// Protobuf logs each text that is no UTF-8, and inputs are full of them.
inline void KeepProtobufQuiet() {
  static google::protobuf::LogHandler* const logging = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(logging);
}

}  // namespace swoosh

#endif  // SWOOSH_TESTS_FUZZ_QUIET_PROTOBUF_H_
