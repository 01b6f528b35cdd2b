#ifndef SWOOSH_CLI_TRY_COMMAND_H_
#define SWOOSH_CLI_TRY_COMMAND_H_

#include "cli/command.h"

namespace swoosh {

// try: step through a machine without a server.
void AddTryCommand(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_TRY_COMMAND_H_
