#include "cli/load_generator.h"

#include <map>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "cli/fake_client.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

// What the clients of a generator did to a server that keeps no state but who exists.
class Server {
 public:
  std::unique_ptr<Client> Connect() {
    auto client = std::make_unique<FakeClient>();
    client->submit = [this](const v1::SubmitRequest& request) { return Submit(request); };
    client->apply = [this](const v1::SubmitRequest& request) {
      v1::SubmitResponse response;
      if (absl::Status status = Submit(request).status(); !status.ok()) {
        response.mutable_status()->set_code(static_cast<int>(status.code()));
      }
      return response;
    };
    absl::MutexLock lock(&mutex_);
    ++connections_;
    return client;
  }

  // The so manieth proposal of events fails with this.
  void FailAt(uint64_t number, const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    fail_at_ = number;
    failure_ = status;
  }

  uint64_t proposals() const {
    absl::MutexLock lock(&mutex_);
    return proposals_;
  }
  uint64_t events() const {
    absl::MutexLock lock(&mutex_);
    return events_;
  }
  size_t instances() const {
    absl::MutexLock lock(&mutex_);
    return instances_.size();
  }
  size_t touched() const {
    absl::MutexLock lock(&mutex_);
    return touched_.size();
  }
  int connections() const {
    absl::MutexLock lock(&mutex_);
    return connections_;
  }

 private:
  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request) {
    absl::MutexLock lock(&mutex_);
    if (request.transitions(0).has_send_event() && ++proposals_ == fail_at_) return failure_;
    for (const v1::Transition& transition : request.transitions()) {
      if (transition.has_create_instance()) {
        instances_.insert(transition.create_instance().instance_id());
      } else if (transition.has_delete_instance()) {
        EXPECT_EQ(instances_.erase(transition.delete_instance().instance_id()), 1u);
      } else if (transition.has_send_event()) {
        EXPECT_TRUE(instances_.count(transition.send_event().instance_id()) == 1);
        touched_.insert(transition.send_event().instance_id());
        ++events_;
      }
    }
    return v1::SubmitResponse();
  }

  mutable absl::Mutex mutex_;
  uint64_t proposals_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t events_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> instances_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> touched_ ABSL_GUARDED_BY(mutex_);
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t fail_at_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

class LoadGeneratorTest : public testing::Test {
 protected:
  LoadGeneratorTest() {
    options_.ns = "default";
    options_.duration = absl::Milliseconds(50);
    options_.instances = 20;
  }
  LoadReport Run() {
    LoadGenerator generator(options_, [this] { return server_.Connect(); });
    EXPECT_TRUE(generator.Prepare().ok());
    EXPECT_EQ(server_.instances(), options_.instances);
    const absl::StatusOr<LoadReport> report = generator.Run();
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(generator.CleanUp().ok());
    EXPECT_EQ(server_.instances(), 0u);
    return *report;
  }

  LoadOptions options_;
  Server server_;
};

TEST_F(LoadGeneratorTest, CountsWhatTheServerCounted) {
  for (const bool stream : {false, true}) {
    SCOPED_TRACE(stream);
    options_.stream = stream;
    options_.clients = 3;
    options_.in_flight = 4;
    options_.transitions = 5;
    const uint64_t before = server_.events();
    const LoadReport report = Run();
    EXPECT_GT(report.accepted, 0u);
    EXPECT_EQ(5 * report.accepted, server_.events() - before);
    EXPECT_EQ(report.latency.count(), report.accepted);
    EXPECT_EQ(report.refused + report.unanswered, 0u);
    EXPECT_TRUE(report.first_failure.ok());
    EXPECT_GT(report.elapsed, absl::ZeroDuration());
  }
  EXPECT_EQ(server_.touched(), 2 * options_.instances);
  EXPECT_EQ(server_.connections(), 2 * (3 + 1));
}

TEST_F(LoadGeneratorTest, KeepsToTheRateOfAllClientsTogether) {
  options_.clients = 4;
  options_.rate = 1'000;
  EXPECT_EQ(Run().accepted, 50u);
}

TEST_F(LoadGeneratorTest, GoesOnAfterARefusal) {
  options_.rate = 1'000;
  server_.FailAt(3, absl::ResourceExhaustedError("the queue is full"));
  const LoadReport report = Run();
  EXPECT_EQ(report.accepted, 49u);
  EXPECT_EQ(report.refused, 1u);
  EXPECT_EQ(report.first_failure, absl::ResourceExhaustedError("the queue is full"));
}

TEST_F(LoadGeneratorTest, StopsWhenNobodyAnswers) {
  options_.rate = 1'000;
  server_.FailAt(3, absl::UnavailableError("connection reset"));
  const LoadReport report = Run();
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.unanswered, 1u);
  EXPECT_EQ(server_.proposals(), 3u);
  EXPECT_TRUE(absl::IsUnavailable(report.first_failure));
}

}  // namespace
}  // namespace swoosh
