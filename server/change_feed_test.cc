#include "server/change_feed.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/seeded_test.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "storage/memory_log.h"

namespace swoosh {
namespace {

constexpr size_t kAll = SIZE_MAX;

class ChangeFeedTest : public testing::Test {
 protected:
  // Of which a few dozen records are in the ring.
  static constexpr size_t kSmallRing = 64 * 1024;

  static std::shared_ptr<CommittedRecord> MakeRecord(uint64_t index) {
    auto record = std::make_shared<CommittedRecord>();
    record->record.set_index(index);
    record->record.set_actor(std::string(index % 200, 'x'));
    record->stored = EncodeRecord(record->record);
    record->hash = Sha256(record->stored);
    return record;
  }

  // Appends records to the log alone: durable, not published yet.
  std::vector<CommittedRecordPtr> Append(int count) {
    std::vector<CommittedRecordPtr> group;
    std::vector<EncodedRecord> encoded;
    for (int i = 0; i < count; ++i) {
      const auto record = MakeRecord(log_.next_index() + i);
      encoded.push_back({record->index(), record->stored, record->hash});
      group.push_back(record);
    }
    EXPECT_TRUE(log_.Append(log_.next_index(), encoded).ok());
    return group;
  }
  void Commit(ChangeFeed* feed, int count) { feed->Publish(Append(count)); }

  static std::pair<std::string, std::string> RangeIn(const absl::Status& status) {
    google::rpc::ErrorInfo info;
    EXPECT_TRUE(GetDetail(status, &info)) << status;
    return {info.metadata().at("first_index"), info.metadata().at("commit_index")};
  }

