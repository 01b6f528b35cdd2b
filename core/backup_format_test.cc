#include "core/backup_format.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

using Frames = std::vector<std::pair<BackupFrame, std::string>>;

const Frames& SomeFrames() {
  static const Frames& frames = *new Frames{{BackupFrame::kHeader, "head"},
                                            {BackupFrame::kSnapshot, "snap"},
                                            {BackupFrame::kSnapshot, "shot"},
                                            {BackupFrame::kRecords, std::string(3'000, 'r')},
                                            {BackupFrame::kFooter, ""}};
  return frames;
}

std::string Encode(const Frames& frames) {
  BackupEncoder encoder;
  std::string bytes;
  for (const auto& [kind, payload] : frames) bytes += encoder.Encode(kind, payload);
  return bytes;
}

// In pieces of `piece_bytes`. What was visited is in `visited`.
absl::Status Parse(absl::string_view bytes, size_t piece_bytes, Frames* visited) {
  BackupParser parser;
  while (!bytes.empty()) {
    const absl::string_view piece = bytes.substr(0, piece_bytes);
    absl::Status status = parser.Push(piece, [&](BackupFrame kind, absl::string_view payload) {
      visited->emplace_back(kind, payload);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    bytes.remove_prefix(piece.size());
  }
  return parser.Finish();
}

TEST(BackupFormat, WhatIsEncodedIsParsedWhateverThePieces) {
  const std::string bytes = Encode(SomeFrames());
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{100}, bytes.size()}) {
    Frames visited;
    EXPECT_TRUE(Parse(bytes, piece, &visited).ok()) << piece;
    EXPECT_EQ(visited, SomeFrames());
  }
}

TEST(BackupFormat, HasTheBytesOfTheDocument) {
  EXPECT_EQ(absl::BytesToHexString(Encode({{BackupFrame::kHeader, "head"}})),
            "53574f4f5348424b000000010000000253574246000000010000000468656164"
            "c1c8632c1e9a43377e2e334d36d58c7ba9f218ef3c31f0627b728b50d163f1c0");
}

TEST(BackupFormat, EveryBitFlipIsFoundAndNothingDamagedIsVisited) {
  const std::string good = Encode(SomeFrames());
  for (size_t bit = 0; bit < 8 * good.size(); bit += 5) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    Frames visited;
    const absl::Status status = Parse(bad, bad.size(), &visited);
    // A size that was made larger waits for bytes that never come: the end is missing then.
    EXPECT_TRUE(absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)) << bit;
    for (size_t i = 0; i < visited.size(); ++i) EXPECT_EQ(visited[i], SomeFrames()[i]) << bit;
  }
}

TEST(BackupFormat, EveryTruncationIsFound) {
  const std::string good = Encode(SomeFrames());
  for (size_t size = 0; size < good.size(); ++size) {
    Frames visited;
    const absl::Status status =
        Parse(absl::string_view(good).substr(0, size), good.size(), &visited);
    EXPECT_TRUE(absl::IsDataLoss(status)) << size;
    EXPECT_TRUE(absl::StrContains(status.message(), "cut off")) << status;
  }
}

TEST(BackupFormat, FramesThatAreMissingRepeatedOrMovedAreFound) {
  const std::vector<Frames> wrong = {
      {{BackupFrame::kRecords, ""}, {BackupFrame::kFooter, ""}},
      {{BackupFrame::kHeader, ""}, {BackupFrame::kHeader, ""}, {BackupFrame::kFooter, ""}},
      {{BackupFrame::kHeader, ""}, {BackupFrame::kRecords, ""}, {BackupFrame::kSnapshot, ""}},
      {{BackupFrame::kHeader, ""}, {static_cast<BackupFrame>(9), ""}},
      {{BackupFrame::kHeader, ""}, {BackupFrame::kFooter, ""}, {BackupFrame::kFooter, ""}},
  };
  for (const Frames& frames : wrong) {
    Frames visited;
    EXPECT_TRUE(absl::IsDataLoss(Parse(Encode(frames), 1'000, &visited)));
  }
  // Cut out of the bytes, each frame whole by itself.
  const std::string whole = Encode(SomeFrames());
  const size_t header_end = Encode({SomeFrames()[0]}).size();
  const size_t snapshot_end = Encode({SomeFrames()[0], SomeFrames()[1]}).size();
  Frames visited;
  EXPECT_TRUE(absl::IsDataLoss(
      Parse(whole.substr(0, header_end) + whole.substr(snapshot_end), 1'000, &visited)));
}

TEST(BackupFormat, AnotherVersionIsRefusedByName) {
  std::string bytes = Encode(SomeFrames());
  bytes[11] = 2;
  Frames visited;
  const absl::Status status = Parse(bytes, bytes.size(), &visited);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "version 2")) << status;
}

TEST(BackupFormat, WhatTheVisitorSaysEndsTheParsing) {
  BackupParser parser;
  const absl::Status status = parser.Push(Encode(SomeFrames()), [](BackupFrame, absl::string_view) {
    return absl::CancelledError("enough");
  });
  EXPECT_TRUE(absl::IsCancelled(status));
}

TEST(BackupRecords, AreReadAsTheyWereAppended) {
  std::string payload;
  const std::vector<std::string> records = {"one", "", std::string(70'000, 'x')};
  for (const std::string& record : records) AppendBackupRecord(record, &payload);
  std::vector<std::string> read;
  const auto visit = [&read](absl::string_view stored) {
    read.emplace_back(stored);
    return absl::OkStatus();
  };
  EXPECT_TRUE(ReadBackupRecords(payload, visit).ok());
  EXPECT_EQ(read, records);
  for (const size_t size : {size_t{2}, size_t{5}, payload.size() - 1}) {
    EXPECT_TRUE(absl::IsDataLoss(ReadBackupRecords(payload.substr(0, size), visit)));
  }
}

}  // namespace
}  // namespace swoosh
