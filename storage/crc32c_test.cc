#include "storage/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

// RFC 3720, appendix B.4, and the check value of the CRC catalogues.
TEST(Crc32c, IsTheCastagnoliOneOfTheStandards) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<char>(i));
  EXPECT_EQ(Crc32c(rising), 0x46dd794eu);
}

TEST(Crc32c, OfPartsIsThatOfTheWhole) { EXPECT_EQ(Crc32c({"12345", "", "6789"}), 0xe3069283u); }

}  // namespace
}  // namespace swoosh
