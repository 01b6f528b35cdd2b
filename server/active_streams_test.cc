#include "server/active_streams.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

class FakeStream final : public ActiveStream {
 public:
  void End(const absl::Status& status) override { ended = status; }
  void Tick(absl::Time) override {
    if (!ticked.HasBeenNotified()) ticked.Notify();
  }
  absl::Status ended;
  absl::Notification ticked;
};

TEST(ActiveStreamsTest, TicksWhatIsThere) {
  ActiveStreams streams(absl::Milliseconds(1));
  FakeStream stream;
  streams.Add(&stream);
  stream.ticked.WaitForNotification();
  streams.Remove(&stream);
  EXPECT_EQ(streams.size(), 0u);
}

TEST(ActiveStreamsTest, EndsAllAndWhoeverComesLater) {
  ActiveStreams streams(absl::Hours(1));
  FakeStream early;
  FakeStream gone;
  FakeStream late;
  streams.Add(&early);
  streams.Add(&gone);
  streams.Remove(&gone);
  streams.EndAll(absl::UnavailableError("draining"));
  streams.Add(&late);
  EXPECT_EQ(early.ended, absl::UnavailableError("draining"));
  EXPECT_EQ(late.ended, absl::UnavailableError("draining"));
  EXPECT_TRUE(gone.ended.ok());
  streams.Remove(&early);
  streams.Remove(&late);
}

TEST(ActiveStreamsTest, TheLastOneIsWaitedFor) {
  ActiveStreams streams(absl::Hours(1));
  EXPECT_TRUE(streams.AwaitNone(absl::ZeroDuration()));
  FakeStream first;
  FakeStream second;
  streams.Add(&first);
  streams.Add(&second);
  EXPECT_FALSE(streams.AwaitNone(absl::Milliseconds(1)));
  std::thread remover([&] {
    streams.Remove(&first);
    streams.Remove(&second);
  });
  EXPECT_TRUE(streams.AwaitNone(absl::InfiniteDuration()));
  remover.join();
}

}  // namespace
}  // namespace swoosh
