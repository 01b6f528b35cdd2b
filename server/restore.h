#ifndef SWOOSH_SERVER_RESTORE_H_
#define SWOOSH_SERVER_RESTORE_H_

#include <string>

#include "storage/file_system.h"
#include "storage/recovery.h"

namespace swoosh {

// What `swooshd restore` did.
struct RestoreReport {
  int exit_code = 0;   // server/exit_codes.h
  std::string output;  // for stdout: "restored index=N state_hash=HEX records=N history_id=HEX …"
  std::string error;   // for stderr
};

// Restores the backup in `file`, or on standard input for "-", into the empty folders of `paths`
// (storage/restore.h). Tells on stderr how far it is.
RestoreReport RestoreBackup(FileSystem* file_system, const StorePaths& paths,
                            const std::string& file);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_RESTORE_H_
