#ifndef SWOOSH_SERVER_VERIFY_H_
#define SWOOSH_SERVER_VERIFY_H_

#include <string>

#include "absl/status/status.h"
#include "storage/file_system.h"
#include "storage/recovery.h"

namespace swoosh {

// What `swooshd verify` found.
struct VerifyReport {
  int exit_code = 0;   // server/exit_codes.h
  std::string output;  // for stdout: "verified index=N state_hash=HEX records=N"; "" after an error
  std::string error;   // for stderr
};

// Replays the store at `paths` from its oldest state to its end, checking every hash there is. Not
// a byte of it changes, so no evidence is kept: LevelDB opens a copy by links, which goes again. No
// server may have it open.
VerifyReport Verify(FileSystem* file_system, const StorePaths& paths);

// What the process exits with when `status` kept it from opening a store.
int ExitCodeFor(const absl::Status& status);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_VERIFY_H_
