#ifndef SWOOSH_SERVER_EXIT_CODES_H_
#define SWOOSH_SERVER_EXIT_CODES_H_

namespace swoosh {

// What swooshd exits with, beside the numbers of a refused store (Refusal in
// storage/recovery_table.h), 20 to 29 where nothing is damaged and 30 to 69 where something is.
// Supervisors may rely on them. A second SIGINT or SIGTERM while it shuts down ends it at once,
// with 128 + the signal's number.
enum ExitCode : int {
  kExitOk = 0,            // shut down as asked; verify found the store sound, repair made it so
  kExitFailed = 1,        // could not start: an address in use, an I/O error
  kExitUsage = 2,         // bad flags
  kExitStoreRefused = 3,  // a clock runs ahead; the folder to restore into is not empty
  kExitDataLoss = 4,      // damage in a backup, or found while serving. A repair not agreed to
  kExitFenced = 5,        // a write failed, so the server stopped (design promise 7)
  kExitDrainTimeout = 6,  // did not finish in kDrainTimeout; what was acknowledged is durable
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_EXIT_CODES_H_
