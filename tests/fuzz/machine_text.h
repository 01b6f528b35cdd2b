#ifndef SWOOSH_TESTS_FUZZ_MACHINE_TEXT_H_
#define SWOOSH_TESTS_FUZZ_MACHINE_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// Reads `text` as the machine file `path`; what can be read is checked as CheckMachine does. An
// error names its place in the file. Ends the process when that does not hold.
void CheckMachineText(const std::string& path, absl::string_view text);

// Compiles; the status is that of the compiler. What compiles is the same after it was stored and
// read back, and after it was answered to a client and registered again; an error is one that a
// client may see. Ends the process when that does not hold.
absl::Status CheckMachine(const v1::Machine& definition);

}  // namespace swoosh

#endif  // SWOOSH_TESTS_FUZZ_MACHINE_TEXT_H_
