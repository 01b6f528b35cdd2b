// The executor over a real store: LevelDB, snapshots and recovery.

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "server/snapshotter.h"
#include "storage/fault_file_system.h"
#include "storage/file_system.h"
#include "storage/recovery.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

constexpr uint64_t kWindow = 100;

// A server's inside over the store in a directory, as main puts it together.
class StoreServer {
 public:
  struct Options {
    uint64_t snapshot_every_records = 1'000'000;
    uint64_t retain_records = 0;
  };

  StoreServer(FileSystem* files, const std::string& directory, Options options) {
    auto window = std::make_unique<RequestWindow>(kWindow);
    RecoveryOptions recovery;
    recovery.window_records = kWindow;
    recovery.on_log_sync = [this](double seconds) { metrics_.wal_fsync_seconds.Observe(seconds); };
    recovery.on_record = [&](const v1::Record& record, const Digest&) {
      Digest fingerprint = {};
      std::copy(record.request_fingerprint().begin(), record.request_fingerprint().end(),
                fingerprint.begin());
      window->Restore(record.index(), record.namespace_(), record.request_id(), fingerprint);
    };
    absl::StatusOr<OpenStore> store =
        Recover(files, {directory, directory + "/wal", directory + "/snapshots"}, recovery);
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    uint64_t snapshot_index = 0;
    const auto listed = store_.snapshots->List();  // newest first
    EXPECT_TRUE(listed.ok()) << listed.status();
    if (listed.ok() && !listed->empty()) snapshot_index = listed->front().index;
    feed_ = std::make_unique<ChangeFeed>(store_.log.get(), store_.log->next_index());
    Executor::Options executor;
    executor.retain_records = options.retain_records;
    executor.oldest_snapshot_index = [this] { return store_.snapshots->oldest_verified_index(); };
    executor.on_committed = [this](uint64_t index) { snapshotter_->OnCommitted(index); };
    executor_ =
        std::make_unique<Executor>(store_.log.get(), std::move(store_.writer), std::move(window),
                                   feed_.get(), &clock_, &metrics_, std::move(executor));
    Snapshotter::Options snapshotter;
    snapshotter.interval_records = options.snapshot_every_records;
    snapshotter.committed = [this] { return executor_->committed(); };
    snapshotter.on_snapshot = [this] { executor_->TrimToRetained(); };
    snapshotter_ = std::make_unique<Snapshotter>(store_.snapshots.get(), snapshot_index, &metrics_,
                                                 std::move(snapshotter));
    executor_->Start();
    snapshotter_->Start();
  }
  ~StoreServer() {
    executor_->Drain();
    snapshotter_->Stop(false).IgnoreError();
  }

  Answer Call(v1::SubmitRequest request) { return Submit(std::move(request)).get(); }
  FutureAnswer Submit(v1::SubmitRequest request) {
    auto promise = std::make_shared<std::promise<Answer>>();
    FutureAnswer future = promise->get_future();
    Submission submission;
    submission.request = std::move(request);
    submission.done = [promise](Answer answer) { promise->set_value(std::move(answer)); };
    const absl::Status taken = executor_->TrySubmit(&submission);
    if (!taken.ok()) promise->set_value(taken);
    return future;
  }

  std::shared_ptr<const State> state() const { return executor_->committed(); }
  OpenStore& store() { return store_; }
  ChangeFeed& feed() { return *feed_; }
  Snapshotter& snapshotter() { return *snapshotter_; }
  Metrics& metrics() { return metrics_; }

 private:
  Metrics metrics_{"test"};
  ManualClock clock_{Hlc{}, kTestTimeUs};
  OpenStore store_;
  std::unique_ptr<ChangeFeed> feed_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Snapshotter> snapshotter_;
};

class ExecutorStoreTest : public testing::Test {
 protected:
  void Restart(StoreServer::Options options = {}) {
    server_.reset();
    server_ = std::make_unique<StoreServer>(&files_, directory_.path(), options);
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
  const StoreServer::Options options = {40, 150};
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
