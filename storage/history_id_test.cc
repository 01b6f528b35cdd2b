#include "storage/history_id.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "storage/file_system.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";
constexpr char kOtherId[] = "ffffffffffffffffffffffffffffffff";

class HistoryFileTest : public testing::Test {
 protected:
  std::string Bytes() { return ReadWholeFile(PosixFileSystem(), path_, 1'000).value(); }

  void Put(const std::string& bytes) {
    ASSERT_TRUE(PosixFileSystem()->Create(path_).value()->Append(bytes).ok());
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "history_id";
};

TEST(HistoryId, IsNewEachTimeAndOfThe128BitForm) {
  const std::string one = MakeHistoryId().value();
  const std::string other = MakeHistoryId().value();
  EXPECT_TRUE(IsHistoryId(one)) << one;
  EXPECT_NE(one, other);
  EXPECT_FALSE(IsHistoryId("00112233445566778899AABBCCDDEEFF"));
  EXPECT_FALSE(IsHistoryId("0011"));
}

TEST_F(HistoryFileTest, WhatIsWrittenIsRead) {
  for (const bool complete : {false, true}) {
    ASSERT_TRUE(WriteHistoryFile(PosixFileSystem(), path_, {kId, complete}).ok());
    const HistoryFile file = ReadHistoryFile(PosixFileSystem(), path_).value();
    EXPECT_EQ(file.history_id, kId);
    EXPECT_EQ(file.store_complete, complete);
  }
}

TEST_F(HistoryFileTest, TheOriginIsTheHistoryUnlessItIsSaidToBeAnother) {
  ASSERT_TRUE(WriteHistoryFile(PosixFileSystem(), path_, {kId, true}).ok());
  EXPECT_EQ(ReadHistoryFile(PosixFileSystem(), path_)->origin_id, kId);
  ASSERT_TRUE(WriteHistoryFile(PosixFileSystem(), path_, {kId, true, kOtherId}).ok());
  const HistoryFile file = ReadHistoryFile(PosixFileSystem(), path_).value();
  EXPECT_EQ(file.history_id, kId);
  EXPECT_EQ(file.origin_id, kOtherId);
  EXPECT_TRUE(file.store_complete);
  EXPECT_FALSE(file.being_restored);
}

TEST_F(HistoryFileTest, AStoreThatIsBeingRestoredIsNotComplete) {
  ASSERT_TRUE(WriteHistoryFile(PosixFileSystem(), path_, {kId, false, kOtherId, true}).ok());
  const HistoryFile file = ReadHistoryFile(PosixFileSystem(), path_).value();
  EXPECT_FALSE(file.store_complete);
  EXPECT_TRUE(file.being_restored);
}

TEST_F(HistoryFileTest, AStoreThatIsBeingRepairedIsNotComplete) {
  ASSERT_TRUE(WriteHistoryFile(PosixFileSystem(), path_, {kId, false, kOtherId, false, true}).ok());
  const HistoryFile file = ReadHistoryFile(PosixFileSystem(), path_).value();
  EXPECT_FALSE(file.store_complete);
  EXPECT_FALSE(file.being_restored);
  EXPECT_TRUE(file.being_repaired);
}

TEST_F(HistoryFileTest, HasTheBytesOfTheFormat) {
  ASSERT_TRUE(WriteHistoryFile(PosixFileSystem(), path_, {kId, true, kOtherId}).ok());
  EXPECT_EQ(absl::BytesToHexString(Bytes()),
            "53574f4f53484944000000020000000100000001303031313232333334343535"
            "3636373738383939616162626363646465656666"
            "6666666666666666666666666666666666666666666666666666666666666666"
            "c25580e3");
}

TEST_F(HistoryFileTest, TheFirstVersionIsReadForEver) {
  Put(
      absl::HexStringToBytes("53574f4f53484944000000010000000100000001303031313232333334343535"
                             "36363737383839396161626263636464656566667e348076"));
  const HistoryFile file = ReadHistoryFile(PosixFileSystem(), path_).value();
  EXPECT_EQ(file.history_id, kId);
  EXPECT_EQ(file.origin_id, kId);
  EXPECT_TRUE(file.store_complete);
  EXPECT_FALSE(file.being_restored);
}

TEST_F(HistoryFileTest, EveryBitFlipAndTruncationIsFound) {
  ASSERT_TRUE(WriteHistoryFile(PosixFileSystem(), path_, {kId, true}).ok());
  const std::string good = Bytes();
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    Put(bad);
    EXPECT_TRUE(absl::IsDataLoss(ReadHistoryFile(PosixFileSystem(), path_).status())) << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    Put(good.substr(0, size));
    EXPECT_TRUE(absl::IsDataLoss(ReadHistoryFile(PosixFileSystem(), path_).status())) << size;
  }
}

TEST_F(HistoryFileTest, AMissingFileIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(ReadHistoryFile(PosixFileSystem(), path_).status()));
}

}  // namespace
}  // namespace swoosh
