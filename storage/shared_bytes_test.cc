#include "storage/shared_bytes.h"

#include <random>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/seeded_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr uint64_t kBytesMax = 5 * kPageBytes;

std::string Content(const SharedBytes& bytes) {
  std::string content(bytes.size() + 1, 'x');
  content.resize(bytes.Read(0, absl::MakeSpan(content)));
  return content;
}

// Copies are written, cut and read in any order: each is what a string of its own would be.
TEST(SharedBytes, ACopyIsItsOwn) {
  std::mt19937_64 random(TestSeed());
  const auto below = [&random](uint64_t bound) { return random() % bound; };
  std::vector<SharedBytes> copies(4);
  std::vector<std::string> expected(4);
  for (int step = 0; step < 5'000; ++step) {
    const size_t i = below(copies.size());
    switch (below(4)) {
      case 0: {
        const size_t from = below(copies.size());
        copies[i] = copies[from];
        expected[i] = expected[from];
        break;
      }
      case 1: {
        const uint64_t size = below(kBytesMax);
        copies[i].Resize(size);
        expected[i].resize(size, '\0');
        break;
      }
      default: {
        const uint64_t offset = below(kBytesMax);
        const std::string bytes(below(2 * kPageBytes), static_cast<char>('a' + below(26)));
        copies[i].Write(offset, bytes);
        if (bytes.empty()) break;
        if (offset + bytes.size() > expected[i].size()) expected[i].resize(offset + bytes.size());
        expected[i].replace(offset, bytes.size(), bytes);
      }
    }
    for (size_t each = 0; each < copies.size(); ++each) {
      ASSERT_TRUE(Content(copies[each]) == expected[each]) << "copy " << each << ", step " << step;
    }
  }
}

TEST(SharedBytes, TheSectorsThatDifferAreThoseWritten) {
  SharedBytes one;
  one.Write(0, std::string(3 * kPageBytes, 'a'));
  SharedBytes other = one;
  EXPECT_TRUE(other.SectorsThatDiffer(one).empty());
  other.Write(kSectorBytes - 1, "bb");
  other.Write(2 * kPageBytes + 5, "b");
  other.Write(2 * kPageBytes + 2 * kSectorBytes, "a");
  EXPECT_EQ(other.SectorsThatDiffer(one), (std::vector<uint64_t>{0, 1, 16}));
  for (const uint64_t sector : {0, 1, 16}) one.TakeSector(sector, other);
  EXPECT_EQ(Content(one), Content(other));
}

TEST(SharedBytes, ASectorBehindTheEndIsNotTaken) {
  SharedBytes one;
  one.Write(0, std::string(600, 'a'));
  SharedBytes other;
  other.Write(0, std::string(2'000, 'b'));
  one.TakeSector(1, other);
  one.TakeSector(2, other);
  EXPECT_EQ(Content(one), std::string(512, 'a') + std::string(88, 'b'));
}

}  // namespace
}  // namespace swoosh
