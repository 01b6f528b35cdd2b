#ifndef SWOOSH_SERVER_LOG_LINE_H_
#define SWOOSH_SERVER_LOG_LINE_H_

#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace swoosh {

// One structured line on standard error, for people and programs:
//
//   2024-05-01T12:00:00.000000Z warn fenced index=17 error="sync: no space left"
//
// time, level, event, then key=value in the order given. A value with anything but
// [A-Za-z0-9._:/+-] is quoted, with \" \\ \n and \xHH, so a line is always one line. It is written
// with a single write when the object dies:
//
//   LogLine(LogLevel::kInfo, "drained").With("index", index);
//
// Different lines may be written from any threads.
enum class LogLevel : uint8_t { kInfo, kWarn, kError };

class LogLine {
 public:
  // `event` is a word of [a-z0-9_].
  LogLine(LogLevel level, absl::string_view event, absl::Time time = absl::Now());
  ~LogLine();
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;

  LogLine& With(absl::string_view key, absl::string_view value);
  template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
  LogLine& With(absl::string_view key, Number number) {
    if constexpr (std::is_same_v<Number, bool>) {
      return With(key, absl::string_view(number ? "true" : "false"));
    } else {
      return With(key, absl::string_view(absl::StrCat(number)));
    }
  }

  // What will be written, without the newline.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_LOG_LINE_H_
