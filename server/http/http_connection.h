#ifndef SWOOSH_SERVER_HTTP_HTTP_CONNECTION_H_
#define SWOOSH_SERVER_HTTP_HTTP_CONNECTION_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/http/http_request.h"
#include "server/http/http_socket.h"

namespace swoosh {

// For a request's head in all, a TLS handshake before it included.
inline constexpr absl::Duration kHttpHeadTimeout = absl::Seconds(5);
// For a request's body, and for an answer or one event of a stream, however steadily they trickle.
inline constexpr absl::Duration kHttpBodyTimeout = absl::Seconds(30);
inline constexpr absl::Duration kHttpWriteTimeout = absl::Seconds(30);
// What is left of a body that nobody wants is read as far as this, since closing the connection
// before might destroy the answer on its way.
inline constexpr size_t kHttpDiscardedBytesMax = 8 * 1'024 * 1'024;
inline constexpr absl::Duration kHttpDiscardTimeout = absl::Seconds(2);

// What is answered, but for what every answer has.
struct HttpAnswer {
  int code = 200;
  std::string type;                        // Content-Type
  std::string body;                        // not sent to HEAD, nor with 304
  std::string headers;                     // further ones, each with its line's end
  absl::string_view caching = "no-store";  // Cache-Control: a constant
};

// The words for a status code: "Not Found".
absl::string_view HttpPhrase(int code);

// One request and the answer to it: a connection has no second one. For one thread.
class HttpConnection {
 public:
  // `file` and `stop` as for HttpSocket.
  HttpConnection(int file, int stop) : socket_(file, stop) {}
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Reads the request's head, through TLS if `tls` is not null. Errors are as of HttpSocket and
  // HttpRequest::Take; after kUnavailable and kCancelled nobody is there for an Answer.
  absl::Status Begin(SSL_CTX* tls);

  // As HttpRequest has them.
  absl::string_view method() const { return request_.method(); }
  absl::string_view path() const { return request_.path(); }
  absl::string_view query() const { return request_.query(); }
  std::optional<absl::string_view> Header(absl::string_view name) const {
    return request_.Header(name);
  }

  // As HttpSocket has them.
  bool is_tls() const { return socket_.is_tls(); }
  bool has_client_certificate() const { return socket_.has_client_certificate(); }
  const std::vector<std::string>& client_names() const { return socket_.client_names(); }

  // The whole body. kOutOfRange: it is larger than `bytes_max`; kDeadlineExceeded: it did not come
  // in time; kInvalidArgument: it ended before its end; kCancelled: the server stops.
  absl::StatusOr<std::string> ReadBody(size_t bytes_max);

  // Sends the answer, and reads what is left of the request. Returns its code.
  int Answer(const HttpAnswer& answer);

  // An answer that has no end yet: once the head is sent, pieces of the body, and then its end,
  // without which the client takes it for cut off. False: the client is gone or reads too slowly.
  bool BeginStream(absl::string_view type);
  bool WriteStream(absl::string_view text);
  void EndStream();

 private:
  // Reads once, and has the request take it.
  //   kUnavailable also at the end of what the peer sends
  absl::Status ReadMore(absl::Time deadline);
  bool Write(absl::string_view text);
  void Discard();

  HttpSocket socket_;
  HttpRequest request_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_CONNECTION_H_
