#include "server/http/http_error.h"

#include <string>

#include "server/http/message_json.h"

namespace swoosh {

int HttpCode(int code) {
  switch (code) {
    case google::rpc::OK:
      return 200;
    case google::rpc::INVALID_ARGUMENT:
    case google::rpc::FAILED_PRECONDITION:
    case google::rpc::OUT_OF_RANGE:
      return 400;
    case google::rpc::UNAUTHENTICATED:
      return 401;
    case google::rpc::PERMISSION_DENIED:
      return 403;
    case google::rpc::NOT_FOUND:
      return 404;
    case google::rpc::ALREADY_EXISTS:
    case google::rpc::ABORTED:
      return 409;
    case google::rpc::RESOURCE_EXHAUSTED:
      return 429;
    case google::rpc::CANCELLED:
      return 499;
    case google::rpc::UNIMPLEMENTED:
      return 501;
    case google::rpc::UNAVAILABLE:
      return 503;
    case google::rpc::DEADLINE_EXCEEDED:
      return 504;
    default:  // UNKNOWN, INTERNAL, DATA_LOSS
      return 500;
  }
}

google::rpc::Status RpcStatusOf(const grpc::Status& status) {
  google::rpc::Status error;
  if (!status.error_details().empty() && error.ParseFromString(status.error_details()) &&
      error.code() == static_cast<int>(status.error_code())) {
    return error;
  }
  error.Clear();
  error.set_code(static_cast<int>(status.error_code()));
  error.set_message(status.error_message());
  return error;
}

HttpAnswer ErrorAnswer(const google::rpc::Status& error) {
  HttpAnswer answer;
  answer.code = HttpCode(error.code());
  answer.type = kJsonType;
  answer.body = StatusToJson(error) + "\n";
  return answer;
}

HttpAnswer Refusal(int http_code, google::rpc::Code code, absl::string_view message) {
  google::rpc::Status error;
  error.set_code(code);
  error.set_message(std::string(message));
  HttpAnswer answer = ErrorAnswer(error);
  answer.code = http_code;
  return answer;
}

}  // namespace swoosh
