#ifndef SWOOSH_CLI_BENCH_COMMAND_H_
#define SWOOSH_CLI_BENCH_COMMAND_H_

#include "cli/command.h"

namespace swoosh {

// swooshctl bench: load on a server, and how it bears it.
void AddBenchCommand(Commands* commands);

}  // namespace swoosh

#endif  // SWOOSH_CLI_BENCH_COMMAND_H_
