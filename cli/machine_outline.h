#ifndef SWOOSH_CLI_MACHINE_OUTLINE_H_
#define SWOOSH_CLI_MACHINE_OUTLINE_H_

#include <string>

#include "cli/text_table.h"
#include "swoosh/v1/machine.pb.h"

// What a definition holds, for people. Thread-safe. Definitions may be malformed: what can't be
// told is left out.
namespace swoosh {

struct MachineCounts {
  int states = 0;  // the root not counted
  int edges = 0;
};
MachineCounts CountMachine(const v1::Machine& machine);

// The states as a tree, each with its edges: "card.declined [context.attempts < 3] -> charging".
std::string MachineOutline(const v1::Machine& machine, const Palette& palette);

}  // namespace swoosh

#endif  // SWOOSH_CLI_MACHINE_OUTLINE_H_
