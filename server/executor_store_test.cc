// The executor over a real store: LevelDB, snapshots and recovery.

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "server/snapshotter.h"
#include "server/store_server_for_test.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/snapshot_store.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

class ExecutorStoreTest : public testing::Test {
 protected:
  void Restart(StoreServer::Options options = {}) {
    server_.reset();
    server_ = StoreServer::Open(&files_, directory_.path(), std::move(options)).value();
  }
  void Prepare() {
    ASSERT_TRUE(server_->Call(RegisterCounter()).ok());
    ASSERT_TRUE(server_->Call(CreateCounter("a")).ok());
  }
  static v1::SubmitRequest Inc(int i) {
    return WithRequestId(SendTo("a", "inc"), absl::StrCat("request-", i));
  }
  double Count() const {
    return server_->state()->FindInstance("default", "a")->context.Find("count")->as_number();
  }

  TemporaryDirectory directory_;
  FaultFileSystem files_{PosixFileSystem()};
  std::unique_ptr<StoreServer> server_;
};

TEST_F(ExecutorStoreTest, WhatWasAcknowledgedIsThereAfterARestartWithTheSameHash) {
  Restart();
  Prepare();
  std::vector<FutureAnswer> answers;
  for (int i = 0; i < 300; ++i) answers.push_back(server_->Submit(Inc(i)));
  for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  const auto before = server_->state();
  EXPECT_GT(server_->metrics().wal_fsync_seconds.Collect().histogram.sample_count, 2u);

  Restart();
  EXPECT_EQ(server_->state()->index(), 302u);
  EXPECT_EQ(server_->state()->hash(), before->hash());
  EXPECT_EQ(server_->state()->position().record_hash, before->position().record_hash);
  EXPECT_EQ(server_->store().replayed_records, 302u);
  EXPECT_EQ(Count(), 300);

  // The window survives too, no wider and no narrower.
  const Answer repeat = server_->Call(Inc(299));
  ASSERT_TRUE(repeat.ok());
  EXPECT_TRUE(repeat->duplicate());
  EXPECT_EQ(repeat->index(), 302u);
  EXPECT_TRUE(server_->Call(Inc(200))->duplicate());
  EXPECT_FALSE(server_->Call(Inc(199))->duplicate());
}

TEST_F(ExecutorStoreTest, SnapshotsAndTrimmingLoseNothing) {
  StoreServer::Options options;
  options.snapshot_every_records = 40;
  options.retain_records = 150;
  Restart(options);
  Prepare();
  int sent = 0;
  for (int run = 0; run < 5; ++run) {
    for (int i = 0; i < 150; ++i) ASSERT_TRUE(server_->Call(Inc(sent++)).ok());
    const auto before = server_->state();
    // In the background, so sooner or later: a snapshot of this run, and what it allows to trim.
    while (server_->snapshotter().last_index() + 150 <= before->index()) std::this_thread::yield();
    Restart(options);
    ASSERT_EQ(server_->state()->index(), before->index());
    ASSERT_EQ(server_->state()->hash(), before->hash());
    ASSERT_EQ(Count(), sent);
    ASSERT_LT(server_->store().replayed_records, 150u);
    // The newest requests of the window are answered from their records.
    for (const int i : {sent - 1, sent - 99}) {
      const Answer repeat = server_->Call(Inc(i));
      ASSERT_TRUE(repeat.ok()) << repeat.status();
      ASSERT_TRUE(repeat->duplicate());
      ASSERT_EQ(repeat->index(), static_cast<uint64_t>(i) + 3);
    }
    // Whatever was not trimmed can be read, through the end.
    const uint64_t first = server_->feed().first_index();
    const auto records = server_->feed().Read(first, SIZE_MAX, SIZE_MAX);
    ASSERT_TRUE(records.ok()) << records.status();
    ASSERT_EQ(records->size(), server_->feed().next_index() - first);
  }
  EXPECT_GT(server_->store().log->first_index(), 1u);
  EXPECT_GE(server_->store().log->next_index() - server_->store().log->first_index(), 150u);
  EXPECT_EQ(ReasonOf(server_->feed().Open(1).status()), v1::INDEX_TRIMMED);
}

