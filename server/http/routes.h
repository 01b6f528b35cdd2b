#ifndef SWOOSH_SERVER_HTTP_ROUTES_H_
#define SWOOSH_SERVER_HTTP_ROUTES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "server/http/message_json.h"

namespace swoosh {

// A call of the contract, as HTTP has it. GET takes the request's fields from path and query, POST
// from the body.
struct HttpRoute {
  absl::string_view verb;  // "GET", which is also for HEAD, or "POST"
  // What stands in braces is one segment, and the value of the field of that name.
  absl::string_view path;
  const char* method;                        // of gRPC: "/swoosh.v1.Orchestrator/GetState"
  const google::protobuf::Message* request;  // examples of the types
  const google::protobuf::Message* response;
  bool is_stream = false;  // answered by server-sent events
};

// All there are. Admin's calls that change or cost something are not among them.
absl::Span<const HttpRoute> HttpRoutes();

// What a verb and a path lead to.
struct HttpMatch {
  const HttpRoute* route = nullptr;  // null: no such path, or not with this verb
  Parameters path_fields;            // what the path says
  std::string allow;                 // the verbs of the path, as the header Allow has them; or ""
  absl::Status error;                // kInvalidArgument: the path is not percent-encoded UTF-8
};

// `path` as the request has it. Thread-safe.
HttpMatch MatchRoute(absl::string_view verb, absl::string_view path);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_ROUTES_H_
