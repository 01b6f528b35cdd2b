#include "server/snapshotter.h"

#include <atomic>
#include <future>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/fault_file_system.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

class SnapshotterTest : public testing::Test {
 protected:
  SnapshotterTest() { SetState(0); }

  void Start(uint64_t interval_records, uint64_t last_index = 0) {
    Snapshotter::Options options;
    options.interval_records = interval_records;
    options.committed = [this] {
      absl::MutexLock lock(&mutex_);
      return state_;
    };
    options.on_snapshot = [this] {
      absl::MutexLock lock(&mutex_);
      ++snapshots_;
    };
    options.check_room = [this](uint64_t bytes) {
      return bytes <= room_bytes_ ? absl::OkStatus() : absl::ResourceExhaustedError("no room");
    };
    snapshotter_ = std::make_unique<Snapshotter>(&store_, last_index, &metrics_, options);
    snapshotter_->Start();
  }

  // A state after `index` records.
  void SetState(uint64_t index) {
    while (writer_.position().index < index) {
      writer_.Apply(Effect(), 1, Hlc{static_cast<int64_t>(writer_.position().index), 0});
    }
    writer_.Seal();
    absl::MutexLock lock(&mutex_);
    state_ = std::make_shared<const State>(writer_.Sealed());
  }
  void Commit(uint64_t index) {
    SetState(index);
    snapshotter_->OnCommitted(index);
  }

  std::future<absl::StatusOr<Snapshotter::Taken>> TakeNow() {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Snapshotter::Taken>>>();
    auto future = promise->get_future();
    snapshotter_->TakeNow(
        [promise](absl::StatusOr<Snapshotter::Taken> taken) { promise->set_value(taken); });
    return future;
  }
  void AwaitSnapshots(int count) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [&]()
                             ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return snapshots_ >= count; };
    mutex_.Await(absl::Condition(&reached));
  }
  std::vector<uint64_t> Stored() {
    std::vector<uint64_t> indexes;
    const auto listed = store_.List();
    EXPECT_TRUE(listed.ok()) << listed.status();
    if (!listed.ok()) return indexes;
    for (const SnapshotStore::Info& info : *listed) indexes.push_back(info.index);
    return indexes;
  }
  int snapshots() {
    absl::MutexLock lock(&mutex_);
    return snapshots_;
  }

  std::atomic<uint64_t> room_bytes_{UINT64_MAX};
  TemporaryDirectory directory_;
  FaultFileSystem files_{PosixFileSystem()};
  SnapshotStore store_{&files_, directory_.path(), kTestHistoryId};
  Metrics metrics_{"test"};
  StateWriter writer_{kTestHistoryId};
  absl::Mutex mutex_;
  std::shared_ptr<const State> state_ ABSL_GUARDED_BY(mutex_);
  int snapshots_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Snapshotter> snapshotter_;
};

using Indexes = std::vector<uint64_t>;

