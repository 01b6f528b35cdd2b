// The bytes of an HTTP request: whole and in pieces it is the same, and within its bounds.
#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "server/http/http_request.h"
#include "tests/fuzz/fuzz_target.h"

namespace swoosh {
namespace {

// The body that came.
std::string Take(absl::string_view bytes, size_t piece_bytes, HttpRequest* request) {
  std::string body;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
    (void)request->Take(bytes.substr(0, piece_bytes));
    body += request->TakeBody();
  }
  return body;
}

void CheckBounds(const HttpRequest& request, size_t bytes) {
  SWOOSH_CHECK(request.status().ok() || absl::IsInvalidArgument(request.status()) ||
               absl::IsOutOfRange(request.status()));
  SWOOSH_CHECK(request.has_head() || !request.is_whole());
  SWOOSH_CHECK(request.has_head() || !request.status().ok() || bytes < kHttpHeadBytesMax);
  if (!request.has_head()) return;
  SWOOSH_CHECK(request.path().size() + request.query().size() <= kHttpHeadBytesMax);
  SWOOSH_CHECK(!request.method().empty());
}

void CheckSame(const HttpRequest& a, const HttpRequest& b) {
  SWOOSH_CHECK(a.status().code() == b.status().code());
  SWOOSH_CHECK(a.has_head() == b.has_head() && a.is_whole() == b.is_whole());
  if (!a.has_head()) return;
  SWOOSH_CHECK(a.method() == b.method() && a.path() == b.path() && a.query() == b.query());
  SWOOSH_CHECK(a.is_version_1_1() == b.is_version_1_1());
  SWOOSH_CHECK(a.content_length() == b.content_length());
  for (const char* name : {"Host", "Authorization", "Content-Type", "Last-Event-ID", "Expect"}) {
    SWOOSH_CHECK(a.Header(name) == b.Header(name));
  }
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes = swoosh::FuzzInput(data, size);
  swoosh::HttpRequest whole;
  const std::string body = swoosh::Take(bytes, size + 1, &whole);
  swoosh::CheckBounds(whole, size);
  SWOOSH_CHECK(body.size() <= size);
  for (const size_t piece_bytes : {1, 13}) {
    swoosh::HttpRequest pieces;
    SWOOSH_CHECK(swoosh::Take(bytes, piece_bytes, &pieces) == body);
    swoosh::CheckSame(whole, pieces);
  }
  return 0;
}
