#include "server/status_conversion.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/errors.h"
#include "core/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "swoosh/v1/error.pb.h"

namespace swoosh {
namespace {

constexpr size_t kShortReasonBytesMax = 120;
constexpr char kEllipsis[] = "…";

std::string Shorten(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  const size_t kept = bytes_max - sizeof(kEllipsis) + 1;
  return absl::StrCat(text.substr(0, IsValidUtf8(text) ? Utf8PrefixBytes(text, kept) : kept),
                      kEllipsis);
}

bool IsErrorInfo(const google::protobuf::Any& detail) {
  return detail.Is<google::rpc::ErrorInfo>();
}

// Makes the Denial in `detail`, if it is one, short enough for `message` to fit its bound, as far
// as that can be done.
void ShortenDenial(google::rpc::Status* message, google::protobuf::Any* detail) {
  v1::Denial denial;
  if (!detail->UnpackTo(&denial)) return;
  for (v1::EdgeDenial& edge : *denial.mutable_edges()) {
    edge.set_guard(Shorten(edge.guard(), kShortReasonBytesMax));
    edge.set_reason(Shorten(edge.reason(), kShortReasonBytesMax));
  }
  detail->PackFrom(denial);
  while (message->ByteSizeLong() > kTrailerDetailsBytesMax && denial.edges_size() > 0) {
    denial.mutable_edges()->RemoveLast();
    detail->PackFrom(denial);
  }
}

void FitTrailers(google::rpc::Status* message) {
  message->set_message(Shorten(message->message(), kTrailerMessageBytesMax));
  for (google::protobuf::Any& detail : *message->mutable_details()) {
    if (message->ByteSizeLong() <= kTrailerDetailsBytesMax) return;
    ShortenDenial(message, &detail);
  }
  auto* details = message->mutable_details();
  for (int i = details->size() - 1; i >= 0; --i) {
    if (message->ByteSizeLong() <= kTrailerDetailsBytesMax) return;
    if (!IsErrorInfo(details->Get(i))) details->DeleteSubrange(i, 1);
  }
}

v1::ErrorReason ReasonByCode(absl::StatusCode code) {
  return code == absl::StatusCode::kDataLoss ? v1::DATA_DAMAGED : v1::INTERNAL_BUG;
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status message;
  message.set_code(static_cast<int>(status.code()));
  if (status.ok()) return message;
  const std::string text(status.message());
  message.set_message(IsValidUtf8(text) ? text : absl::CHexEscape(text));
  status.ForEachPayload([&message](absl::string_view type_url, const absl::Cord& value) {
    google::protobuf::Any* detail = message.add_details();
    detail->set_type_url(std::string(type_url));
    detail->set_value(std::string(value));
  });
  if (ReasonOf(status) == v1::ERROR_REASON_UNSPECIFIED) {
    google::rpc::ErrorInfo info;
    info.set_domain(kErrorDomain);
    info.set_reason(v1::ErrorReason_Name(ReasonByCode(status.code())));
    message.add_details()->PackFrom(info);
  }
  std::sort(message.mutable_details()->begin(), message.mutable_details()->end(),
            [](const google::protobuf::Any& a, const google::protobuf::Any& b) {
              return std::make_pair(!IsErrorInfo(a), a.type_url()) <
                     std::make_pair(!IsErrorInfo(b), b.type_url());
            });
  return message;
}

absl::Status FromRpcStatus(const google::rpc::Status& message) {
  absl::Status status(static_cast<absl::StatusCode>(message.code()), message.message());
  for (const google::protobuf::Any& detail : message.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return status;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status message = ToRpcStatus(status);
  FitTrailers(&message);
  return grpc::Status(static_cast<grpc::StatusCode>(message.code()), message.message(),
                      message.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status message;
  if (!status.error_details().empty() && message.ParseFromString(status.error_details()) &&
      message.code() == static_cast<int>(status.error_code())) {
    return FromRpcStatus(message);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace swoosh
