#include "server/verifier.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/errors.h"
#include "core/state.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "server/metrics.h"
#include "storage/file_system.h"
#include "storage/memory_log.h"
#include "storage/snapshot_store.h"
#include "storage/temporary_directory.h"

namespace swoosh {
namespace {

class VerifierTest : public testing::Test {
 protected:
  ~VerifierTest() override { verifier_.reset(); }

  void Start() {
    server_ = std::make_unique<ExecutorUnderTest>(&log_);
    served_ = [this] { return server_->executor().committed(); };
    Verifier::Options options;
    options.log = &log_;
    options.snapshots = &snapshots_;
    options.origin_id = kTestHistoryId;
    options.committed = [this] { return served_(); };
    options.pin_log = [this] { return server_->executor().PinLog(); };
    options.on_mismatch = [this](const absl::Status& error) {
      wrong_ = error;
      ++mismatches_;
    };
    options.first_after = first_after_;
    options.memory_free_bytes = [this] { return memory_free_bytes_.load(); };
    options.memory_used_bytes = [] { return uint64_t{1'000}; };
    verifier_ = std::make_unique<Verifier>(&metrics_, std::move(options));
    verifier_->Start();
  }

  void Fill(int events) {
    ASSERT_TRUE(server_->Call(RegisterCounter()).ok());
    ASSERT_TRUE(server_->Call(CreateCounter("a")).ok());
    for (int i = 0; i < events; ++i) ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  }

  absl::StatusOr<Verifier::Verified> Verify() {
    std::promise<absl::StatusOr<Verifier::Verified>> promise;
    auto future = promise.get_future();
    verifier_->VerifyNow(
        [&promise](absl::StatusOr<Verifier::Verified> verified) { promise.set_value(verified); });
    return future.get();
  }

  TemporaryDirectory directory_;
  SnapshotStore snapshots_{PosixFileSystem(), directory_.path(), kTestHistoryId};
  MemoryLog log_;
  Metrics metrics_{"test"};
  absl::Duration first_after_ = absl::Hours(1);
  std::atomic<uint64_t> memory_free_bytes_{1'000'000};
  std::unique_ptr<ExecutorUnderTest> server_;
  std::function<std::shared_ptr<const State>()> served_;
  absl::Status wrong_;
  std::atomic<int> mismatches_{0};
  std::unique_ptr<Verifier> verifier_;
};

TEST_F(VerifierTest, ProvesTheStateThatIsServed) {
  Start();
  Fill(50);
  const Verifier::Verified verified = Verify().value();
  EXPECT_EQ(verified.index, 52u);
  EXPECT_EQ(verified.records, 52u);
  EXPECT_EQ(verified.from_index, 0u);
  EXPECT_EQ(verified.state_hash, served_()->hash());
  EXPECT_EQ(verifier_->last().index, 52u);
  EXPECT_EQ(metrics_.verify_runs_ok.Value(), 1);
  EXPECT_EQ(metrics_.verified_index.Value(), 52);
  EXPECT_EQ(mismatches_, 0);
}

TEST_F(VerifierTest, AnEmptyStateIsProvenToo) {
  Start();
  EXPECT_EQ(Verify()->index, 0u);
}

TEST_F(VerifierTest, BeginsWithTheOldestSnapshotWhereTheLogWasTrimmed) {
  Start();
  Fill(20);
  ASSERT_TRUE(snapshots_.Write(*served_()).ok());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(server_->Call(SendTo("a", "inc")).ok());
  ASSERT_TRUE(log_.TrimPrefix(15).ok());
  const Verifier::Verified verified = Verify().value();
  EXPECT_EQ(verified.from_index, 22u);
  EXPECT_EQ(verified.records, 30u);
}

TEST_F(VerifierTest, RunsByItself) {
  first_after_ = absl::Milliseconds(1);
  Start();
  while (metrics_.verify_runs_ok.Value() == 0) absl::SleepFor(absl::Milliseconds(1));
}

TEST_F(VerifierTest, AStateThatIsNotTheLogsIsFoundWithTheFirstKeyThatDiffers) {
  Start();
  Fill(10);
  // Served is what another history of the same length led to.
  MemoryLog other_log;
  ExecutorUnderTest other(&other_log);
  ASSERT_TRUE(other.Call(RegisterCounter()).ok());
  ASSERT_TRUE(other.Call(CreateCounter("b")).ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(other.Call(SendTo("b", "inc")).ok());
  served_ = [&other] { return other.executor().committed(); };
  const absl::Status status = Verify().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), v1::DATA_DAMAGED);
  EXPECT_TRUE(absl::StrContains(status.message(), "record 12")) << status;
  EXPECT_EQ(mismatches_, 1);
  EXPECT_EQ(wrong_, status);
  EXPECT_EQ(metrics_.verify_runs_mismatch.Value(), 1);
  // It has done its duty.
  EXPECT_EQ(ReasonOf(Verify().status()), v1::DRAINING);
}

TEST_F(VerifierTest, ALogThatCanNotBeReadIsToldAndTheStateServedOn) {
  Start();
  Fill(10);
  log_.TrimPrefix(5).IgnoreError();  // behind the executor's back: no snapshot
  const absl::Status status = Verify().status();
  EXPECT_EQ(ReasonOf(status), v1::VERIFY_FAILED) << status;
  EXPECT_EQ(mismatches_, 0);
  EXPECT_EQ(metrics_.verify_runs_failed.Value(), 1);
}

TEST_F(VerifierTest, WithoutMemoryForASecondStateItIsSkipped) {
  Start();
  Fill(10);
  memory_free_bytes_ = 999;
  const absl::Status status = Verify().status();
  EXPECT_EQ(ReasonOf(status), v1::LIMIT_REACHED) << status;
  EXPECT_EQ(metrics_.verify_runs_skipped.Value(), 1);
  memory_free_bytes_ = 1'000;
  EXPECT_TRUE(Verify().ok());
}

TEST_F(VerifierTest, StoppingAnswersWhoWaits) {
  Start();
  verifier_->Stop();
  EXPECT_EQ(ReasonOf(Verify().status()), v1::DRAINING);
}

TEST(CompareStates, FindsWhatIsOnlyInOneAndWhatIsBesideTheValue) {
  const auto state = [](std::vector<EntryWrite> writes) {
    StateWriter writer(kTestHistoryId);
    Effect effect;
    effect.writes = std::move(writes);
    writer.Apply(effect, 1, Hlc{1, 0});
    writer.SetRecordHash(Digest{});
    writer.Seal();
    return writer.Sealed();
  };
  const State one = state({{"k", "v", "x"}});
  EXPECT_TRUE(CompareStates(one, state({{"k", "v", "x"}})).ok());
  for (const State& other : {state({{"k", "w", "x"}}), state({{"k", "v", "y"}}), state({}),
                             state({{"k", "v", "x"}, {"l", "v", "x"}})}) {
    EXPECT_TRUE(absl::IsDataLoss(CompareStates(one, other)));
    EXPECT_TRUE(absl::IsDataLoss(CompareStates(other, one)));
  }
  EXPECT_TRUE(absl::StrContains(CompareStates(one, state({{"k", "w", "x"}})).message(), "key k"));
}

}  // namespace
}  // namespace swoosh