  MemoryLog log_;
};

TEST_F(ChangeFeedTest, RingAndLogMeetWithoutAGapOrARepeat) {
  ChangeFeed feed(&log_, 1, kSmallRing);
  for (int i = 0; i < 50; ++i) Commit(&feed, 1 + i % 7);
  const uint64_t next = feed.next_index();
  std::mt19937 random(TestSeed());
  for (uint64_t from = 1; from < next; ++from) {
    uint64_t expected = from;
    while (expected < next) {
      const auto records = feed.Read(expected, 1 + random() % 40, 1 + random() % 4'000);
      ASSERT_TRUE(records.ok()) << records.status();
      ASSERT_FALSE(records->empty());
      for (const CommittedRecordPtr& record : *records) {
        ASSERT_EQ(record->index(), expected++);
        ASSERT_EQ(record->hash, Sha256(record->stored));
      }
    }
  }
}

TEST_F(ChangeFeedTest, WhatTheRingHoldsIsWhatTheLogHolds) {
  ChangeFeed with_ring(&log_, 1);
  Commit(&with_ring, 20);
  const ChangeFeed without_ring(&log_, log_.next_index(), 0);
  for (uint64_t index = 1; index <= 20; ++index) {
    const auto a = with_ring.ReadOne(index);
    const auto b = without_ring.ReadOne(index);
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_EQ((*a)->stored, (*b)->stored);
    EXPECT_EQ((*a)->hash, (*b)->hash);
    EXPECT_EQ((*a)->record.SerializeAsString(), (*b)->record.SerializeAsString());
  }
}

TEST_F(ChangeFeedTest, ReadsWithinItsBounds) {
  ChangeFeed feed(&log_, 1, kSmallRing);
  Commit(&feed, 200);
  for (const uint64_t from : {uint64_t{1}, uint64_t{190}}) {  // from the log, from the ring
    EXPECT_EQ(feed.Read(from, 3, kAll)->size(), 3u);
    EXPECT_EQ(feed.Read(from, 100, 1)->size(), 1u);
  }
}

TEST_F(ChangeFeedTest, WhatIsDurableButNotPublishedIsNotSeen) {
  for (const size_t ring_bytes : {size_t{0}, kFeedRingBytesMax}) {
    ChangeFeed feed(&log_, log_.next_index(), ring_bytes);
    Commit(&feed, 3);
    const uint64_t published = feed.next_index();
    const auto group = Append(2);
    EXPECT_EQ(feed.next_index(), published);
    EXPECT_EQ(feed.Read(published - 3, kAll, kAll)->size(), 3u);
    EXPECT_TRUE(feed.Read(published, kAll, kAll)->empty());
    EXPECT_EQ(ReasonOf(feed.ReadOne(published).status()), v1::INDEX_AHEAD);
    feed.Publish(group);
    EXPECT_EQ(feed.Read(published, kAll, kAll)->size(), 2u);
  }
}

TEST_F(ChangeFeedTest, OutOfRangeSaysTheRange) {
  ChangeFeed feed(&log_, 1, 0);
  Commit(&feed, 10);
  ASSERT_TRUE(log_.TrimPrefix(4).ok());
  const absl::Status trimmed = feed.Read(3, 1, 1).status();
  EXPECT_EQ(trimmed.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(trimmed), v1::INDEX_TRIMMED);
  EXPECT_EQ(RangeIn(trimmed), std::make_pair(std::string("4"), std::string("10")));
  const absl::Status ahead = feed.Open(12).status();
  EXPECT_EQ(ahead.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(ahead), v1::INDEX_AHEAD);
  EXPECT_EQ(RangeIn(ahead), std::make_pair(std::string("4"), std::string("10")));
  EXPECT_TRUE(feed.Open(11).ok());
  EXPECT_TRUE(feed.Open(4).ok());
}

TEST_F(ChangeFeedTest, ACursorThatIsOvertakenByTrimmingIsToldSo) {
  ChangeFeed feed(&log_, 1, 0);
  Commit(&feed, 10);
  const auto cursor = feed.Open(2);
  ASSERT_TRUE(cursor.ok());
  ASSERT_TRUE(log_.TrimPrefix(5).ok());
  EXPECT_EQ(ReasonOf((*cursor)->Next(kAll, kAll).status()), v1::INDEX_TRIMMED);
}

TEST_F(ChangeFeedTest, DamageIsNamedByItsIndex) {
  ChangeFeed feed(&log_, 1, 0);
  Commit(&feed, 1);
  ASSERT_TRUE(log_.Append(2, {{2, "no record", Digest()}}).ok());
  feed.Publish({MakeRecord(2)});
  const absl::Status status = feed.Read(2, 1, 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), v1::DATA_DAMAGED);
  EXPECT_TRUE(absl::StrContains(status.message(), "record 2")) << status;
}

TEST_F(ChangeFeedTest, WhatLiesBeforeDamageIsReadAndTheNextReadNamesIt) {
  ChangeFeed feed(&log_, 1, 0);
  Commit(&feed, 3);
  ASSERT_TRUE(log_.Append(4, {{4, "no record", Digest()}}).ok());
  feed.Publish({MakeRecord(4)});
  Commit(&feed, 2);
  const auto cursor = feed.Open(2);
  ASSERT_TRUE(cursor.ok());
  const auto before = (*cursor)->Next(kAll, kAll);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_EQ(before->size(), 2);
  EXPECT_EQ(before->back()->index(), 3);
  const absl::Status damage = (*cursor)->Next(kAll, kAll).status();
  EXPECT_EQ(damage.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(damage.message(), "record 4")) << damage;
  EXPECT_EQ(feed.Read(5, kAll, kAll)->size(), 2);
}

TEST_F(ChangeFeedTest, ACursorFromNowSeesWhatComes) {
  ChangeFeed feed(&log_, 1);
  Commit(&feed, 5);
  const auto cursor = feed.Open(0);
  ASSERT_TRUE(cursor.ok());
  EXPECT_TRUE((*cursor)->Next(kAll, kAll)->empty());
  absl::Notification woken;
  (*cursor)->WhenReady([&] { woken.Notify(); });
  EXPECT_FALSE(woken.HasBeenNotified());
  Commit(&feed, 2);
  woken.WaitForNotification();
  const auto records = (*cursor)->Next(kAll, kAll);
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(records->front()->index(), 6u);
  EXPECT_EQ((*cursor)->next_index(), 8u);
}

TEST_F(ChangeFeedTest, AWakeUpComesWhenTheRecordIsThereAlready) {
  ChangeFeed feed(&log_, 1);
  Commit(&feed, 1);
  const auto cursor = feed.Open(1);
  absl::Notification woken;
  (*cursor)->WhenReady([&] { woken.Notify(); });
  woken.WaitForNotification();
}

TEST_F(ChangeFeedTest, AWakeUpIsOfOneTime) {
  ChangeFeed feed(&log_, 1);
  const auto cursor = feed.Open(0);
  std::atomic<int> wakes{0};
  absl::Notification woken;
  (*cursor)->WhenReady([&] {
    ++wakes;
    woken.Notify();
  });
  Commit(&feed, 1);
  woken.WaitForNotification();
  Commit(&feed, 1);
  absl::Notification again;
  (*cursor)->WhenReady([&] { again.Notify(); });
  again.WaitForNotification();
  EXPECT_EQ(wakes, 1);
}

TEST_F(ChangeFeedTest, ACancelledWakeUpNeverComes) {
  ChangeFeed feed(&log_, 1);
  const auto cursor = feed.Open(0);
  const auto other = feed.Open(0);
  bool woken = false;
  (*cursor)->WhenReady([&] { woken = true; });
  EXPECT_TRUE((*cursor)->Cancel());
  EXPECT_FALSE((*cursor)->Cancel());
  absl::Notification other_woken;
  (*other)->WhenReady([&] { other_woken.Notify(); });
  Commit(&feed, 1);
  other_woken.WaitForNotification();
  EXPECT_FALSE(woken);
}

TEST_F(ChangeFeedTest, DestroyingACursorWaitsForItsWakeUp) {
  ChangeFeed feed(&log_, 1);
  auto cursor = feed.Open(0);
  absl::Notification running;
  std::atomic<bool> finished{false};
  (*cursor)->WhenReady([&] {
    running.Notify();
    absl::SleepFor(absl::Milliseconds(50));
    finished = true;
  });
  Commit(&feed, 1);
  running.WaitForNotification();
  cursor->reset();
  EXPECT_TRUE(finished);
}

TEST_F(ChangeFeedTest, TheNumberOfWatchesIsBounded) {
  ChangeFeed feed(&log_, 1);
  std::vector<std::unique_ptr<ChangeFeed::Cursor>> cursors;
  for (size_t i = 0; i < kWatchersMax; ++i) {
    auto cursor = feed.Open(0);
    ASSERT_TRUE(cursor.ok());
    cursors.push_back(*std::move(cursor));
  }
  const absl::Status refused = feed.Open(0).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), v1::LIMIT_REACHED);
  EXPECT_EQ(feed.watcher_count(), kWatchersMax);
  cursors.pop_back();
  EXPECT_TRUE(feed.Open(0).ok());
}

