#include "server/http/http_connection.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "civetweb.h"
#include "server/monotonic_time.h"

namespace swoosh {
namespace {

// civetweb waits anew for each byte, so a deadline is looked at after each of these. A body is read
// in small ones, as its sender chooses how much comes at a time.
constexpr size_t kReadPieceBytes = 256;
constexpr size_t kWritePieceBytes = 16 * 1'024;

// On every answer: none is to be taken for a page that is not said to be one.
constexpr char kHeaders[] = "X-Content-Type-Options: nosniff\r\nConnection: close\r\n";

bool IsVersion11(const mg_connection* connection) {
  return absl::string_view(mg_get_request_info(connection)->http_version) == "1.1";
}

absl::string_view TextOrEmpty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

absl::string_view HttpPhrase(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

HttpConnection::HttpConnection(mg_connection* connection) : connection_(connection) {
  // Else civetweb reads what is left of a request after us, however much there is.
  mg_disable_connection_keep_alive(connection_);
}

absl::string_view HttpConnection::method() const {
  return mg_get_request_info(connection_)->request_method;
}

absl::string_view HttpConnection::path() const {
  return TextOrEmpty(mg_get_request_info(connection_)->local_uri_raw);
}

absl::string_view HttpConnection::query() const {
  return TextOrEmpty(mg_get_request_info(connection_)->query_string);
}

std::optional<absl::string_view> HttpConnection::Header(const char* name) const {
  const char* const value = mg_get_header(connection_, name);
  if (value == nullptr) return std::nullopt;
  return value;
}

absl::StatusOr<std::string> HttpConnection::ReadBody(size_t bytes_max) {
  const auto too_large = [] { return absl::OutOfRangeError("the body is too large"); };
  const auto bytes_expected = mg_get_request_info(connection_)->content_length;  // -1: not said
  if (bytes_expected > static_cast<long long>(bytes_max)) return too_large();
  if (absl::EqualsIgnoreCase(Header("Expect").value_or(""), "100-continue") &&
      !Write("HTTP/1.1 100 Continue\r\n\r\n")) {
    return absl::InvalidArgumentError("the client is gone");
  }
  const absl::Time deadline = MonotonicNow() + kHttpBodyTimeout;
  std::string body;
  std::array<char, kReadPieceBytes> piece;
  while (true) {
    const int read = mg_read(connection_, piece.data(), piece.size());
    if (read > 0) body.append(piece.data(), static_cast<size_t>(read));
    if (body.size() > bytes_max) return too_large();
    if (MonotonicNow() > deadline) {
      return absl::DeadlineExceededError("the body did not come in time");
    }
    if (read > 0) continue;
    const bool whole =
        read == 0 && (bytes_expected < 0 || body.size() == static_cast<size_t>(bytes_expected));
    if (!whole) return absl::InvalidArgumentError("the body ended before its end");
    return body;
  }
}

int HttpConnection::Answer(const HttpAnswer& answer) {
  const bool head = method() == "HEAD" || answer.code == 304;
  // In one piece, so that a short answer is one packet.
  if (Write(absl::StrCat(
          "HTTP/1.1 ", answer.code, " ", HttpPhrase(answer.code), "\r\nContent-Type: ", answer.type,
          "\r\nContent-Length: ", answer.body.size(), "\r\nCache-Control: ", answer.caching, "\r\n",
          answer.headers, kHeaders, "\r\n", head ? "" : answer.body))) {
    Discard();
  }
  return answer.code;
}

bool HttpConnection::BeginStream(absl::string_view type) {
  return Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: ", type, "\r\n",
                            IsVersion11(connection_) ? "Transfer-Encoding: chunked\r\n" : "",
                            "Cache-Control: no-store\r\n", kHeaders, "\r\n"));
}

bool HttpConnection::WriteStream(absl::string_view text) {
  if (text.empty()) return true;  // an empty chunk would be the end
  if (!IsVersion11(connection_)) return Write(text);
  return Write(absl::StrCat(absl::Hex(text.size()), "\r\n", text, "\r\n"));
}

void HttpConnection::EndStream() {
  if (IsVersion11(connection_)) Write("0\r\n\r\n");
}

bool HttpConnection::Write(absl::string_view text) {
  const absl::Time deadline = MonotonicNow() + kHttpWriteTimeout;
  while (!text.empty()) {
    const absl::string_view piece = text.substr(0, kWritePieceBytes);
    if (mg_write(connection_, piece.data(), piece.size()) != static_cast<int>(piece.size())) {
      return false;
    }
    text.remove_prefix(piece.size());
    if (MonotonicNow() > deadline) return false;
  }
  return true;
}

void HttpConnection::Discard() {
  const absl::Time deadline = MonotonicNow() + kHttpDiscardTimeout;
  std::array<char, 4'096> piece;
  size_t discarded = 0;
  while (discarded < kHttpDiscardedBytesMax && MonotonicNow() < deadline) {
    const int read = mg_read(connection_, piece.data(), piece.size());
    if (read <= 0) return;
    discarded += static_cast<size_t>(read);
  }
}

}  // namespace swoosh