// The disk spoils what was verified when it was written: nothing is trimmed that the snapshot
// before it needs.
TEST_F(ExecutorStoreTest, ASnapshotDamagedWhileTheServerRunsGivesWayToTheOneBefore) {
  StoreServer::Options options;
  options.retain_records = 1;
  Restart(options);
  Prepare();
  int sent = 0;
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(server_->Call(Inc(sent++)).ok());
  };
  const auto take_snapshot = [&] {
    std::promise<bool> taken;
    server_->snapshotter().TakeNow(
        [&](const absl::StatusOr<Snapshotter::Taken>& result) { taken.set_value(result.ok()); });
    ASSERT_TRUE(taken.get_future().get());
  };
  for (int i = 0; i < 3; ++i) {
    send(120);
    take_snapshot();
  }
  const std::vector<SnapshotStore::Info> snapshots = server_->store().snapshots->List().value();
  ASSERT_EQ(snapshots.size(), 2u);
  auto file = files_.OpenToOverwrite(snapshots[0].path).value();
  ASSERT_TRUE(file->WriteAt(snapshots[0].size_bytes / 2, "spoilt").ok());
  send(20);
  const auto before = server_->state();

  Restart(options);
  EXPECT_EQ(server_->state()->hash(), before->hash());
  EXPECT_EQ(server_->state()->position().record_hash, before->position().record_hash);
  EXPECT_EQ(server_->store().replayed_records, before->index() - snapshots[1].index);
  const std::string& report = server_->store().report;
  EXPECT_TRUE(absl::StrContains(report, absl::StrCat("damaged: ", snapshots[0].path))) << report;
  EXPECT_TRUE(absl::StrContains(report, absl::StrCat("snapshot index=", snapshots[1].index)))
      << report;

  // And it goes on taking them.
  send(20);
  take_snapshot();
  const uint64_t end = server_->state()->index();
  Restart(options);
  EXPECT_EQ(server_->state()->index(), end);
  EXPECT_EQ(Count(), sent);
}

TEST_F(ExecutorStoreTest, AFinalSnapshotLeavesNothingToReplay) {
  Restart();
  Prepare();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(server_->Call(Inc(i)).ok());
  ASSERT_TRUE(server_->snapshotter().Stop(true).ok());
  const auto before = server_->state();
  Restart();
  EXPECT_EQ(server_->store().replayed_records, 0u);
  EXPECT_EQ(server_->state()->hash(), before->hash());
  EXPECT_TRUE(server_->Call(Inc(19))->duplicate());
}

// The mark is synced behind the answer's back; nobody may append for long after that.
TEST_F(ExecutorStoreTest, ASyncThatFailsInTheBackgroundFencesAtOnce) {
  absl::Notification fenced;
  StoreServer::Options options;
  options.on_fenced = [&fenced](const absl::Status&) { fenced.Notify(); };
  server_ = StoreServer::Open(&files_, directory_.path(), std::move(options)).value();
  Prepare();
  FaultFileSystem::Fault fault;
  fault.after = 1;  // the sync of the record goes well
  fault.only = FaultFileSystem::Call::kSync;
  files_.Arm(fault);
  EXPECT_TRUE(server_->Call(Inc(0)).ok());
  EXPECT_TRUE(fenced.WaitForNotificationWithTimeout(absl::Minutes(1)));
  EXPECT_TRUE(absl::IsUnavailable(server_->Call(Inc(1)).status()));
  server_->executor().Drain();
  EXPECT_TRUE(server_->executor().fenced());
  files_.Disarm();
  Restart();
  EXPECT_EQ(Count(), 1);
}

// Fails one call after the other, for good, from each on: after a restart on a disk that works,
// whatever was acknowledged is there, and at most what was unanswered besides.
TEST_F(ExecutorStoreTest, WhicheverWriteFailsWhatWasAcknowledgedIsThere) {
  Restart();
  Prepare();
  int sent = 0;
  int counted = 0;
  for (uint64_t after = 0; after < 14; ++after) {
    FaultFileSystem::Fault fault;
    fault.after = after;
    fault.for_good = true;
    fault.tear = after % 2 == 1;
    files_.Arm(fault);
    int unknown = 0;
    while (true) {
      const Answer answer = server_->Call(Inc(sent++));
      if (answer.ok()) {
        ++counted;
        continue;
      }
      ASSERT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
      if (ReasonOf(answer.status()) == v1::OUTCOME_UNKNOWN) ++unknown;
      if (ReasonOf(answer.status()) == v1::FENCED) break;
    }
    EXPECT_EQ(server_->state()->FindInstance("default", "a")->context.Find("count")->as_number(),
              counted);
    server_.reset();
    files_.Disarm();
    Restart();
    ASSERT_GE(Count(), counted) << "after " << after;
    ASSERT_LE(Count(), counted + unknown) << "after " << after;
    counted = static_cast<int>(Count());
  }
}

}  // namespace
}  // namespace swoosh
