#include "storage/snapshot_format.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "core/hlc.h"
#include "core/sha256.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";

SnapshotHeader Header() {
  SnapshotHeader header;
  header.history_id = kId;
  header.position.index = 5'000;
  header.position.hlc = {1'700'000'000'000'000, 7};
  header.position.record_hash = Sha256("record");
  header.state_hash = Sha256("state");
  header.entries = 1'234;
  header.counts = {1'200, 33, 0};
  return header;
}

// The bytes were made by another program, from snapshot_format.md.
TEST(SnapshotFormat, TheHeaderHasItsBytes) {
  const std::string bytes = EncodeSnapshotHeader(Header());
  EXPECT_EQ(absl::BytesToHexString(bytes),
            "53574f4f5348534e000000010000000100000001303031313232333334343535"
            "3636373738383939616162626363646465656666000000000000138800060a24"
            "181e40000000000770ce871f8a3d3fb449bc3c3ace6547cef02dfc74ffe48d91"
            "2532a724bfdbe5b94ba69735ca53765ed6a709edb56c6ea236b7193a3b29a6b3"
            "90c346f0f4340e4e00000000000004d200000000000004b00000000000000021"
            "0000000000000000b7b34b9b");
  const SnapshotHeader header = DecodeSnapshotHeader(bytes).value();
  EXPECT_EQ(header.history_id, kId);
  EXPECT_EQ(header.position.index, 5'000u);
  EXPECT_EQ(header.position.hlc, (Hlc{1'700'000'000'000'000, 7}));
  EXPECT_EQ(header.position.record_hash, Sha256("record"));
  EXPECT_EQ(header.state_hash, Sha256("state"));
  EXPECT_EQ(header.entries, 1'234u);
  EXPECT_EQ(header.counts.instances, 1'200u);
  EXPECT_EQ(header.counts.machines, 33u);
  EXPECT_EQ(header.counts.timers, 0u);
}

TEST(SnapshotFormat, AFrameHeaderHasItsBytes) {
  SnapshotFrameHeader header{3, 100, 9, 0};
  header.checksum = SnapshotFrameChecksum(header, "123456789");
  const std::string bytes = EncodeSnapshotFrameHeader(header);
  EXPECT_EQ(absl::BytesToHexString(bytes), "53574652000000030000006400000009b6614e81");
  const SnapshotFrameHeader decoded = DecodeSnapshotFrameHeader(bytes).value();
  EXPECT_EQ(decoded.entries, 3u);
  EXPECT_EQ(decoded.bytes, 100u);
  EXPECT_EQ(decoded.compressed_bytes, 9u);
  EXPECT_EQ(decoded.checksum, header.checksum);
}

TEST(SnapshotFormat, TheFooterHasItsBytes) {
  const std::string bytes = EncodeSnapshotFooter({2, 1'234});
  EXPECT_EQ(absl::BytesToHexString(bytes),
            "53574f4f53484e44000000000000000200000000000004d2fb1b983b");
  const SnapshotFooter footer = DecodeSnapshotFooter(bytes).value();
  EXPECT_EQ(footer.frames, 2u);
  EXPECT_EQ(footer.entries, 1'234u);
}

TEST(SnapshotFormat, EveryFlippedBitOfHeaderAndFooterIsFound) {
  const std::string header = EncodeSnapshotHeader(Header());
  for (size_t bit = 0; bit < 8 * header.size(); ++bit) {
    std::string bad = header;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(absl::IsDataLoss(DecodeSnapshotHeader(bad).status())) << bit;
  }
  const std::string footer = EncodeSnapshotFooter({2, 1'234});
  for (size_t bit = 0; bit < 8 * footer.size(); ++bit) {
    std::string bad = footer;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(absl::IsDataLoss(DecodeSnapshotFooter(bad).status())) << bit;
  }
}

TEST(SnapshotFormat, AFrameAboveItsBoundIsRefusedBeforeItIsRead) {
  const uint32_t large = static_cast<uint32_t>(kSnapshotFrameBytesMax) + 1;
  EXPECT_TRUE(absl::IsDataLoss(
      DecodeSnapshotFrameHeader(EncodeSnapshotFrameHeader({1, large, 1, 0})).status()));
  EXPECT_TRUE(absl::IsDataLoss(
      DecodeSnapshotFrameHeader(EncodeSnapshotFrameHeader({1, 1, large, 0})).status()));
  EXPECT_TRUE(
      DecodeSnapshotFrameHeader(EncodeSnapshotFrameHeader({1, large - 1, large - 1, 0})).ok());
}

TEST(SnapshotFormat, AnUnknownVersionIsNamed) {
  std::string bytes = EncodeSnapshotHeader(Header());
  bytes[11] = 2;
  EXPECT_NE(DecodeSnapshotHeader(bytes).status().message().find("format version 2"),
            absl::string_view::npos);
}

}  // namespace
}  // namespace swoosh
