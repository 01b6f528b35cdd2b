#ifndef SWOOSH_CLI_CONVERSION_COMMANDS_H_
#define SWOOSH_CLI_CONVERSION_COMMANDS_H_

#include "cli/command.h"

namespace swoosh {

// machine import and export; `group` is machine.
void AddConversionCommands(Commands* commands, CLI::App* group);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_COMMANDS_H_
