// What absl's locks order is ordered for ThreadSanitizer too: run with --config=tsan, each case
// fails when the annotations miss its primitive. Elsewhere it checks the primitives themselves.

#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace {

constexpr int kWritesPerThread = 2000;

TEST(AbslAnnotationsTest, AMutexOrdersWrites) {
  absl::Mutex mu;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kWritesPerThread; ++k) {
        absl::MutexLock lock(&mu);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4 * kWritesPerThread);
}

TEST(AbslAnnotationsTest, ConditionsAreOrderedWithTheWritesTheyWaitFor) {
  absl::Mutex mu;
  std::deque<std::unique_ptr<int>> queue;
  bool closed = false;
  int64_t sum = 0;
  auto consume = [&](bool by_deadline) {
    auto ready = [&] { return !queue.empty() || closed; };
    while (true) {
      absl::MutexLock lock(&mu);
      if (by_deadline) {
        if (!mu.AwaitWithTimeout(absl::Condition(&ready), absl::Milliseconds(1))) continue;
      } else {
        mu.Await(absl::Condition(&ready));
      }
      if (queue.empty()) return;
      sum += *queue.front();
      queue.pop_front();
    }
  };
  std::thread patient([&] { consume(false); });
  std::thread hasty([&] { consume(true); });
  auto has_room = [&] { return queue.size() < 10; };
  for (int i = 0; i < kWritesPerThread; ++i) {
    mu.LockWhen(absl::Condition(&has_room));
    queue.push_back(std::make_unique<int>(i));
    mu.Unlock();
  }
  mu.Lock();
  closed = true;
  mu.Unlock();
  patient.join();
  hasty.join();
  EXPECT_EQ(sum, int64_t{kWritesPerThread} * (kWritesPerThread - 1) / 2);
}

TEST(AbslAnnotationsTest, ACondVarOrdersTheSignalledWithTheSignaller) {
  absl::Mutex mu;
  absl::CondVar changed;
  int value = 0;
  std::thread waiter([&] {
    absl::MutexLock lock(&mu);
    while (value == 0) changed.Wait(&mu);
    ++value;
  });
  {
    absl::MutexLock lock(&mu);
    value = 1;
    changed.SignalAll();
  }
  waiter.join();
  EXPECT_EQ(value, 2);
}

TEST(AbslAnnotationsTest, ANotificationOrdersWaitersAfterTheNotifier) {
  absl::Notification notified;
  int value = 0;
  int seen_by_waiter = 0;
  int seen_by_poller = 0;
  std::thread waiter([&] {
    notified.WaitForNotification();
    seen_by_waiter = value;
  });
  std::thread poller([&] {
    while (!notified.HasBeenNotified()) std::this_thread::yield();
    seen_by_poller = value;
  });
  value = 7;
  notified.Notify();
  waiter.join();
  poller.join();
  EXPECT_EQ(seen_by_waiter, 7);
  EXPECT_EQ(seen_by_poller, 7);
}

TEST(AbslAnnotationsTest, ABlockingCounterOrdersTheWaiterAfterAll) {
  constexpr int kThreads = 4;
  absl::BlockingCounter done(kThreads);
  std::vector<int> results(kThreads, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      results[i] = i + 1;
      done.DecrementCount();
    });
  }
  done.Wait();
  EXPECT_EQ(results, (std::vector<int>{1, 2, 3, 4}));
  for (std::thread& thread : threads) thread.join();
}

TEST(AbslAnnotationsTest, AStatusIsDeletedAfterAllThatReadIt) {
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  {
    const absl::Status status = absl::UnavailableError("a message that is shared");
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([copy = status] { EXPECT_EQ(copy.message().size(), 24u); });
    }
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
