#ifndef SWOOSH_CORE_ERRORS_H_
#define SWOOSH_CORE_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "swoosh/v1/error.pb.h"

// Errors as the API shows them: an absl::Status whose payloads are the google.rpc details, keyed by
// type URL, so that they travel from where they are found to the wire without a second model.
namespace swoosh {

inline constexpr char kErrorDomain[] = "swoosh";

// A status with an ErrorInfo of domain "swoosh" and the reason's name.
absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message);

// INVALID_ARGUMENT with ErrorInfo and one BadRequest field violation. The status' message is
// "FIELD: DESCRIPTION".
absl::Status InvalidField(absl::string_view field, absl::string_view description,
                          v1::ErrorReason reason = v1::INVALID_FIELD);

// Puts `prefix` in front of the field that an InvalidField error names. No effect on any other
// status.
void PrefixField(absl::string_view prefix, absl::Status* status);

// Adds `detail` to `status`, replacing one of the same type. No effect on OK.
void AddDetail(const google::protobuf::Message& detail, absl::Status* status);

// Fills `detail` from `status`; false when it has none of that type.
bool GetDetail(const absl::Status& status, google::protobuf::Message* detail);

// The ErrorInfo's reason, ERROR_REASON_UNSPECIFIED when there is none of ours.
v1::ErrorReason ReasonOf(const absl::Status& status);

}  // namespace swoosh

#endif  // SWOOSH_CORE_ERRORS_H_
