#include "server/verify.h"

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "server/exit_codes.h"
#include "storage/recovery_refusal.h"
#include "storage/recovery_table.h"

namespace swoosh {

int ExitCodeFor(const absl::Status& status) {
  if (const Refusal refusal = RefusalOf(status); refusal != Refusal::kNone) {
    return static_cast<int>(refusal);
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kDataLoss:
      return kExitDataLoss;
    case absl::StatusCode::kFailedPrecondition:
      return kExitStoreRefused;
    default:
      return kExitFailed;
  }
}

VerifyReport Verify(FileSystem* file_system, const StorePaths& paths) {
  RecoveryOptions options;
  options.from_oldest = true;
  options.read_only = true;
  // The chain of what lies before the oldest snapshot, too.
  options.window_records = UINT64_MAX;
  absl::StatusOr<OpenStore> store = Recover(file_system, paths, options);
  VerifyReport report;
  report.exit_code = ExitCodeFor(store.status());
  if (!store.ok()) {
    report.error = absl::StrCat("not verified: ", store.status().message(), "\n");
    return report;
  }
  const Digest state_hash = store->writer.Seal();
  report.output =
      absl::StrCat("verified index=", store->writer.position().index,
                   " state_hash=", ToHex(state_hash), " records=", store->replayed_records, "\n");
  return report;
}

}  // namespace swoosh
