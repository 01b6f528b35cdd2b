#include "cli/rpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "core/errors.h"

namespace swoosh {

absl::Status FromRpcStatus(const google::rpc::Status& message) {
  absl::Status status(static_cast<absl::StatusCode>(message.code()), message.message());
  for (const google::protobuf::Any& detail : message.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return status;
}

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status message;
  message.set_code(static_cast<int>(status.code()));
  message.set_message(std::string(status.message()));
  status.ForEachPayload([&message](absl::string_view type_url, const absl::Cord& payload) {
    google::protobuf::Any* detail = message.add_details();
    detail->set_type_url(std::string(type_url));
    detail->set_value(std::string(payload));
  });
  return message;
}

bool IsTransient(const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return true;
    case absl::StatusCode::kResourceExhausted:
      return reason == v1::QUEUE_FULL || reason == v1::DISK_NEARLY_FULL;
    // What gRPC makes of a connection that broke in the middle; the server's own errors have a
    // reason.
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return reason == v1::ERROR_REASON_UNSPECIFIED;
    default:
      return false;
  }
}

}  // namespace swoosh