TEST(SnapshotInterval, IsWhatIsReplayedInTheTargetTimeAtTheMeasuredRate) {
  EXPECT_EQ(SnapshotIntervalRecords(0, 20'000, 2), 50'000u);
  // Too few records measure nothing.
  EXPECT_EQ(SnapshotIntervalRecords(0, 100, 2), 250'000u);
  EXPECT_EQ(SnapshotIntervalRecords(0, 0, 0), 250'000u);
  EXPECT_EQ(SnapshotIntervalRecords(7, 20'000, 2), 7u);
  EXPECT_EQ(SnapshotIntervalRecords(0, 20'000, 1e9), 1u);
}

TEST(SnapshotDuration, EndsBeforeTheNextOneIsDue) {
  // A thousand records a second: the next ten thousand take ten seconds.
  EXPECT_EQ(SnapshotDurationMax(10'000, 20'000, absl::Seconds(20)), absl::Seconds(7.5));
  EXPECT_EQ(SnapshotDurationMax(10'000, 20'000, absl::ZeroDuration()), absl::ZeroDuration());
}

TEST(SnapshotDuration, IsBoundedHoweverFewRecordsCome) {
  EXPECT_EQ(SnapshotDurationMax(10'000, 20, absl::Seconds(20)), kSnapshotDurationMax);
  EXPECT_EQ(SnapshotDurationMax(10'000, 0, absl::Seconds(20)), kSnapshotDurationMax);
  EXPECT_EQ(SnapshotDurationMax(UINT64_MAX, 1, absl::InfiniteDuration()), kSnapshotDurationMax);
}

TEST_F(SnapshotterTest, TakesOneEachIntervalOfRecords) {
  Start(10);
  Commit(9);
  Commit(10);
  AwaitSnapshots(1);
  EXPECT_EQ(snapshotter_->last_index(), 10u);
  Commit(19);
  Commit(25);
  AwaitSnapshots(2);
  EXPECT_EQ(snapshotter_->last_index(), 25u);
  EXPECT_EQ(Stored(), (Indexes{25, 10}));
  EXPECT_TRUE(snapshotter_->Stop(false).ok());
  EXPECT_EQ(snapshots(), 2);
  EXPECT_EQ(metrics_.last_snapshot_index.Value(), 25);
  EXPECT_GT(metrics_.snapshot_bytes.Value(), 0);
  EXPECT_EQ(metrics_.snapshot_seconds.Collect().histogram.sample_count, 2u);
}

TEST_F(SnapshotterTest, CountsFromTheSnapshotThatRecoveryLoaded) {
  SetState(25);
  Start(10, 20);
  Commit(29);
  EXPECT_TRUE(snapshotter_->Stop(false).ok());
  EXPECT_EQ(Stored(), Indexes{});
}

TEST_F(SnapshotterTest, OneThatIsDueAtTheStartIsTaken) {
  SetState(30);
  Start(10, 20);
  AwaitSnapshots(1);
  EXPECT_EQ(Stored(), Indexes{30});
}

TEST_F(SnapshotterTest, OneOnRequestIsOfTheCommittedState) {
  Start(1'000);
  SetState(7);
  const auto taken = TakeNow().get();
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->index, 7u);
  EXPECT_EQ(Stored(), Indexes{7});
  absl::MutexLock lock(&mutex_);
  EXPECT_EQ(taken->state_hash, state_->hash());
}

TEST_F(SnapshotterTest, AStateThatHasASnapshotGetsNoSecondOne) {
  Start(1'000);
  SetState(7);
  ASSERT_TRUE(TakeNow().get().ok());
  const uint64_t calls = files_.calls();
  const auto again = TakeNow().get();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->index, 7u);
  EXPECT_EQ(files_.calls(), calls);
}

TEST_F(SnapshotterTest, AFailureIsCountedAndTriedAgain) {
  Start(10);
  FaultFileSystem::Fault fault;
  fault.only = FaultFileSystem::Call::kSync;
  files_.Arm(fault);  // fails once
  Commit(10);
  AwaitSnapshots(1);
  EXPECT_EQ(metrics_.snapshot_failures.Value(), 1);
  EXPECT_EQ(Stored(), Indexes{10});
}

TEST_F(SnapshotterTest, AFailureIsToldToWhoeverAsked) {
  Start(1'000);
  SetState(7);
  FaultFileSystem::Fault fault;
  fault.only = FaultFileSystem::Call::kRename;
  files_.Arm(fault);
  const auto failed = TakeNow().get();
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(failed.status()), v1::SNAPSHOT_FAILED);
  EXPECT_EQ(snapshotter_->last_index(), 0u);
  EXPECT_TRUE(TakeNow().get().ok());
}

TEST_F(SnapshotterTest, StoppingTakesALastOneWhenAsked) {
  Start(1'000);
  SetState(7);
  EXPECT_TRUE(snapshotter_->Stop(true).ok());
  EXPECT_EQ(Stored(), Indexes{7});
  EXPECT_EQ(ReasonOf(TakeNow().get().status()), v1::DRAINING);
}

TEST_F(SnapshotterTest, StoppingTellsThatTheLastOneFailed) {
  Start(1'000);
  SetState(7);
  FaultFileSystem::Fault fault;
  fault.only = FaultFileSystem::Call::kCreate;
  files_.Arm(fault);
  EXPECT_EQ(ReasonOf(snapshotter_->Stop(true)), v1::SNAPSHOT_FAILED);
}

TEST_F(SnapshotterTest, StoppingTakesNoneWhenNothingChanged) {
  SetState(7);
  Start(1'000, 7);
  EXPECT_TRUE(snapshotter_->Stop(true).ok());
  EXPECT_EQ(Stored(), Indexes{});
}

TEST_F(SnapshotterTest, NoneIsWrittenIntoTheLastSpace) {
  Start(1'000'000);
  Commit(5);
  EXPECT_TRUE(TakeNow().get().ok());  // from now on it knows how large they are
  Commit(6);
  room_bytes_ = 10;
  const absl::Status refused = TakeNow().get().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), v1::SNAPSHOT_FAILED);
  EXPECT_EQ(Stored(), (std::vector<uint64_t>{5}));
  room_bytes_ = UINT64_MAX;
  EXPECT_TRUE(TakeNow().get().ok());
}

}  // namespace
}  // namespace swoosh
