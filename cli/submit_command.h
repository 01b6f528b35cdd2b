#ifndef SWOOSH_CLI_SUBMIT_COMMAND_H_
#define SWOOSH_CLI_SUBMIT_COMMAND_H_

#include "cli/command.h"

namespace swoosh {

// submit: a file of proposals.
void AddSubmitCommand(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_SUBMIT_COMMAND_H_
