#ifndef SWOOSH_CLI_SERVER_COMMANDS_H_
#define SWOOSH_CLI_SERVER_COMMANDS_H_

#include "cli/command.h"

namespace swoosh {

// state, status, snapshot, verify and trim: the server as a whole.
void AddServerCommands(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_SERVER_COMMANDS_H_
