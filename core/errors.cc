#include "core/errors.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"

namespace swoosh {
namespace {

std::string TypeUrl(const google::protobuf::Message& detail) {
  return absl::StrCat("type.googleapis.com/", detail.GetDescriptor()->full_name());
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message) {
  absl::Status status(code, message);
  google::rpc::ErrorInfo info;
  info.set_domain(kErrorDomain);
  info.set_reason(v1::ErrorReason_Name(reason));
  AddDetail(info, &status);
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description,
                          v1::ErrorReason reason) {
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, reason, absl::StrCat(field, ": ", description));
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
  AddDetail(bad_request, &status);
  return status;
}

void PrefixField(absl::string_view prefix, absl::Status* status) {
  google::rpc::BadRequest bad_request;
  if (!GetDetail(*status, &bad_request) || bad_request.field_violations_size() != 1) return;
  const auto& violation = bad_request.field_violations(0);
  *status = InvalidField(absl::StrCat(prefix, violation.field()), violation.description(),
                         ReasonOf(*status));
}

void AddDetail(const google::protobuf::Message& detail, absl::Status* status) {
  if (status->ok()) return;
  status->SetPayload(TypeUrl(detail), absl::Cord(detail.SerializeAsString()));
}

bool GetDetail(const absl::Status& status, google::protobuf::Message* detail) {
  const auto payload = status.GetPayload(TypeUrl(*detail));
  return payload.has_value() && detail->ParseFromString(std::string(*payload));
}

v1::ErrorReason ReasonOf(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  if (GetDetail(status, &info) && info.domain() == kErrorDomain) {
    v1::ErrorReason_Parse(info.reason(), &reason);
  }
  return reason;
}

}  // namespace swoosh
