#include "cli/submitter.h"

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/fake_client.h"
#include "cli/rpc_status.h"
#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

// A server that remembers request ids, and denies every event "no".
class SubmitterTest : public testing::Test {
 protected:
  SubmitterTest() {
    client_.state.set_history_id("h");
    client_.apply = [this](const v1::SubmitRequest& request) { return Apply(request); };
  }

  v1::SubmitResponse Apply(const v1::SubmitRequest& request) {
    v1::SubmitResponse response;
    const auto [found, is_new] = index_by_id_.try_emplace(request.request_id(), next_index_);
    response.set_index(found->second);
    response.set_duplicate(!is_new);
    if (!is_new) return response;
    if (request.transitions(0).send_event().event() == "no") {
      index_by_id_.erase(found);
      return Failed(MakeError(absl::StatusCode::kFailedPrecondition, v1::GUARD_FALSE, "no"));
    }
    ++next_index_;
    applied_.push_back(request.request_id());
    return response;
  }

  static v1::SubmitResponse Failed(const absl::Status& status) {
    v1::SubmitResponse response;
    *response.mutable_status() = ToRpcStatus(status);
    return response;
  }

  // A line for each "INSTANCE EVENT", with the request ids 1, 2, ...
  void WriteFile(const std::vector<std::string>& events) {
    path_ = absl::StrCat(testing::TempDir(), "/",
                         testing::UnitTest::GetInstance()->current_test_info()->name(), ".jsonl");
    std::ofstream file(path_);
    for (size_t i = 0; i < events.size(); ++i) {
      const size_t space = events[i].find(' ');
      file << "{\"requestId\":\"" << i + 1
           << "\",\"transitions\":[{\"sendEvent\":{\"instanceId\":\"" << events[i].substr(0, space)
           << "\",\"event\":\"" << events[i].substr(space + 1) << "\"}}]}\n";
    }
  }

  absl::Status Run() {
    auto input = SubmitInput::Open(path_, "default");
    EXPECT_TRUE(input.ok()) << input.status();
    Submitter::Events events;
    events.connected = [this](const std::string& history_id) {
      histories_.push_back(history_id);
      return connected_result_;
    };
    events.answered = [this](const SubmitLine& line, const v1::SubmitResponse& response) {
      EXPECT_EQ(line.request.request_id(), response.request_id());
      answered_.push_back(response.request_id());
      if (response.duplicate()) ++duplicate_count_;
      if (response.has_status()) ++refused_count_;
      return answered_result_;
    };
    events.broken = [this](const absl::Status& why) { breaks_.push_back(why); };
    Submitter submitter(&client_, input->get(), options_, std::move(events));
    absl::Notification done;
    std::thread ticker([&] {
      while (!done.WaitForNotificationWithTimeout(absl::Milliseconds(5))) submitter.BreakIfSilent();
    });
    const absl::Status status = submitter.Run();
    done.Notify();
    ticker.join();
    failed_locally_ = submitter.failed_locally();
    return status;
  }

  static std::vector<std::string> Ids(int count) {
    std::vector<std::string> ids;
    for (int i = 1; i <= count; ++i) ids.push_back(absl::StrCat(i));
    return ids;
  }

  // So many events, over so many instances in turn.
  static std::vector<std::string> Events(int count, int instances) {
    std::vector<std::string> events;
    for (int i = 0; i < count; ++i) {
      events.push_back(absl::StrCat("i", i % instances, " ", i % 7 == 3 ? "no" : "yes"));
    }
    return events;
  }

  FakeClient client_;
  SubmitOptions options_;
  std::map<std::string, uint64_t> index_by_id_;
  uint64_t next_index_ = 1;
  std::vector<std::string> applied_;
  std::string path_;
  absl::Status connected_result_;
  absl::Status answered_result_;
  std::vector<std::string> histories_;
  std::vector<std::string> answered_;
  int duplicate_count_ = 0;
  int refused_count_ = 0;
  std::vector<absl::Status> breaks_;
  bool failed_locally_ = false;
};

TEST_F(SubmitterTest, AnswersEveryLineInTheFilesOrder) {
  WriteFile(Events(100, 10));
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(answered_, Ids(100));
  EXPECT_EQ(refused_count_, 14);
  EXPECT_EQ(client_.submit_call_count, 1);
  EXPECT_EQ(histories_, std::vector<std::string>{"h"});
}

TEST_F(SubmitterTest, PipelinesUpToTheBound) {
  options_.in_flight_max = 8;
  WriteFile(Events(200, 100));
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(client_.unanswered_max, 8u);
}

TEST_F(SubmitterTest, NeverHasTwoUnansweredForOneInstance) {
  WriteFile(Events(200, 3));
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(answered_, Ids(200));
  EXPECT_EQ(client_.overlaps, 0);
  EXPECT_GT(client_.unanswered_max, 1u);
  EXPECT_LE(client_.unanswered_max, 3u);
}

