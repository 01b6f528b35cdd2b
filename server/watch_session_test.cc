#include "server/watch_session.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/executor_for_test.h"
#include "storage/memory_log.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

class WatchSessionTest : public testing::Test {
 protected:
  void SetUp() override { Accept(RegisterCounter()); }

  void Accept(v1::SubmitRequest request) {
    const Answer answer = under_test_.Call(std::move(request));
    ASSERT_TRUE(answer.ok()) << answer.status();
  }
  std::unique_ptr<WatchSession> Open(const v1::WatchRequest& request) {
    auto session = WatchSession::Open(request, &sources_);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }
  v1::ErrorReason RefusalOf(const v1::WatchRequest& request) {
    return ReasonOf(WatchSession::Open(request, &sources_).status());
  }
  // The next message as of now_; nullopt when there is nothing to send.
  std::optional<v1::WatchResponse> Next(WatchSession* session) {
    while (true) {
      const absl::StatusOr<WatchSession::Step> step = session->Next(now_);
      EXPECT_TRUE(step.ok()) << step.status();
      if (!step.ok() || step->wait) return std::nullopt;
      if (step->message == nullptr) continue;
      v1::WatchResponse response;
      EXPECT_TRUE(response.ParseFromString(*step->message));
      EXPECT_EQ(response.history_id(), kTestHistoryId);
      return response;
    }
  }
  // Everything there is to send, bookmarks apart.
  std::vector<v1::WatchResponse> Drain(WatchSession* session) {
    std::vector<v1::WatchResponse> responses;
    while (auto response = Next(session)) {
      if (response->changes_size() > 0 || response->initial_size() > 0 ||
          response->initial_complete()) {
        responses.push_back(*std::move(response));
      }
    }
    return responses;
  }
  static std::vector<uint64_t> Indexes(const std::vector<v1::WatchResponse>& responses) {
    std::vector<uint64_t> indexes;
    for (const v1::WatchResponse& response : responses) indexes.push_back(response.index());
    return indexes;
  }

  MemoryLog log_;
  ExecutorUnderTest under_test_{&log_};
  WatchMessageCache cache_{kTestHistoryId};
  WatchSession::Sources sources_{[this] { return under_test_.executor().committed(); },
                                 &under_test_.feed(), &cache_, kTestHistoryId};
  absl::Time now_ = absl::UnixEpoch();
};

using Indexes64 = std::vector<uint64_t>;

TEST_F(WatchSessionTest, FromNowOnBeginsWithABookmarkThenTheNextRecord) {
  Accept(CreateCounter("a"));
  const auto session = Open({});
  const auto bookmark = Next(session.get());
  ASSERT_TRUE(bookmark.has_value());
  EXPECT_EQ(bookmark->index(), 2u);
  EXPECT_TRUE(bookmark->has_hlc());
  EXPECT_EQ(bookmark->changes_size(), 0);
  EXPECT_FALSE(Next(session.get()).has_value());
  Accept(SendTo("a", "inc"));
  const auto change = Next(session.get());
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->index(), 3u);
  ASSERT_EQ(change->changes_size(), 1);
  EXPECT_EQ(change->changes(0).instance_id(), "a");
}

TEST_F(WatchSessionTest, FromAnIndexNothingIsMissedOrRepeated) {
  for (const char* id : {"a", "b", "c"}) Accept(CreateCounter(id));
  v1::WatchRequest request;
  request.set_from_index(3);
  request.set_history_id(kTestHistoryId);
  const auto session = Open(request);
  EXPECT_EQ(Indexes(Drain(session.get())), (Indexes64{3, 4}));
  Accept(SendTo("a", "inc"));
  Accept(SendTo("b", "inc"));
  EXPECT_EQ(Indexes(Drain(session.get())), (Indexes64{5, 6}));
}

