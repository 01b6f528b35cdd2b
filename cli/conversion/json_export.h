#ifndef SWOOSH_CLI_CONVERSION_JSON_EXPORT_H_
#define SWOOSH_CLI_CONVERSION_JSON_EXPORT_H_

#include <string>

#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// The machine as a file for people to keep, which `machine put` reads: proto3's JSON mapping
// without what a server adds, the keys of the context in order, so that equal definitions give
// equal texts; what fits stands on one line. Thread-safe.
std::string ExportJson(const v1::Machine& machine);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_JSON_EXPORT_H_
