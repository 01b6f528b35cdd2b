#include "core/utf8.h"

#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(Utf8Test, WellFormedBytesAreValid) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8(absl::string_view("\0 and 20 more of ASCII", 22)));
  EXPECT_TRUE(IsValidUtf8("é\u0800\uD7FF\uE000\uFFFF\U00010000\U0010FFFF, and so on é"));
}

TEST(Utf8Test, IllFormedBytesAreInvalidWhereverTheyStand) {
  const char* const kIllFormed[] = {"\x80",
                                    "\xBF",
                                    "\xC0\x80",
                                    "\xC1\xBF",
                                    "\xC2",
                                    "\xC2\x41",
                                    "\xE0\x9F\xBF",
                                    "\xE1\x80",
                                    "\xED\xA0\x80",
                                    "\xED\xBF\xBF",
                                    "\xEF\xBF\x41",
                                    "\xF0\x8F\xBF\xBF",
                                    "\xF1\x80\x80",
                                    "\xF4\x90\x80\x80",
                                    "\xF5\x80\x80\x80",
                                    "\xFF",
                                    "\xFE"};
  for (const char* bytes : kIllFormed) {
    for (size_t offset = 0; offset < 20; ++offset) {
      const std::string text = std::string(offset, 'a') + bytes;
      EXPECT_FALSE(IsValidUtf8(text)) << bytes << " at " << offset;
      EXPECT_FALSE(IsValidUtf8(text + "then this")) << bytes << " at " << offset;
    }
  }
}

TEST(Utf8Test, EveryCodePointGoesThroughAndSurrogatesDoNot) {
  for (uint32_t code_point = 0; code_point <= 0x110010; ++code_point) {
    std::string text;
    const bool is_character =
        code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
    ASSERT_EQ(AppendCodePoint(code_point, &text), is_character) << code_point;
    ASSERT_EQ(CodePointCount(text), is_character ? 1u : 0u) << code_point;
    ASSERT_TRUE(IsValidUtf8(text)) << code_point;
  }
}

TEST(Utf8Test, APrefixDoesNotCutACodePoint) {
  EXPECT_EQ(Utf8PrefixBytes("aé日😀", 100), 10u);
  const size_t kExpected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (size_t i = 0; i <= 10; ++i) EXPECT_EQ(Utf8PrefixBytes("aé日😀", i), kExpected[i]) << i;
}

}  // namespace
}  // namespace swoosh
