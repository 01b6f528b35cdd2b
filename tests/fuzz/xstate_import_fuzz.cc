// Configs of XState: imported, and compiled.
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "cli/conversion/xstate_import.h"
#include "core/check.h"
#include "core/utf8.h"
#include "swoosh/v1/machine.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/machine_text.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr char kPath[] = "config.json";
  const absl::StatusOr<swoosh::v1::Machine> machine =
      swoosh::ImportXState(kPath, swoosh::FuzzInput(data, size), {});
  if (machine.ok()) {
    swoosh::CheckMachine(*machine).IgnoreError();  // bounds are not the import's to check
  } else {
    SWOOSH_CHECK(absl::IsInvalidArgument(machine.status()));
    SWOOSH_CHECK(absl::StartsWith(machine.status().message(), kPath));
    SWOOSH_CHECK(swoosh::IsValidUtf8(machine.status().message()));
  }
  return 0;
}
