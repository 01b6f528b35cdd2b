#ifndef SWOOSH_CLI_MACHINE_COMMANDS_H_
#define SWOOSH_CLI_MACHINE_COMMANDS_H_

#include "cli/command.h"

namespace swoosh {

// machine put, get, list and check; with import and export of conversion_commands.h.
void AddMachineCommands(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_MACHINE_COMMANDS_H_