TEST_F(WatchSessionTest, InitialInstancesComeFirstAndChangesGoOnBehindThem) {
  for (int i = 0; i < 5; ++i) Accept(CreateCounter(absl::StrCat("c", i)));
  v1::WatchRequest request;
  request.set_initial(true);
  const auto session = Open(request);
  // What is committed after the watch began is no part of the initial instances.
  Accept(SendTo("c0", "inc"));
  Accept(CreateCounter("late"));
  std::set<std::string> initial;
  bool complete = false;
  while (!complete) {
    const auto response = Next(session.get());
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->index(), 6u);
    EXPECT_EQ(response->changes_size(), 0);
    for (const v1::Instance& instance : response->initial()) {
      EXPECT_TRUE(initial.insert(instance.id()).second);
      EXPECT_EQ(CountIn(instance), 0);
    }
    complete = response->initial_complete();
  }
  EXPECT_EQ(initial, (std::set<std::string>{"c0", "c1", "c2", "c3", "c4"}));
  EXPECT_EQ(Indexes(Drain(session.get())), (Indexes64{7, 8}));
}

TEST_F(WatchSessionTest, InitialInstancesOfNamedIdsAreLookedUp) {
  for (int i = 0; i < 5; ++i) Accept(CreateCounter(absl::StrCat("c", i)));
  v1::WatchRequest request;
  request.set_initial(true);
  for (const char* id : {"c3", "c1", "nobody"}) request.add_instance_ids(id);
  const auto responses = Drain(Open(request).get());
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_TRUE(responses[0].initial_complete());
  std::set<std::string> ids;
  for (const v1::Instance& instance : responses[0].initial()) ids.insert(instance.id());
  EXPECT_EQ(ids, (std::set<std::string>{"c1", "c3"}));
}

TEST_F(WatchSessionTest, AFilterMatchesBeforeOrAfterTheRecord) {
  v1::WatchRequest ended;
  ended.add_states("ended");
  v1::WatchRequest counting;
  counting.add_states("counting");
  v1::WatchRequest machine;
  machine.add_machines("other");
  v1::WatchRequest id;
  id.add_instance_ids("b");
  const auto on_ended = Open(ended);
  const auto on_counting = Open(counting);
  const auto on_machine = Open(machine);
  const auto on_id = Open(id);
  Accept(CreateCounter("a"));  // 2
  Accept(CreateCounter("b"));  // 3
  Accept(SendTo("a", "end"));  // 4: leaves counting, enters ended
  Accept(SendTo("b", "inc"));  // 5
  v1::SubmitRequest deletion;
  deletion.set_namespace_("default");
  deletion.add_transitions()->mutable_delete_instance()->set_instance_id("a");
  Accept(deletion);  // 6: was in ended
  EXPECT_EQ(Indexes(Drain(on_ended.get())), (Indexes64{4, 6}));
  EXPECT_EQ(Indexes(Drain(on_counting.get())), (Indexes64{2, 3, 4, 5}));
  EXPECT_EQ(Indexes(Drain(on_machine.get())), (Indexes64{}));
  EXPECT_EQ(Indexes(Drain(on_id.get())), (Indexes64{3, 5}));
}

TEST_F(WatchSessionTest, OfARecordOnlyTheChangesThatMatchAreSentTogether) {
  v1::WatchRequest some;
  for (const char* id : {"a", "c"}) some.add_instance_ids(id);
  const auto session = Open(some);
  const auto everything = Open({});
  v1::SubmitRequest three = CreateCounter("a");
  three.MergeFrom(CreateCounter("b"));
  three.MergeFrom(CreateCounter("c"));
  Accept(three);
  const auto responses = Drain(session.get());
  ASSERT_EQ(responses.size(), 1u);
  ASSERT_EQ(responses[0].changes_size(), 2);
  EXPECT_EQ(responses[0].changes(0).instance_id(), "a");
  EXPECT_EQ(responses[0].changes(1).instance_id(), "c");
  const auto all = Drain(everything.get());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].changes_size(), 3);
}

TEST_F(WatchSessionTest, AWatchIsOfOneNamespace) {
  v1::WatchRequest request;
  request.set_namespace_("elsewhere");
  const auto session = Open(request);
  Accept(CreateCounter("a"));
  EXPECT_TRUE(Drain(session.get()).empty());
}

TEST_F(WatchSessionTest, BookmarksComeWhileIdleAndNeverPassAMatch) {
  EXPECT_LE(kBookmarkInterval + kWatchTickInterval, absl::Seconds(1));
  const auto session = Open({});
  ASSERT_TRUE(Next(session.get()).has_value());
  EXPECT_FALSE(Next(session.get()).has_value());
  now_ += kBookmarkInterval;
  EXPECT_TRUE(session->BookmarkDue(now_));
  auto bookmark = Next(session.get());
  ASSERT_TRUE(bookmark.has_value());
  EXPECT_EQ(bookmark->index(), 1u);
  EXPECT_FALSE(session->BookmarkDue(now_));
  Accept(CreateCounter("a"));
  now_ += kBookmarkInterval;
  const auto change = Next(session.get());
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->changes_size(), 1);
}

