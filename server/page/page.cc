#include "server/page/page.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "server/page/page_files.h"
#include "zlib.h"

namespace swoosh {
namespace {

// Nothing is loaded from, shown in, or sent to another host.
constexpr char kPolicy[] =
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'\r\nReferrer-Policy: no-referrer\r\n";

// A browser asks each time whether it is still this file, so that no two versions ever mix.
constexpr char kCaching[] = "no-cache";

bool TakesGzip(absl::string_view accept_encoding) {
  for (const absl::string_view each : absl::StrSplit(accept_encoding, ',')) {
    if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(each), "gzip")) return true;
  }
  return false;
}

std::string Uncompressed(const PageFile& file) {
  constexpr int kGzipWindowBits = 16 + MAX_WBITS;
  std::string content(file.content_bytes, '\0');
  z_stream stream = {};
  SWOOSH_CHECK(inflateInit2(&stream, kGzipWindowBits) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file.gzip.data()));
  stream.avail_in = static_cast<uInt>(file.gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(content.size());
  SWOOSH_CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  inflateEnd(&stream);
  return content;
}

}  // namespace

bool IsPagePath(absl::string_view path) { return path == "/" || absl::StartsWith(path, "/page/"); }

HttpAnswer AnswerFromPage(absl::string_view path, absl::string_view if_none_match,
                          absl::string_view accept_encoding) {
  const auto files = PageFiles();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [path](const PageFile& each) { return each.path == path; });
  HttpAnswer answer;
  answer.headers = kPolicy;
  if (file == files.end()) {
    answer.code = 404;
    answer.type = "text/plain; charset=utf-8";
    answer.body = "the page has no such file\n";
    return answer;
  }
  const bool gzip = TakesGzip(accept_encoding);
  const std::string etag = absl::StrCat("\"", file->etag, gzip ? "-gzip" : "", "\"");
  absl::StrAppend(&answer.headers, "ETag: ", etag, "\r\nVary: Accept-Encoding\r\n",
                  gzip ? "Content-Encoding: gzip\r\n" : "");
  answer.code = absl::StrContains(if_none_match, etag) ? 304 : 200;
  answer.type = std::string(file->type);
  answer.caching = kCaching;
  answer.body = gzip ? std::string(file->gzip) : Uncompressed(*file);
  return answer;
}

}  // namespace swoosh
