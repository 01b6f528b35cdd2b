#ifndef SWOOSH_CLI_PROGRAM_H_
#define SWOOSH_CLI_PROGRAM_H_

#include "cli/session.h"

namespace swoosh {

// Runs swooshctl with a command line, in a session whose options hold the defaults; returns the
// exit code (exit_codes.h).
int RunProgram(int argc, const char* const* argv, Session* session);

// Takes what SWOOSH_SERVER, SWOOSH_NAMESPACE and NO_COLOR say as the defaults.
void ReadEnvironment(GlobalOptions* options);

}  // namespace swoosh

#endif  // SWOOSH_CLI_PROGRAM_H_
