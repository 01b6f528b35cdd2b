#ifndef SWOOSH_CLI_YAML_DOCUMENT_H_
#define SWOOSH_CLI_YAML_DOCUMENT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/document.h"

namespace swoosh {

// A text of one YAML document, as JSON would have it. Plain scalars are resolved by the core schema
// of YAML 1.2: null, ~, true, false, 12, 0o14, 0xC, 1.5e3; anything else, such as yes, on or
// 12:30, is text, and so is whatever stands in quotes. A map's keys are text, however written. A
// tag may only be !!str, !!map or !!seq. Anchors and aliases are expanded.
//
// kInvalidArgument as of TextError: not YAML, no document or several, a key that stands twice or is
// no scalar, .inf or .nan, an alias within what it names, another tag, invalid UTF-8, or past a
// bound of document.h. Thread-safe.
absl::StatusOr<Node> ParseYaml(absl::string_view text);

}  // namespace swoosh

#endif  // SWOOSH_CLI_YAML_DOCUMENT_H_
