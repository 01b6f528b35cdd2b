#include "server/http/http_connection.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/monotonic_time.h"

namespace swoosh {
namespace {

constexpr size_t kReadPieceBytes = 16 * 1'024;

// On every answer: none is to be taken for a page that is not said to be one.
constexpr char kHeaders[] = "X-Content-Type-Options: nosniff\r\nConnection: close\r\n";

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
    case 431:
      return "Request Header Fields Too Large";
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

absl::Status HttpConnection::Begin(SSL_CTX* tls) {
  const absl::Time deadline = MonotonicNow() + kHttpHeadTimeout;
  absl::Status status;
  if (tls != nullptr) status = socket_.StartTls(tls, deadline);
  while (status.ok() && !request_.has_head()) status = ReadMore(deadline);
  // A body that is none is found where it is read.
  return request_.has_head() ? absl::OkStatus() : status;
}

absl::Status HttpConnection::ReadMore(absl::Time deadline) {
  std::array<char, kReadPieceBytes> piece;
  const absl::StatusOr<size_t> read = socket_.Read(piece.data(), piece.size(), deadline);
  if (!read.ok()) return read.status();
  if (*read == 0) return absl::UnavailableError("the request has no end");
  return request_.Take({piece.data(), *read});
}

absl::StatusOr<std::string> HttpConnection::ReadBody(size_t bytes_max) {
  const auto too_large = [] { return absl::OutOfRangeError("the body is too large"); };
  if (request_.content_length().value_or(0) > bytes_max) return too_large();
  if (absl::EqualsIgnoreCase(Header("Expect").value_or(""), "100-continue") &&
      !Write("HTTP/1.1 100 Continue\r\n\r\n")) {
    return absl::InvalidArgumentError("the client is gone");
  }
  const absl::Time deadline = MonotonicNow() + kHttpBodyTimeout;
  std::string body;
  while (true) {
    body += request_.TakeBody();
    if (body.size() > bytes_max) return too_large();
    if (request_.is_whole()) return body;
    const absl::Time now = MonotonicNow();
    absl::Status status = request_.status();
    if (status.ok()) status = ReadMore(std::min(deadline, now + kHttpByteTimeout));
    if (absl::IsDeadlineExceeded(status) || now > deadline) {
      return absl::DeadlineExceededError("the body did not come in time");
    }
    if (absl::IsCancelled(status)) return status;
    if (!status.ok()) return absl::InvalidArgumentError("the body ended before its end");
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
                            request_.is_version_1_1() ? "Transfer-Encoding: chunked\r\n" : "",
                            "Cache-Control: no-store\r\n", kHeaders, "\r\n"));
}

bool HttpConnection::WriteStream(absl::string_view text) {
  if (text.empty()) return true;  // an empty chunk would be the end
  if (!request_.is_version_1_1()) return Write(text);
  return Write(absl::StrCat(absl::Hex(text.size()), "\r\n", text, "\r\n"));
}

void HttpConnection::EndStream() {
  if (request_.is_version_1_1()) Write("0\r\n\r\n");
}

bool HttpConnection::Write(absl::string_view text) {
  return socket_.Write(text, MonotonicNow() + kHttpWriteTimeout).ok();
}

void HttpConnection::Discard() {
  const absl::Time deadline = MonotonicNow() + kHttpDiscardTimeout;
  std::array<char, kReadPieceBytes> piece;
  size_t discarded = 0;
  while (discarded < kHttpDiscardedBytesMax && (!request_.is_whole() || socket_.HasUnread())) {
    const absl::StatusOr<size_t> read = socket_.Read(piece.data(), piece.size(), deadline);
    if (!read.ok() || *read == 0 || MonotonicNow() > deadline) return;
    discarded += *read;
    (void)request_.Take({piece.data(), *read});
    request_.TakeBody();
  }
}

}  // namespace swoosh
