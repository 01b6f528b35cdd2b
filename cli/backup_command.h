#ifndef SWOOSH_CLI_BACKUP_COMMAND_H_
#define SWOOSH_CLI_BACKUP_COMMAND_H_

#include "cli/command.h"

namespace swoosh {

// backup: a copy of the server's store, checked on its way to a file.
void AddBackupCommand(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_BACKUP_COMMAND_H_
