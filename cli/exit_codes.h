#ifndef SWOOSH_CLI_EXIT_CODES_H_
#define SWOOSH_CLI_EXIT_CODES_H_

#include "absl/status/status.h"

namespace swoosh {

// What swooshctl exits with. Scripts may rely on them.
enum CliExitCode : int {
  kCliOk = 0,
  kCliFailed = 1,    // anything else, such as a file that can't be read or is no machine
  kCliUsage = 2,     // the command line is wrong
  kCliRpcBase = 64,  // plus the gRPC code: the server refused, or could not be reached
};

// The exit code for an error that an RPC gave.
inline int RpcExitCode(const absl::Status& status) {
  return status.ok() ? kCliOk : kCliRpcBase + static_cast<int>(status.code());
}

}  // namespace swoosh

#endif  // SWOOSH_CLI_EXIT_CODES_H_
