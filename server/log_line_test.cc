#include "server/log_line.h"

#include "gtest/gtest.h"

namespace swoosh {
namespace {

const absl::Time kTime = absl::FromUnixMicros(1'700'000'000'000'001);

TEST(LogLine, HasTimeLevelEventAndFields) {
  LogLine line(LogLevel::kWarn, "fenced", kTime);
  line.With("index", 17).With("ok", false).With("seconds", 0.5);
  EXPECT_EQ(line.text(), "2023-11-14T22:13:20.000001Z warn fenced index=17 ok=false seconds=0.5");
}

TEST(LogLine, QuotesWhatIsNoWord) {
  LogLine line(LogLevel::kInfo, "e", kTime);
  line.With("address", "127.0.0.1:7070").With("empty", "").With("text", "a \"b\" \\ c");
  EXPECT_EQ(line.text(),
            "2023-11-14T22:13:20.000001Z info e address=127.0.0.1:7070 empty=\"\" "
            "text=\"a \\\"b\\\" \\\\ c\"");
}

TEST(LogLine, StaysOneLineWhateverTheValue) {
  LogLine line(LogLevel::kError, "e", kTime);
  line.With("text", absl::string_view("a\nb\x01 é\0", 8));
  EXPECT_EQ(line.text(), "2023-11-14T22:13:20.000001Z error e text=\"a\\nb\\x01 é\\x00\"");
}

TEST(LogLine, IsWrittenToStandardErrorWhenItDies) {
  testing::internal::CaptureStderr();
  LogLine(LogLevel::kInfo, "hello", kTime).With("n", 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "2023-11-14T22:13:20.000001Z info hello n=1\n");
}

}  // namespace
}  // namespace swoosh
