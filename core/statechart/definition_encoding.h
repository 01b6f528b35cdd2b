#ifndef SWOOSH_CORE_STATECHART_DEFINITION_ENCODING_H_
#define SWOOSH_CORE_STATECHART_DEFINITION_ENCODING_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// The canonical encoding of a definition: that of its proto JSON form, without the output fields.
// Two definitions are the same when these bytes are. kInvalidArgument names the field below
// `field` that has no such form.
absl::StatusOr<std::string> EncodeDefinition(const v1::Machine& definition,
                                             absl::string_view field);

// kDataLoss when `encoded` is no definition.
absl::Status DecodeDefinition(absl::string_view encoded, v1::Machine* definition);

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATECHART_DEFINITION_ENCODING_H_