TEST_F(ChangeFeedTest, TheLagIsThatOfTheSlowest) {
  ChangeFeed feed(&log_, 1);
  EXPECT_EQ(feed.lag_records(), 0u);
  Commit(&feed, 10);
  const auto slow = feed.Open(3);
  const auto quick = feed.Open(0);
  EXPECT_EQ(feed.lag_records(), 8u);
  ASSERT_TRUE((*slow)->Next(5, kAll).ok());
  EXPECT_EQ(feed.lag_records(), 3u);
}

// Reads to record `last`, waiting where there is nothing yet, and checks that each comes once.
void Follow(ChangeFeed* feed, uint64_t last, uint32_t seed) {
  std::mt19937 random(seed);
  const auto cursor = feed->Open(1);
  ASSERT_TRUE(cursor.ok());
  uint64_t expected = 1;
  while (expected <= last) {
    const auto records = (*cursor)->Next(1 + random() % 50, 1 + random() % 10'000);
    ASSERT_TRUE(records.ok()) << records.status();
    for (const CommittedRecordPtr& record : *records) ASSERT_EQ(record->index(), expected++);
    if (!records->empty()) continue;
    absl::Notification ready;
    (*cursor)->WhenReady([&] { ready.Notify(); });
    ready.WaitForNotification();
  }
}

TEST_F(ChangeFeedTest, ManyFollowersSeeEveryRecordOnceWhileItIsWritten) {
  constexpr int kGroups = 400;
  constexpr int kPerGroup = 7;
  ChangeFeed feed(&log_, 1, kSmallRing);
  std::vector<std::thread> followers;
  for (uint32_t i = 0; i < 4; ++i) {
    followers.emplace_back(
        [&, seed = TestSeed() + i] { Follow(&feed, kGroups * kPerGroup, seed); });
  }
  for (int i = 0; i < kGroups; ++i) Commit(&feed, kPerGroup);
  for (std::thread& follower : followers) follower.join();
}

TEST_F(ChangeFeedTest, WatchersComeAndGoWhileRecordsAreWritten) {
  ChangeFeed feed(&log_, 1, kSmallRing);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, seed = TestSeed() + i] {
      std::mt19937 random(seed);
      while (!stop) {
        auto cursor = feed.Open(0);
        ASSERT_TRUE(cursor.ok());
        (*cursor)->WhenReady([] {});
        if (random() % 2 == 0) std::this_thread::yield();
        if (random() % 2 == 0) (*cursor)->Cancel();
      }
    });
  }
  for (int i = 0; i < 300; ++i) Commit(&feed, 1);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(feed.watcher_count(), 0u);
}

}  // namespace
}  // namespace swoosh
