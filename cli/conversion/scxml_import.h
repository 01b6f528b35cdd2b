#ifndef SWOOSH_CLI_CONVERSION_SCXML_IMPORT_H_
#define SWOOSH_CLI_CONVERSION_SCXML_IMPORT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// A chart in W3C SCXML 1.0 as a machine. Its datamodel is "ecmascript" (the default here), where
// its expressions fall into what scxml_expressions.h can say, "null", or our own (scxml.md), which
// is what `machine export` writes and comes back as it was.
//
//   - <scxml> is the root state. Its name is the machine's; without one it is the file's, "machine"
//     for standard input. What can't stand in a name becomes '-'.
//   - <data> with a constant value is the context; without a value it is null.
//   - <log> emits `log` with {'label', 'value'}.
//   - <send> without a delay is a timer that is due at once: its event comes from outside, after
//     the step. With the target #_internal it is a raise.
//   - A <script> of assignments is these assignments.
//   - What fails in SCXML raises error.execution, and is forgotten if nothing takes it; here such a
//     step would be refused. So a machine whose expressions may fail gets, as the last edge of its
//     root, one without target that takes error.execution.
//
// Nothing is left out: kInvalidArgument, "PATH:LINE: <ELEMENT>: REASON [CODE]", with the codes of
// scxml_refusal.h, for all that a machine can't express. What is returned compiles. Thread-safe.
absl::StatusOr<v1::Machine> ImportScxml(absl::string_view path, absl::string_view text);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_SCXML_IMPORT_H_
