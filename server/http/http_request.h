#ifndef SWOOSH_SERVER_HTTP_HTTP_REQUEST_H_
#define SWOOSH_SERVER_HTTP_HTTP_REQUEST_H_

#include <http_parser.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace swoosh {

// Of the request's line and the headers together.
inline constexpr size_t kHttpHeadBytesMax = 16 * 1'024;
inline constexpr size_t kHttpHeadersMax = 100;

// One HTTP/1.0 or 1.1 request, as its bytes come. For one thread.
class HttpRequest {
 public:
  HttpRequest();
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;

  // Takes the bytes that came next. Those behind the end of the request are left out.
  //   kInvalidArgument: they are no such request; kOutOfRange: its head is too large. No more is
  //     taken then.
  absl::Status Take(absl::string_view bytes);
  // What Take returned last.
  const absl::Status& status() const { return status_; }

  bool has_head() const { return has_head_; }
  bool is_whole() const { return is_whole_; }  // the body too

  // All of the following is known once the head is there, and as it stands there: not decoded.
  absl::string_view method() const;
  absl::string_view path() const { return path_; }  // may be "", is not normalised
  absl::string_view query() const { return query_; }
  bool is_version_1_1() const;
  // The first header of that name, in any case. "Host" is what the target names, where it does.
  std::optional<absl::string_view> Header(absl::string_view name) const;
  // As the head says it; none where it does not.
  std::optional<uint64_t> content_length() const { return content_length_; }

  // What came of the body since this was called last.
  std::string TakeBody() { return std::exchange(body_, {}); }

 private:
  static HttpRequest* Of(http_parser* parser) { return static_cast<HttpRequest*>(parser->data); }
  static const http_parser_settings& Callbacks();
  absl::Status Parse(absl::string_view bytes);
  // For the parser: whether it may go on.
  bool AddToName(absl::string_view piece);
  bool AddToValue(absl::string_view piece);
  bool EndHead();
  bool ReadTarget();

  http_parser parser_ = {};
  size_t head_bytes_ = 0;  // taken before the head's end
  absl::Status status_;
  bool has_head_ = false;
  bool is_whole_ = false;
  std::string target_;
  std::string path_;
  std::string query_;
  std::vector<std::pair<std::string, std::string>> headers_;
  bool in_value_ = true;  // of the last header: a piece of a name begins another one
  std::optional<uint64_t> content_length_;
  std::string body_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_REQUEST_H_
