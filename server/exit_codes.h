#ifndef SWOOSH_SERVER_EXIT_CODES_H_
#define SWOOSH_SERVER_EXIT_CODES_H_

namespace swoosh {

// What swooshd exits with. Supervisors may rely on them. A second SIGINT or SIGTERM while it shuts
// down ends it at once, with 128 + the signal's number.
enum ExitCode : int {
  kExitOk = 0,            // shut down as asked; verify found the store sound, repair made it so
  kExitFailed = 1,        // could not start: an address in use, an I/O error
  kExitUsage = 2,         // bad flags
  kExitStoreRefused = 3,  // the store is in use, or needs a newer binary, or a clock runs ahead
  kExitDataLoss = 4,      // damage found; nothing was served. A repair was not agreed to
  kExitFenced = 5,        // a write failed, so the server stopped (design promise 7)
  kExitDrainTimeout = 6,  // did not finish in kDrainTimeout; what was acknowledged is durable
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_EXIT_CODES_H_
