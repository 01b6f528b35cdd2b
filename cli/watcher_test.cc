#include "cli/watcher.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/fake_client.h"
#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

v1::WatchResponse Bookmark(uint64_t index) {
  v1::WatchResponse response;
  response.set_index(index);
  response.set_history_id("h");
  return response;
}

v1::WatchResponse ChangeAt(uint64_t index) {
  v1::WatchResponse response = Bookmark(index);
  response.add_changes()->set_instance_id(absl::StrCat("i", index));
  return response;
}

v1::WatchResponse Initial(uint64_t index, const std::string& id, bool complete) {
  v1::WatchResponse response = Bookmark(index);
  response.add_initial()->set_id(id);
  response.set_initial_complete(complete);
  return response;
}

class WatcherTest : public testing::Test {
 protected:
  absl::Status Run(const v1::WatchRequest& request, size_t told_max = 100) {
    Watcher::Events events;
    events.told = [this, told_max](const v1::WatchResponse& response) {
      for (const v1::Instance& instance : response.initial()) told_.push_back(instance.id());
      for (const v1::Change& change : response.changes()) told_.push_back(change.instance_id());
      return told_.size() < told_max;
    };
    events.broken = [this](const absl::Status&) { ++break_count_; };
    return Watcher(&client_, request, retry_for_, std::move(events)).Run();
  }

  FakeClient client_;
  absl::Duration retry_for_ = absl::Seconds(60);
  std::vector<std::string> told_;
  int break_count_ = 0;
};

TEST_F(WatcherTest, ResumesWithoutAGapOrARepeatAlsoAfterABookmark) {
  client_.watch_scripts = {{{ChangeAt(3), Bookmark(7)}}, {{}}, {{ChangeAt(8)}}, {{ChangeAt(9)}}};
  v1::WatchRequest request;
  request.set_from_index(2);
  request.add_machines("order");
  EXPECT_TRUE(Run(request, 3).ok());
  EXPECT_EQ(told_, (std::vector<std::string>{"i3", "i8", "i9"}));
  EXPECT_EQ(break_count_, 3);
  std::vector<std::string> asked;
  for (const v1::WatchRequest& one : client_.watch_requests) {
    EXPECT_EQ(one.machines(0), "order");
    asked.push_back(absl::StrCat(one.from_index(), one.history_id()));
  }
  EXPECT_EQ(asked, (std::vector<std::string>{"2", "8h", "8h", "9h"}));
}

TEST_F(WatcherTest, KnowsWhereNowIsBeforeTheConnectionBreaks) {
  client_.state.set_index(41);
  client_.state.set_history_id("h");
  client_.watch_scripts = {{{}}, {{ChangeAt(42)}}};
  EXPECT_TRUE(Run(v1::WatchRequest(), 1).ok());
  ASSERT_EQ(client_.watch_requests.size(), 2u);
  EXPECT_EQ(client_.watch_requests[0].from_index(), 42u);
  EXPECT_EQ(client_.watch_requests[1].from_index(), 42u);
  EXPECT_EQ(client_.watch_requests[0].history_id(), "h");
}

TEST_F(WatcherTest, BeginsTheInitialInstancesAnewUntilTheyAreComplete) {
  client_.watch_scripts = {{{Initial(5, "a", false)}},
                           {{Initial(6, "a", false), Initial(6, "b", true), ChangeAt(8)}},
                           {{ChangeAt(9)}}};
  v1::WatchRequest request;
  request.set_initial(true);
  EXPECT_TRUE(Run(request, 4).ok());
  EXPECT_EQ(told_, (std::vector<std::string>{"a", "b", "i8", "i9"}));
  ASSERT_EQ(client_.watch_requests.size(), 3u);
  EXPECT_TRUE(client_.watch_requests[1].initial());
  EXPECT_EQ(client_.watch_requests[1].from_index(), 0u);
  EXPECT_FALSE(client_.watch_requests[2].initial());
  EXPECT_EQ(client_.watch_requests[2].from_index(), 9u);
}

TEST_F(WatcherTest, EndsWhereItCanNotGoOn) {
  const absl::Status errors[] = {
      MakeError(absl::StatusCode::kOutOfRange, v1::INDEX_TRIMMED, "trimmed"),
      MakeError(absl::StatusCode::kAborted, v1::HISTORY_MISMATCH, "another history")};
  for (const absl::Status& error : errors) {
    client_.watch_scripts = {{{ChangeAt(3)}}, {{}, error}};
    v1::WatchRequest request;
    request.set_from_index(3);
    EXPECT_EQ(Run(request), error);
  }
}

TEST_F(WatcherTest, GivesUpWhenNoServerCanBeHad) {
  client_.reachable = absl::UnavailableError("nobody there");
  retry_for_ = absl::Milliseconds(200);
  EXPECT_EQ(Run(v1::WatchRequest()), client_.reachable);
  EXPECT_GT(break_count_, 0);
}

}  // namespace
}  // namespace swoosh
