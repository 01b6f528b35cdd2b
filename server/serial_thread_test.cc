#include "server/serial_thread.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(SerialThread, RunsInTheOrderGivenOneAtATime) {
  std::vector<int> ran;  // no lock: one thread alone writes it
  SerialThread thread("test");
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(thread.Post([&ran, i] { ran.push_back(i); }));
  }
  thread.Stop();
  ASSERT_EQ(ran.size(), 1'000u);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(ran[i], i);
}

TEST(SerialThread, StopRunsWhatWasPostedAndRefusesTheRest) {
  SerialThread thread("test");
  absl::Notification go;
  bool ran = false;
  ASSERT_TRUE(thread.Post([&go] { go.WaitForNotification(); }));
  ASSERT_TRUE(thread.Post([&ran] { ran = true; }));
  std::thread stopper([&thread] { thread.Stop(); });
  go.Notify();
  stopper.join();
  EXPECT_TRUE(ran);
  EXPECT_FALSE(thread.Post([] {}));
  thread.Stop();
}

TEST(SerialThread, LetsGoWhatAFunctionHeldWhenItHasRun) {
  SerialThread thread("test");
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  absl::Notification checked;
  thread.Post([held = std::move(held)] {});
  thread.Post([&] {
    EXPECT_TRUE(watched.expired());
    checked.Notify();
  });
  checked.WaitForNotification();
}

TEST(SerialThread, PostsFromTheThreadItselfAreRun) {
  SerialThread thread("test");
  absl::Notification ran;
  thread.Post([&] { thread.Post([&ran] { ran.Notify(); }); });
  ran.WaitForNotification();
}

TEST(SerialThread, WhatIsPostedMeanwhileRunsAfterTheBorrower) {
  SerialThread thread("test");
  ASSERT_TRUE(thread.TryBorrow());
  EXPECT_FALSE(thread.TryBorrow());
  std::atomic<bool> returned{false};
  bool after = false;
  absl::Notification ran;
  ASSERT_TRUE(thread.Post([&] {
    after = returned;
    ran.Notify();
  }));
  EXPECT_FALSE(ran.WaitForNotificationWithTimeout(absl::Milliseconds(20)));
  returned = true;
  thread.Return();
  ran.WaitForNotification();
  EXPECT_TRUE(after);
}

TEST(SerialThread, IsNotBorrowedWhileItRunsSomethingOrIsStopped) {
  SerialThread thread("test");
  absl::Notification running;
  absl::Notification go;
  thread.Post([&] {
    running.Notify();
    go.WaitForNotification();
  });
  running.WaitForNotification();
  EXPECT_FALSE(thread.TryBorrow());
  go.Notify();
  thread.Stop();
  EXPECT_FALSE(thread.TryBorrow());
}

TEST(SerialThread, StopWaitsForTheBorrower) {
  SerialThread thread("test");
  ASSERT_TRUE(thread.TryBorrow());
  bool ran = false;
  ASSERT_TRUE(thread.Post([&ran] { ran = true; }));
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    thread.Stop();
    stopped = true;
  });
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_FALSE(stopped);
  thread.Return();
  stopper.join();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace swoosh
