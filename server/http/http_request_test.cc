#include "server/http/http_request.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

// The request in pieces of each length gives the same; returns the last error.
absl::Status TakeInPieces(const std::string& bytes, size_t piece_bytes, HttpRequest* request) {
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    const absl::Status status = request->Take(absl::string_view(bytes).substr(at, piece_bytes));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST(HttpRequestTest, IsTheSameInWhateverPiecesItComes) {
  const std::string bytes =
      "POST /a%2Fb?c=%41+d#e HTTP/1.1\r\nHost: x\r\nEmpty:\r\nX-Long: one\r\n two\r\n"
      "host: y\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\n123\r\n2\r\n45\r\n0\r\nHost: "
      "z\r\n\r\n";
  for (const size_t piece_bytes : {1, 2, 3, 7, 1'000}) {
    HttpRequest request;
    ASSERT_TRUE(TakeInPieces(bytes, piece_bytes, &request).ok()) << piece_bytes;
    EXPECT_TRUE(request.has_head());
    EXPECT_TRUE(request.is_whole());
    EXPECT_TRUE(request.is_version_1_1());
    EXPECT_EQ(request.method(), "POST");
    EXPECT_EQ(request.path(), "/a%2Fb");
    EXPECT_EQ(request.query(), "c=%41+d");
    EXPECT_EQ(request.Header("HOST"), "x");
    EXPECT_EQ(request.Header("empty"), "");
    EXPECT_EQ(request.Header("x-long"), "one two");
    EXPECT_EQ(request.Header("absent"), std::nullopt);
    EXPECT_EQ(request.content_length(), std::nullopt);
    EXPECT_EQ(request.TakeBody(), "12345");
    EXPECT_EQ(request.TakeBody(), "");
  }
}

TEST(HttpRequestTest, EndsWhereItSaysAndWhatComesBehindIsLeftOut) {
  HttpRequest request;
  ASSERT_TRUE(request.Take("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n123").ok());
  EXPECT_TRUE(request.has_head());
  EXPECT_FALSE(request.is_whole());
  EXPECT_FALSE(request.is_version_1_1());
  EXPECT_EQ(request.content_length(), 5u);
  ASSERT_TRUE(request.Take("45GET /other HTTP/1.1\r\n\r\n").ok());
  ASSERT_TRUE(request.Take("GET /other HTTP/1.1\r\n\r\n").ok());
  EXPECT_TRUE(request.is_whole());
  EXPECT_EQ(request.TakeBody(), "12345");
  EXPECT_EQ(request.path(), "/");
  EXPECT_EQ(request.method(), "POST");
}

TEST(HttpRequestTest, AWholeUrlNamesTheHost) {
  HttpRequest request;
  ASSERT_TRUE(request.Take("GET http://evil.com:80/v1/state?a=b HTTP/1.1\r\nHost: x\r\n\r\n").ok());
  EXPECT_EQ(request.path(), "/v1/state");
  EXPECT_EQ(request.query(), "a=b");
  EXPECT_EQ(request.Header("Host"), "evil.com");
}

TEST(HttpRequestTest, WhatIsNoRequestOfHttp1IsRefused) {
  for (const char* bytes :
       {"\r\n\r\nPRI * HTTP/2.0\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/0.9\r\n\r\n",
        "\x16\x03\x01", "GET /\x01 HTTP/1.1\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA\r\n\r\n", "GET / HTTP/1.1\r\nA B: c\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n", "GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx"}) {
    for (const size_t piece_bytes : {1, 1'000}) {
      HttpRequest request;
      const absl::Status status = TakeInPieces(bytes, piece_bytes, &request);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bytes;
      EXPECT_EQ(request.Take("GET / HTTP/1.1\r\n\r\n").code(), absl::StatusCode::kInvalidArgument);
    }
  }
}

TEST(HttpRequestTest, AHeadIsBounded) {
  const std::string line = "GET / HTTP/1.1\r\n";
  const std::string name = "A: ";
  const size_t rest = kHttpHeadBytesMax - line.size() - name.size() - 4;
  for (const size_t piece_bytes : {1u, 1'000u, 100'000u}) {
    HttpRequest largest;
    EXPECT_TRUE(TakeInPieces(absl::StrCat(line, name, std::string(rest, 'x'), "\r\n\r\n", "more"),
                             piece_bytes, &largest)
                    .ok());
    EXPECT_TRUE(largest.has_head());
    HttpRequest larger;
    EXPECT_EQ(TakeInPieces(absl::StrCat(line, name, std::string(rest + 1, 'x'), "\r\n\r\n"),
                           piece_bytes, &larger)
                  .code(),
              absl::StatusCode::kOutOfRange);
  }
  std::string many = line;
  for (size_t i = 0; i < kHttpHeadersMax; ++i) many += "A: b\r\n";
  EXPECT_TRUE(HttpRequest().Take(many + "\r\n").ok());
  EXPECT_EQ(HttpRequest().Take(many + "A: b\r\n\r\n").code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace swoosh