TEST_F(SubmitterTest, AppliesEveryLineOnceInOrderHoweverOftenTheConnectionBreaks) {
  for (int lost = 0; lost < 4; ++lost) {
    client_.lost_answers = lost;
    client_.answers_until_break = {1, 5, 1, 20, 3, 1, 1, 40};
    WriteFile(Events(150, 20));
    index_by_id_.clear();
    applied_.clear();
    answered_.clear();
    EXPECT_TRUE(Run().ok());
    EXPECT_EQ(answered_, Ids(150));
    std::vector<std::string> expected;
    const std::vector<std::string> events = Events(150, 20);
    for (size_t i = 0; i < events.size(); ++i) {
      if (!absl::EndsWith(events[i], "no")) expected.push_back(absl::StrCat(i + 1));
    }
    EXPECT_EQ(applied_, expected) << "answers lost at each break: " << lost;
    EXPECT_EQ(client_.overlaps, 0);
    EXPECT_EQ(duplicate_count_ > 0, lost > 0);
  }
  EXPECT_EQ(breaks_.size(), 4u * 8u);
}

TEST_F(SubmitterTest, SendsAgainWhatWasRefusedForAReasonThatPasses) {
  int refusals = 3;
  client_.apply = [&](const v1::SubmitRequest& request) {
    if (request.request_id() == "5" && refusals-- > 0) {
      return Failed(MakeError(absl::StatusCode::kUnavailable, v1::NOT_APPLIED, "later"));
    }
    return Apply(request);
  };
  WriteFile(Events(20, 20));
  EXPECT_TRUE(Run().ok());
  EXPECT_EQ(answered_, Ids(20));
  EXPECT_EQ(breaks_.size(), 3u);
  EXPECT_EQ(ReasonOf(breaks_[0]), v1::NOT_APPLIED);
}

TEST_F(SubmitterTest, GivesUpWhenNoServerCanBeHad) {
  client_.reachable = absl::UnavailableError("nobody there");
  options_.retry_for = absl::Milliseconds(200);
  WriteFile(Events(3, 3));
  const absl::Time start = absl::Now();
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_FALSE(failed_locally_);
  EXPECT_GT(breaks_.size(), 0u);
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

TEST_F(SubmitterTest, GivesUpOnAServerThatNeverAnswers) {
  client_.silent = true;
  options_.answer_timeout = absl::Milliseconds(20);
  options_.retry_for = absl::Milliseconds(300);
  WriteFile(Events(3, 3));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run()));
  EXPECT_TRUE(answered_.empty());
}

TEST_F(SubmitterTest, EndsWithAnErrorThatDoesNotPass) {
  client_.answers_until_break = {2};
  client_.break_status = absl::UnimplementedError("no such method");
  WriteFile(Events(10, 10));
  EXPECT_TRUE(absl::IsUnimplemented(Run()));
  EXPECT_FALSE(failed_locally_);
  EXPECT_EQ(client_.submit_call_count, 1);
}

TEST_F(SubmitterTest, AnswersWhatCameBeforeABadLine) {
  WriteFile(Events(5, 5));
  std::ofstream(path_, std::ios::app) << "{\"nonsense\": 1}\n{}\n";
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "line 6:")) << status;
  EXPECT_TRUE(failed_locally_);
  EXPECT_EQ(answered_, Ids(5));
}

TEST_F(SubmitterTest, StopsWhenAnAnswerCanNotBeWrittenDown) {
  answered_result_ = absl::UnavailableError("disk full");
  WriteFile(Events(50, 50));
  EXPECT_EQ(Run(), answered_result_);
  EXPECT_TRUE(failed_locally_);
  EXPECT_EQ(answered_.size(), 1u);
}

TEST_F(SubmitterTest, SendsNothingToAServerOfAnotherHistory) {
  connected_result_ = absl::AbortedError("another history");
  WriteFile(Events(5, 5));
  EXPECT_EQ(Run(), connected_result_);
  EXPECT_TRUE(failed_locally_);
  EXPECT_EQ(client_.submit_call_count, 0);
}

TEST_F(SubmitterTest, HasNothingToDoForAnEmptyFile) {
  WriteFile({});
  EXPECT_TRUE(Run().ok());
  EXPECT_TRUE(answered_.empty());
}

TEST_F(SubmitterTest, RefusesAnswersToWhatWasNotAsked) {
  WriteFile(Events(1, 1));
  // The fake sets the id of the request; one answer too many can only come from a broken server.
  class Confused : public FakeClient {
   public:
    std::unique_ptr<SubmitCall> SubmitStream() override {
      class Call : public SubmitCall {
       public:
        bool Write(const v1::SubmitRequest&) override { return true; }
        void WritesDone() override {}
        bool Read(v1::SubmitResponse* response) override {
          response->set_request_id("other");
          return read_count_++ == 0;
        }
        void Cancel() override {}
        absl::Status Finish() override { return absl::OkStatus(); }

       private:
        int read_count_ = 0;
      };
      return std::make_unique<Call>();
    }
  } confused;
  auto input = SubmitInput::Open(path_, "default");
  ASSERT_TRUE(input.ok());
  Submitter::Events events;
  events.connected = [](const std::string&) { return absl::OkStatus(); };
  events.answered = [](const SubmitLine&, const v1::SubmitResponse&) { return absl::OkStatus(); };
  events.broken = [](const absl::Status&) {};
  EXPECT_TRUE(
      absl::IsInternal(Submitter(&confused, input->get(), options_, std::move(events)).Run()));
}

}  // namespace
}  // namespace swoosh
