#ifndef SWOOSH_CLI_CONVERSION_MERMAID_EXPORT_H_
#define SWOOSH_CLI_CONVERSION_MERMAID_EXPORT_H_

#include <string>

#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// The machine as a Mermaid stateDiagram-v2, which code hosts draw in Markdown. Labels are UML's
// "event [guard] / actions"; what a state does without leaving it stands in the state. Requires a
// machine that Machine::Compile accepts. Thread-safe.
std::string ExportMermaid(const v1::Machine& machine);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_MERMAID_EXPORT_H_
