// Machines in YAML: read, and compiled where they can be read.
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/machine_text.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  swoosh::CheckMachineText("machine.yaml", swoosh::FuzzInput(data, size));
  return 0;
}
