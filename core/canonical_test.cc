#include "core/canonical.h"

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "core/json_value_for_test.h"
#include "core/seeded_test.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr char kVectorsFile[] = "core/testdata/canonical.txt";

struct Vector {
  std::string json;
  std::string encoding;
};

std::vector<Vector> ReadVectors() {
  std::vector<Vector> vectors;
  std::ifstream file(kVectorsFile);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> parts = absl::StrSplit(line, '\t');
    EXPECT_EQ(parts.size(), 2u) << line;
    vectors.push_back({parts[0], absl::HexStringToBytes(parts[1])});
  }
  EXPECT_GE(vectors.size(), 30u);
  return vectors;
}

std::string Encode(const Value& value) {
  std::string bytes;
  AppendValue(value, &bytes);
  return bytes;
}

std::string DecodeFailure(absl::string_view hex) {
  const auto value = DecodeValue(absl::HexStringToBytes(hex));
  if (value.ok()) return "decoded";
  EXPECT_EQ(value.status().code(), absl::StatusCode::kDataLoss);
  return std::string(value.status().message());
}

TEST(CanonicalTest, EncodingsAreTheVectors) {
  for (const Vector& vector : ReadVectors()) {
    const Value value = JsonValueForTest(vector.json);
    EXPECT_EQ(absl::BytesToHexString(Encode(value)), absl::BytesToHexString(vector.encoding))
        << vector.json;
    EXPECT_EQ(value.encoded_bytes(), vector.encoding.size()) << vector.json;
  }
}

TEST(CanonicalTest, VectorsDecodeToTheirValues) {
  for (const Vector& vector : ReadVectors()) {
    const auto value = DecodeValue(vector.encoding);
    ASSERT_TRUE(value.ok()) << vector.json << ": " << value.status();
    EXPECT_EQ(*value, JsonValueForTest(vector.json)) << vector.json;
    CanonicalReader reader(vector.encoding);
    EXPECT_EQ(reader.SkipValue(), vector.encoding) << vector.json;
    EXPECT_TRUE(reader.Finish().ok());
  }
}

TEST(CanonicalTest, NoPrefixOfAVectorDecodes) {
  for (const Vector& vector : ReadVectors()) {
    for (size_t size = 0; size < vector.encoding.size(); ++size) {
      EXPECT_FALSE(DecodeValue(vector.encoding.substr(0, size)).ok()) << vector.json << " " << size;
    }
  }
}

// What decodes is canonical: so every changed bit gives a failure or another value.
TEST(CanonicalTest, ADamagedVectorFailsOrIsItselfCanonical) {
  for (const Vector& vector : ReadVectors()) {
    for (size_t bit = 0; bit < 8 * vector.encoding.size(); ++bit) {
      std::string damaged = vector.encoding;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      const auto value = DecodeValue(damaged);
      CanonicalReader reader(damaged);
      reader.SkipValue();
      EXPECT_EQ(reader.Finish().ok(), value.ok());
      if (!value.ok()) continue;
      EXPECT_EQ(Encode(*value), damaged) << vector.json << " bit " << bit;
    }
  }
}

TEST(CanonicalTest, ArbitraryBytesFailOrAreCanonical) {
  std::mt19937 random(TestSeed());
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes(random() % 24, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 4 == 0 ? random() : random() % 8);
    const auto value = DecodeValue(bytes);
    if (value.ok()) {
      ASSERT_EQ(Encode(*value), bytes);
      ASSERT_EQ(value->encoded_bytes(), bytes.size());
    }
  }
}

TEST(CanonicalTest, OtherEncodingsOfAValueAreRefused) {
  EXPECT_EQ(DecodeFailure(""), "not canonical: ends too early");
  EXPECT_EQ(DecodeFailure("07"), "not canonical: an unknown tag");
  EXPECT_EQ(DecodeFailure("0000"), "not canonical: 1 bytes too many");
  EXPECT_EQ(DecodeFailure("038000000000000000"), "not canonical: a number that is -0");
  EXPECT_EQ(DecodeFailure("037ff0000000000000"), "not canonical: a number that is not finite");
  EXPECT_EQ(DecodeFailure("03fff8000000000001"), "not canonical: a number that is not finite");
  EXPECT_EQ(DecodeFailure("048000"), "not canonical: a varint that is not in its shortest form");
  EXPECT_EQ(DecodeFailure("0401ff"), "not canonical: a string that is not UTF-8");
  EXPECT_EQ(DecodeFailure("040261"), "not canonical: a size beyond the end");
  EXPECT_EQ(DecodeFailure("05ffffffff7f"), "not canonical: a count beyond the end");
  EXPECT_EQ(DecodeFailure("05ffffffffffffffffff02"), "not canonical: a varint beyond 64 bits");
  EXPECT_EQ(DecodeFailure("060201620001610000"), "not canonical: keys out of order");
  EXPECT_EQ(DecodeFailure("060201610001610000"), "not canonical: keys out of order");
  EXPECT_EQ(DecodeFailure("060101ff00"), "not canonical: a key that is not UTF-8");
}

TEST(CanonicalTest, NestingIsBounded) {
  std::string nested;
  for (int i = 1; i < kValueDepthMax; ++i) nested += "0501";
  EXPECT_EQ(DecodeFailure(nested + "0500"), "decoded");
  EXPECT_EQ(DecodeFailure(nested + "05010500"), "not canonical: nesting too deep");
  EXPECT_EQ(DecodeFailure(nested + "05010600"), "not canonical: nesting too deep");
}

TEST(CanonicalTest, PrimitivesReadBack) {
  const uint64_t kNumbers[] = {0, 1, 127, 128, 300, 16'383, 16'384, UINT32_MAX, UINT64_MAX};
  std::string bytes;
  for (const uint64_t number : kNumbers) {
    AppendVarint(number, &bytes);
    AppendUint64(number, &bytes);
    AppendBytes(std::to_string(number), &bytes);
  }
  CanonicalReader reader(bytes);
  for (const uint64_t number : kNumbers) {
    EXPECT_EQ(reader.ReadVarint(), number);
    EXPECT_EQ(reader.ReadUint64(), number);
    EXPECT_EQ(reader.ReadBytes(), std::to_string(number));
  }
  EXPECT_TRUE(reader.at_end());
  EXPECT_TRUE(reader.Finish().ok());
}

TEST(CanonicalTest, AfterAFailureEveryReadFails) {
  CanonicalReader reader(absl::string_view("\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01", 10));
  reader.ReadValue();
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.ReadByte(), 0);
  EXPECT_EQ(reader.ReadVarint(), 0u);
  EXPECT_EQ(reader.ReadUint64(), 0u);
  EXPECT_EQ(reader.ReadBytes(), "");
  EXPECT_EQ(reader.SkipValue(), "");
  EXPECT_FALSE(reader.Finish().ok());
}

}  // namespace
}  // namespace swoosh
