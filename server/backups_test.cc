#include "server/backups.h"

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/errors.h"
#include "core/sha256.h"
#include "gtest/gtest.h"
#include "server/backups_for_test.h"
#include "server/snapshotter.h"

namespace swoosh {
namespace {

using SessionPtr = std::unique_ptr<Backups::Session>;

class BackupsTest : public BackupsFixture {
 protected:
  SessionPtr Begin() {
    absl::StatusOr<SessionPtr> session = backups_->Begin();
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }
  // To the end, or to the first error.
  static absl::StatusOr<BackupContent> ReadAll(Backups::Session* session) {
    BackupReading reading;
    while (true) {
      const absl::StatusOr<std::string> piece = session->Next();
      if (!piece.ok()) return piece.status();
      if (piece->empty()) return reading.Finish();
      EXPECT_LE(piece->size(), kBackupPieceBytes);
      if (absl::Status status = reading.Take(*piece); !status.ok()) return status;
    }
  }
  void TakeSnapshot() {
    std::promise<bool> taken;
    server_->snapshotter().TakeNow([&](const auto& result) { taken.set_value(result.ok()); });
    ASSERT_TRUE(taken.get_future().get());
  }
  // Trims the log up to `first_kept` as far as it may be; returns what is the first one then.
  uint64_t TrimTo(uint64_t first_kept) {
    std::promise<absl::StatusOr<uint64_t>> trimmed;
    server_->executor().TrimTo(first_kept, [&](auto result) { trimmed.set_value(result); });
    EXPECT_TRUE(trimmed.get_future().get().ok());
    return server_->store().log->first_index();
  }
};

TEST_F(BackupsTest, AreOfTheMomentOfTheFirstCallAndHoldEveryRecord) {
  Send(10, 50'000);
  const SessionPtr session = Begin();
  Send(1);
  const std::string first = session->Next().value();
  const Digest hash = server_->state()->hash();
  Send(5);
  BackupReading reading;
  ASSERT_TRUE(reading.Take(first).ok());
  for (std::string piece = session->Next().value(); !piece.empty();
       piece = session->Next().value()) {
    ASSERT_TRUE(reading.Take(piece).ok());
  }
  const absl::StatusOr<BackupContent> content = reading.Finish();
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->header.first_index(), 1u);
  EXPECT_EQ(content->header.index(), 13u);
  EXPECT_EQ(content->header.state_hash(), AsBytes(hash));
  EXPECT_EQ(content->header.history_id(), server_->store().history_id);
  EXPECT_EQ(content->records, 13u);
  EXPECT_EQ(content->footer.records(), 13u);
}

TEST_F(BackupsTest, OneMoreThanMayBeTakenAtATimeIsRefusedUntilAnotherEnds) {
  SessionPtr first = Begin();
  const SessionPtr second = Begin();
  static_assert(kBackupsMax == 2);
  const absl::Status refused = backups_->Begin().status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(ReasonOf(refused), v1::LIMIT_REACHED);
  first = nullptr;
  EXPECT_TRUE(ReadAll(Begin().get()).ok());
}

TEST_F(BackupsTest, TheLogIsNotTrimmedUnderOneAndIsAfterIt) {
  Send(300);
  TakeSnapshot();
  SessionPtr session = Begin();
  ASSERT_TRUE(session->Next().ok());
  EXPECT_EQ(TrimTo(150), 1u);
  const absl::StatusOr<BackupContent> content = ReadAll(Begin().get());
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->records, 302u);
  session = nullptr;
  EXPECT_EQ(TrimTo(150), 150u);
}

TEST_F(BackupsTest, OfATrimmedLogBeginWithTheSnapshotThatItNeeds) {
  Send(300);
  TakeSnapshot();
  ASSERT_EQ(TrimTo(150), 150u);
  const absl::StatusOr<BackupContent> content = ReadAll(Begin().get());
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->header.first_index(), 150u);
  EXPECT_EQ(content->records, 153u);
  EXPECT_GT(content->footer.snapshot_bytes(), 0u);
}

TEST_F(BackupsTest, OnlyWhatTheClientHasGotCountsAsABackup) {
  {
    const SessionPtr session = Begin();
    ASSERT_TRUE(ReadAll(session.get()).ok());
  }
  EXPECT_EQ(metrics_.backup_failures.Value(), 1);
  EXPECT_EQ(metrics_.last_backup_timestamp_seconds.Value(), 0);
  {
    const SessionPtr session = Begin();
    ASSERT_TRUE(ReadAll(session.get()).ok());
    session->Delivered();
  }
  EXPECT_EQ(metrics_.backup_failures.Value(), 1);
  EXPECT_GT(metrics_.last_backup_timestamp_seconds.Value(), 1'500'000'000);
}

TEST_F(BackupsTest, ARecordThatCannotBeReadEndsItWithWhatItIs) {
  Send(100, 4'000);
  Open();
  for (const bool flip : {false, true}) {
    const SessionPtr session = Begin();
    ASSERT_TRUE(session->Next().ok());
    FaultFileSystem::Fault fault;
    fault.only = FaultFileSystem::Call::kRead;
    fault.for_good = true;
    fault.flip = flip;
    files_.Arm(fault);
    const absl::Status status = ReadAll(session.get()).status();
    files_.Disarm();
    EXPECT_EQ(status.code(), flip ? absl::StatusCode::kDataLoss : absl::StatusCode::kUnavailable)
        << status;
    EXPECT_EQ(ReasonOf(status), flip ? v1::DATA_DAMAGED : v1::BACKUP_FAILED);
  }
  EXPECT_FALSE(server_->executor().fenced());
  EXPECT_TRUE(ReadAll(Begin().get()).ok());
}

}  // namespace
}  // namespace swoosh
