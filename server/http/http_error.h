#ifndef SWOOSH_SERVER_HTTP_HTTP_ERROR_H_
#define SWOOSH_SERVER_HTTP_HTTP_ERROR_H_

#include "absl/strings/string_view.h"
#include "google/rpc/code.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"
#include "server/http/http_connection.h"

namespace swoosh {

inline constexpr char kJsonType[] = "application/json";

// The HTTP status that google/rpc/code.proto documents for a code; 500 for one that it has not.
int HttpCode(int code);

// The error of a call: from its details, or, where gRPC itself made it, without details.
google::rpc::Status RpcStatusOf(const grpc::Status& status);

// The error as JSON, with HttpCode of its code.
HttpAnswer ErrorAnswer(const google::rpc::Status& error);

// What the HTTP port refuses by itself, before there is a call: as the errors that gRPC makes by
// itself, it has no ErrorInfo.
HttpAnswer Refusal(int http_code, google::rpc::Code code, absl::string_view message);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_ERROR_H_
