#include "server/worker_pool.h"

#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(WorkerPoolTest, RunsWhatWasPostedBeforeItStops) {
  std::atomic<int> ran{0};
  {
    WorkerPool pool("test", 3, 1'000);
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(pool.TryPost([&ran] { ++ran; }).ok());
    }
  }
  EXPECT_EQ(ran, 500);
}

TEST(WorkerPoolTest, RefusesWhatExceedsItsBound) {
  WorkerPool pool("test", 1, 2);
  absl::Notification started;
  absl::Notification go_on;
  ASSERT_TRUE(pool.TryPost([&] {
                    started.Notify();
                    go_on.WaitForNotification();
                  })
                  .ok());
  started.WaitForNotification();
  EXPECT_TRUE(pool.TryPost([] {}).ok());
  EXPECT_TRUE(pool.TryPost([] {}).ok());
  EXPECT_EQ(ReasonOf(pool.TryPost([] { FAIL() << "was refused"; })), v1::LIMIT_REACHED);
  go_on.Notify();
  pool.Stop();
  EXPECT_EQ(ReasonOf(pool.TryPost([] { FAIL() << "was stopped"; })), v1::DRAINING);
}

TEST(WorkerPoolTest, ThreadsRunAtTheSameTime) {
  WorkerPool pool("test", 2, 2);
  absl::BlockingCounter both(2);
  absl::Notification first;
  // Each waits for the other, so one thread alone would never end.
  ASSERT_TRUE(pool.TryPost([&] {
                    first.WaitForNotification();
                    both.DecrementCount();
                  })
                  .ok());
  ASSERT_TRUE(pool.TryPost([&] {
                    first.Notify();
                    both.DecrementCount();
                  })
                  .ok());
  both.Wait();
}

}  // namespace
}  // namespace swoosh