TEST_F(WatchSessionTest, ABookmarkComesForEveryThousandRecordsPassedOver) {
  v1::WatchRequest request;
  request.add_instance_ids("somebody");
  request.set_from_index(1);
  Accept(CreateCounter("a"));
  std::vector<FutureAnswer> answers;
  for (int i = 0; i < 2'500; ++i) answers.push_back(under_test_.Submit(SendTo("a", "inc")));
  for (FutureAnswer& answer : answers) ASSERT_TRUE(answer.get().ok());
  const auto session = Open(request);
  std::vector<uint64_t> bookmarks;
  while (const auto response = Next(session.get())) {
    EXPECT_EQ(response->changes_size(), 0);
    EXPECT_TRUE(response->has_hlc());
    bookmarks.push_back(response->index());
  }
  EXPECT_EQ(bookmarks, (Indexes64{1, 1001, 2001}));
}

TEST_F(WatchSessionTest, BeingWokenMeansThereIsSomething) {
  const auto session = Open({});
  Drain(session.get());
  absl::Notification woken;
  session->WhenReady([&] { woken.Notify(); });
  Accept(CreateCounter("a"));
  woken.WaitForNotification();
  EXPECT_EQ(Indexes(Drain(session.get())), (Indexes64{2}));
}

TEST_F(WatchSessionTest, ThereIsMoreOnlyWhereAMessageFollows) {
  for (const char* id : {"a", "b", "a2", "b2"}) Accept(CreateCounter(id));  // 2 to 5
  v1::WatchRequest request;
  for (const char* id : {"a", "a2"}) request.add_instance_ids(id);
  request.set_from_index(2);
  const auto session = Open(request);
  EXPECT_FALSE(session->HasMore(now_)) << "nothing is read yet";
  EXPECT_EQ(Next(session.get())->index(), 2u);
  EXPECT_TRUE(session->HasMore(now_));
  EXPECT_TRUE(session->HasMore(now_)) << "asking changes nothing";
  EXPECT_EQ(Next(session.get())->index(), 4u);
  EXPECT_FALSE(session->HasMore(now_));
}

TEST_F(WatchSessionTest, WhatIsForgottenIsReadAgainWithoutAGap) {
  for (int i = 0; i < 9; ++i) Accept(CreateCounter(absl::StrCat("c", i)));  // 2 to 10
  v1::WatchRequest request;
  request.set_from_index(2);
  for (const bool looked_ahead : {false, true}) {
    const auto session = Open(request);
    for (uint64_t index = 2; index <= 10; ++index) {
      if (looked_ahead) session->HasMore(now_);
      session->ForgetAhead();
      EXPECT_EQ(Next(session.get())->index(), index);
    }
    session->ForgetAhead();
    EXPECT_TRUE(Drain(session.get()).empty());
  }
}

TEST_F(WatchSessionTest, WhatCannotBeWatchedIsRefused) {
  v1::WatchRequest request;
  request.set_from_index(2);
  EXPECT_TRUE(WatchSession::Open(request, &sources_).ok()) << "the index after the newest";
  request.set_from_index(3);
  EXPECT_EQ(RefusalOf(request), v1::INDEX_AHEAD);
  request.set_from_index(1);
  request.set_history_id("another");
  EXPECT_EQ(RefusalOf(request), v1::HISTORY_MISMATCH);
  request.clear_history_id();
  request.set_initial(true);
  EXPECT_EQ(RefusalOf(request), v1::INVALID_FIELD);
  Accept(CreateCounter("a"));
  ASSERT_TRUE(log_.TrimPrefix(2).ok());
  request.set_initial(false);
  EXPECT_EQ(RefusalOf(request), v1::INDEX_TRIMMED);
  v1::WatchRequest many;
  for (int i = 0; i < 1'001; ++i) many.add_machines("m");
  EXPECT_EQ(RefusalOf(many), v1::TOO_LARGE);
}

}  // namespace
}  // namespace swoosh
