#include "server/page/page.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "server/page/page_files.h"

namespace swoosh {
namespace {

std::string HeaderOf(const HttpAnswer& answer, absl::string_view name) {
  const size_t begin = answer.headers.find(absl::StrCat(name, ": "));
  if (begin == std::string::npos) return "";
  const size_t value = begin + name.size() + 2;
  return answer.headers.substr(value, answer.headers.find("\r\n", value) - value);
}

TEST(PageTest, OnlyItsOwnPathsAreThePages) {
  for (const char* path : {"/", "/page/main.js", "/page/nothing"}) EXPECT_TRUE(IsPagePath(path));
  for (const char* path : {"", "/page", "/v1/state", "/metrics", "//", "/index.html"}) {
    EXPECT_FALSE(IsPagePath(path)) << path;
  }
}

TEST(PageTest, EachFileIsServedWithItsTypeAndMayLoadNothingFromElsewhere) {
  for (const PageFile& file : PageFiles()) {
    const HttpAnswer answer = AnswerFromPage(file.path, "", "deflate, gzip, br");
    EXPECT_EQ(answer.code, 200) << file.path;
    EXPECT_EQ(answer.type, file.type);
    EXPECT_EQ(answer.body, file.gzip);
    EXPECT_EQ(HeaderOf(answer, "Content-Encoding"), "gzip");
    EXPECT_TRUE(absl::StartsWith(HeaderOf(answer, "Content-Security-Policy"),
                                 "default-src 'self'; base-uri 'none';"));
  }
}

TEST(PageTest, WhoTakesNoGzipGetsTheContentItself) {
  for (const PageFile& file : PageFiles()) {
    const HttpAnswer answer = AnswerFromPage(file.path, "", "identity, gzip;q=0");
    EXPECT_EQ(answer.body.size(), file.content_bytes) << file.path;
    EXPECT_EQ(HeaderOf(answer, "Content-Encoding"), "");
  }
  EXPECT_TRUE(absl::StartsWith(AnswerFromPage("/", "", "").body, "<!doctype html>"));
}

TEST(PageTest, AFileThatTheBrowserHasIsNotSentAgain) {
  const std::string etag = HeaderOf(AnswerFromPage("/", "", "gzip"), "ETag");
  EXPECT_EQ(AnswerFromPage("/", etag, "gzip").code, 304);
  EXPECT_EQ(AnswerFromPage("/", absl::StrCat("\"old\", W/", etag), "gzip").code, 304);
  EXPECT_EQ(AnswerFromPage("/", "\"old\"", "gzip").code, 200);
  EXPECT_EQ(AnswerFromPage("/", etag, "").code, 200) << "the two encodings differ";
}

TEST(PageTest, AnotherPathIsNotFound) {
  for (const char* path : {"/page/", "/page/nothing.js", "/page/../main.js", "/page/index.html"}) {
    EXPECT_EQ(AnswerFromPage(path, "", "gzip").code, 404) << path;
  }
}

}  // namespace
}  // namespace swoosh
