#include "server/log_line.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"

namespace swoosh {
namespace {

absl::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

bool IsPlain(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("._:/+-").find(c) != absl::string_view::npos;
}

void AppendQuoted(absl::string_view value, std::string* out) {
  constexpr char kHexDigits[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      const auto byte = static_cast<unsigned char>(c);
      out->append("\\x");
      out->push_back(kHexDigits[byte >> 4]);
      out->push_back(kHexDigits[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace

LogLine::LogLine(LogLevel level, absl::string_view event, absl::Time time)
    : text_(absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()), " ",
                         Name(level), " ", event)) {}

LogLine::~LogLine() {
  text_.push_back('\n');
  absl::string_view rest = text_;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written <= 0) return;  // there is nobody left to tell
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

LogLine& LogLine::With(absl::string_view key, absl::string_view value) {
  absl::StrAppend(&text_, " ", key, "=");
  if (!value.empty() && std::all_of(value.begin(), value.end(), IsPlain)) {
    absl::StrAppend(&text_, value);
  } else {
    AppendQuoted(value, &text_);
  }
  return *this;
}

}  // namespace swoosh
