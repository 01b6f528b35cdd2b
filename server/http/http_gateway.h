#ifndef SWOOSH_SERVER_HTTP_HTTP_GATEWAY_H_
#define SWOOSH_SERVER_HTTP_HTTP_GATEWAY_H_

#include <cstddef>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "server/http/event_stream.h"
#include "server/http/http_connection.h"
#include "server/http/http_error.h"
#include "server/http/places.h"
#include "server/http/routes.h"
#include "server/in_process_calls.h"

namespace swoosh {

// Each has a thread of the HTTP server's. More than that at a time are refused.
inline constexpr int kHttpWatchesMax = 64;
inline constexpr int kHttpCallsMax = 32;
// As of a message of gRPC.
inline constexpr size_t kHttpBodyBytesMax = 4 * 1'024 * 1'024;
inline constexpr absl::Duration kHttpCallTimeout = absl::Seconds(30);

// The contract over HTTP, as JSON: what it is asked is a call of this process' own services, so
// limits, checks, errors and metrics are those of gRPC. An error is a google.rpc.Status as JSON.
// Thread-safe.
class HttpGateway {
 public:
  // `services` outlive this.
  explicit HttpGateway(InProcessServices* services) : services_(services) {}
  HttpGateway(const HttpGateway&) = delete;
  HttpGateway& operator=(const HttpGateway&) = delete;

  // Answers the request; returns the HTTP status. Blocks until the answer is sent, or the reader of
  // a watch is gone or too slow.
  int Handle(HttpConnection* connection);

  // Waits until no call and no watch is under way, at most for `timeout`. The services have to
  // refuse new ones before, and to end the watches.
  void Drain(absl::Duration timeout);

 private:
  int Call(const HttpRoute& route, const CallIdentity& identity,
           const google::protobuf::Message& request, HttpConnection* connection);
  int Watch(const HttpRoute& route, const CallIdentity& identity, const v1::WatchRequest& request,
            HttpConnection* connection);

  InProcessServices* const services_;
  Places calls_{kHttpCallsMax};
  Places watches_{kHttpWatchesMax};
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_GATEWAY_H_
