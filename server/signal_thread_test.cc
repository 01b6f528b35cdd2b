#include "server/signal_thread.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(SignalThreadTest, EachSignalIsToldWithItsCount) {
  std::vector<std::pair<int, int>> told;
  absl::BlockingCounter first(1);
  absl::BlockingCounter second(1);
  {
    SignalThread signals([&](int signal, int count) {
      told.emplace_back(signal, count);
      (count == 1 ? first : second).DecrementCount();
    });
    kill(getpid(), SIGTERM);
    first.Wait();
    kill(getpid(), SIGINT);
    second.Wait();
  }
  EXPECT_EQ(told, (std::vector<std::pair<int, int>>{{SIGTERM, 1}, {SIGINT, 2}}));
}

}  // namespace
}  // namespace swoosh
