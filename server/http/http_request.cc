#include "server/http/http_request.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr char kHost[] = "Host";

// From on_headers_complete, where 1 and 2 mean something else.
constexpr int kStop = -1;

// The library is lenient about both; what stands in front of this server may not be, and take a
// header for another one than it was here: RFC 9110, 5.1 and 5.5.
bool AreOfName(absl::string_view text) {
  constexpr absl::string_view kMarks = "!#$%&'*+-.^_`|~";
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(kMarks, c);
  });
}

bool AreOfValue(absl::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return absl::ascii_iscntrl(c) && c != '\t'; });
}

}  // namespace

HttpRequest::HttpRequest() {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
}

// The parser stops with an error where one of them returns other than 0.
const http_parser_settings& HttpRequest::Callbacks() {
  static const http_parser_settings callbacks = [] {
    http_parser_settings made;
    http_parser_settings_init(&made);
    made.on_url = [](http_parser* parser, const char* at, size_t length) {
      Of(parser)->target_.append(at, length);
      return 0;
    };
    made.on_header_field = [](http_parser* parser, const char* at, size_t length) {
      return Of(parser)->AddToName({at, length}) ? 0 : 1;
    };
    made.on_header_value = [](http_parser* parser, const char* at, size_t length) {
      return Of(parser)->AddToValue({at, length}) ? 0 : 1;
    };
    made.on_headers_complete = [](http_parser* parser) {
      return Of(parser)->EndHead() ? 0 : kStop;
    };
    made.on_body = [](http_parser* parser, const char* at, size_t length) {
      Of(parser)->body_.append(at, length);
      return 0;
    };
    made.on_message_complete = [](http_parser* parser) {
      Of(parser)->is_whole_ = true;
      http_parser_pause(parser, 1);  // there is no second one
      return 0;
    };
    return made;
  }();
  return callbacks;
}

absl::Status HttpRequest::Take(absl::string_view bytes) {
  while (status_.ok() && !is_whole_ && !bytes.empty()) {
    // Once, as one piece, bytes of the body may be counted with the head, too.
    const absl::string_view piece =
        has_head_ ? bytes : bytes.substr(0, kHttpHeadBytesMax - head_bytes_);
    status_ = Parse(piece);
    bytes.remove_prefix(piece.size());
  }
  return status_;
}

absl::Status HttpRequest::Parse(absl::string_view bytes) {
  const bool in_head = !has_head_;
  http_parser_execute(&parser_, &Callbacks(), bytes.data(), bytes.size());
  if (in_head) head_bytes_ += bytes.size();
  const http_errno error = HTTP_PARSER_ERRNO(&parser_);
  const bool has_failed = error != HPE_OK && error != HPE_PAUSED;
  const bool has_room = has_head_ || has_failed || head_bytes_ < kHttpHeadBytesMax;
  if (!has_room || headers_.size() > kHttpHeadersMax) {
    return absl::OutOfRangeError(absl::StrCat("the head has more than ", kHttpHeadBytesMax,
                                              " bytes or ", kHttpHeadersMax, " headers"));
  }
  if (!has_failed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("not a request of HTTP/1: ", http_errno_description(error)));
}

absl::string_view HttpRequest::method() const {
  return http_method_str(static_cast<http_method>(parser_.method));
}

bool HttpRequest::is_version_1_1() const { return parser_.http_minor >= 1; }

std::optional<absl::string_view> HttpRequest::Header(absl::string_view name) const {
  for (const auto& [each, value] : headers_) {
    if (absl::EqualsIgnoreCase(each, name)) return value;
  }
  return std::nullopt;
}

bool HttpRequest::AddToName(absl::string_view piece) {
  if (has_head_) return true;  // behind a body in chunks: nothing of ours is there
  if (std::exchange(in_value_, false)) headers_.emplace_back();
  headers_.back().first.append(piece.data(), piece.size());
  return AreOfName(piece) && headers_.size() <= kHttpHeadersMax;
}

bool HttpRequest::AddToValue(absl::string_view piece) {
  if (has_head_) return true;
  in_value_ = true;
  headers_.back().second.append(piece.data(), piece.size());
  return AreOfValue(piece);
}

bool HttpRequest::EndHead() {
  if (parser_.content_length != std::numeric_limits<uint64_t>::max()) {
    content_length_ = parser_.content_length;
  }
  has_head_ = parser_.http_major == 1 && ReadTarget();
  return has_head_;
}

// A target is a path, or, as for a proxy, a whole URL, or "*".
bool HttpRequest::ReadTarget() {
  if (target_ == "*") {
    path_ = target_;
    return true;
  }
  http_parser_url url;
  http_parser_url_init(&url);
  const bool is_connect = parser_.method == HTTP_CONNECT;
  if (http_parser_parse_url(target_.data(), target_.size(), is_connect ? 1 : 0, &url) != 0) {
    return false;
  }
  const auto field = [&](http_parser_url_fields which) {
    const bool is_there = (url.field_set & (1 << which)) != 0;
    const auto& place = url.field_data[which];
    return is_there ? absl::string_view(target_).substr(place.off, place.len) : absl::string_view();
  };
  path_ = std::string(field(UF_PATH));
  query_ = std::string(field(UF_QUERY));
  if (const absl::string_view host = field(UF_HOST); !host.empty()) {
    headers_.insert(headers_.begin(), {kHost, std::string(host)});
  }
  return true;
}

}  // namespace swoosh
