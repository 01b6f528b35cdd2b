#include "server/active_streams.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
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

// When one is ended, that removes both and adds another one.
class EndingStream final : public ActiveStream {
 public:
  void End(const absl::Status&) override {
    ++ends;
    streams->Add(next);
    streams->Remove(this);
    streams->Remove(other);
  }
  void Tick(absl::Time) override {}
  ActiveStreams* streams = nullptr;
  ActiveStream* other = nullptr;
  ActiveStream* next = nullptr;
  int ends = 0;
};

TEST(ActiveStreamsTest, AnEndMayEndAndBeginOthers) {
  ActiveStreams streams(absl::Hours(1));
  EndingStream first;
  EndingStream second;
  FakeStream next;
  first.streams = second.streams = &streams;
  first.next = second.next = &next;
  first.other = &second;
  second.other = &first;
  streams.Add(&first);
  streams.Add(&second);
  streams.EndAll(absl::UnavailableError("draining"));
  EXPECT_EQ(first.ends + second.ends, 1);
  EXPECT_EQ(next.ended, absl::UnavailableError("draining"));
  streams.Remove(&next);
  EXPECT_EQ(streams.size(), 0u);
}

class SlowStream final : public ActiveStream {
 public:
  void End(const absl::Status&) override {}
  void Tick(absl::Time) override {
    if (ticking.HasBeenNotified()) return;
    ticking.Notify();
    absl::SleepFor(absl::Milliseconds(20));
    ticked = true;
  }
  absl::Notification ticking;
  std::atomic<bool> ticked{false};
};

TEST(ActiveStreamsTest, WhoIsRemovedIsNotCalledAnyMore) {
  ActiveStreams streams(absl::Milliseconds(1));
  SlowStream stream;
  streams.Add(&stream);
  stream.ticking.WaitForNotification();
  streams.Remove(&stream);
  EXPECT_TRUE(stream.ticked);
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
