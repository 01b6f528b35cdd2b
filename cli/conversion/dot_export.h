#ifndef SWOOSH_CLI_CONVERSION_DOT_EXPORT_H_
#define SWOOSH_CLI_CONVERSION_DOT_EXPORT_H_

#include <string>

#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// The machine as a graph for Graphviz' dot: states that hold others are clusters, those of a
// parallel state dashed. Labels are UML's "event [guard] / actions". Requires a machine that
// Machine::Compile accepts. Thread-safe.
std::string ExportDot(const v1::Machine& machine);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_DOT_EXPORT_H_
