#include "server/serial_thread.h"

#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
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

}  // namespace
}  // namespace swoosh
