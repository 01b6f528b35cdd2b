#ifndef SWOOSH_CLI_WATCH_COMMAND_H_
#define SWOOSH_CLI_WATCH_COMMAND_H_

#include "cli/command.h"

namespace swoosh {

// watch: what changes, as it does.
void AddWatchCommand(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_WATCH_COMMAND_H_
