#ifndef SWOOSH_SERVER_HTTP_HTTP_CONNECTION_H_
#define SWOOSH_SERVER_HTTP_HTTP_CONNECTION_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct mg_connection;

namespace swoosh {

// How long civetweb waits for a request's head in all, and for each further byte to come or to go.
// So that is also the time after which a reader that takes nothing is let go.
inline constexpr absl::Duration kHttpByteTimeout = absl::Seconds(5);
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

// One request and the answer to it: a connection has no second one. For the thread that civetweb
// calls for it.
class HttpConnection {
 public:
  // `connection` outlives this.
  explicit HttpConnection(mg_connection* connection);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // As the request has them: not decoded. `path` may be "" and is not normalised.
  absl::string_view method() const;
  absl::string_view path() const;
  absl::string_view query() const;
  // The first header of that name, in any case.
  std::optional<absl::string_view> Header(const char* name) const;

  // The whole body. kOutOfRange: it is larger than `bytes_max`; kDeadlineExceeded: it did not come
  // in time; kInvalidArgument: it ended before its end.
  absl::StatusOr<std::string> ReadBody(size_t bytes_max);

  // Sends the answer, and reads what is left of the request. Returns its code.
  int Answer(const HttpAnswer& answer);

  // An answer that has no end yet: once the head is sent, pieces of the body, and then its end,
  // without which the client takes it for cut off. False: the client is gone or reads too slowly.
  bool BeginStream(absl::string_view type);
  bool WriteStream(absl::string_view text);
  void EndStream();

 private:
  bool Write(absl::string_view text);
  void Discard();

  mg_connection* const connection_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_CONNECTION_H_
