#ifndef SWOOSH_CORE_STATECHART_MACHINE_ANALYSIS_H_
#define SWOOSH_CORE_STATECHART_MACHINE_ANALYSIS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/statechart/machine.h"

namespace swoosh {

// Something in a machine that is allowed and yet most likely a mistake.
struct MachineFinding {
  enum class Severity : uint8_t {
    kWarning,  // a part of the machine does nothing
    kNote,     // it does something, perhaps not what was meant
  };
  enum class Kind : uint8_t {
    kStateUnreachable,  // it can never be entered
    kStateWithoutExit,  // not final, and no edge leaves it
    kEdgeNeverTaken,    // its event can't come, or another edge is always taken first
    kGuardAlwaysFalse,
    kGuardAlwaysTrue,
    kBranchNeverDone,   // of a choose
    kEventTakenByNone,  // raised or sent by the machine itself
    kInNeverTrue,       // In() of a state that can never be entered
    kCancelOfNothing,   // of an id that no send has
  };
  Severity severity = Severity::kWarning;
  Kind kind = Kind::kStateUnreachable;
  std::string state;    // id
  std::string edge;     // id; "" when it is about no edge
  std::string field;    // as servers name it, below the machine: "root.states[1].on[0].guard"
  std::string message;  // a sentence without its full stop
};

// "state_unreachable": stable, for programs.
absl::string_view FindingKindName(MachineFinding::Kind kind);

// What can be told from the definition alone, whatever clients, guards and providers say, in the
// order of the definition. A state that can't be entered is told, not what is in it. Thread-safe.
std::vector<MachineFinding> AnalyzeMachine(const Machine& machine);

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATECHART_MACHINE_ANALYSIS_H_
