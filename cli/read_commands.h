#ifndef SWOOSH_CLI_READ_COMMANDS_H_
#define SWOOSH_CLI_READ_COMMANDS_H_

#include "cli/command.h"

namespace swoosh {

// get, list, history and records: what the server holds.
void AddReadCommands(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_READ_COMMANDS_H_
