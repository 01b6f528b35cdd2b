#ifndef SWOOSH_CLI_PROPOSAL_COMMANDS_H_
#define SWOOSH_CLI_PROPOSAL_COMMANDS_H_

#include "cli/command.h"

namespace swoosh {

// create, send and delete: proposals of one transition.
void AddProposalCommands(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_PROPOSAL_COMMANDS_H_
