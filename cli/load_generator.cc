#include "cli/load_generator.h"

#include <algorithm>
#include <deque>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cli/rpc_status.h"
#include "cli/session.h"

namespace swoosh {
namespace {

constexpr char kMachine[] = "swooshctl-bench";
constexpr char kEvent[] = "tick";
constexpr size_t kTransitionsPerSetUp = 500;
constexpr size_t kPrefixRandomBytes = 4;
constexpr absl::Duration kConnectTimeout = absl::Seconds(10);

v1::Machine CountingMachine() {
  v1::Machine machine;
  machine.set_name(kMachine);
  (*machine.mutable_context()->mutable_fields())["count"].set_number_value(0);
  v1::StateNode* root = machine.mutable_root();
  root->set_id(kMachine);
  v1::Edge* edge = root->add_on();
  edge->set_event(kEvent);
  v1::Assign* assign = edge->add_actions()->mutable_assign();
  assign->set_location("context.count");
  assign->set_value("context.count + 1");
  return machine;
}

// What one client did so far. Thread-safe.
class Tally {
 public:
  explicit Tally(size_t in_flight_max) : in_flight_max_(in_flight_max) {}

  // Waits until another proposal may be sent. False: none may, ever.
  bool AwaitSlot() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Tally::HasSlot));
    if (broken_) return false;
    ++in_flight_;
    return true;
  }
  void Answered(absl::Time due, const absl::Status& status) {
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mutex_);
    --in_flight_;
    last_answer_ = now;
    if (status.ok()) {
      ++report_.accepted;
      report_.latency.Record(now - due);
      return;
    }
    if (report_.first_failure.ok()) report_.first_failure = status;
    ++(IsAnswer(status) ? report_.refused : report_.unanswered);
    broken_ = broken_ || !IsAnswer(status);
  }
  // The connection is gone.
  void StopSending() {
    absl::MutexLock lock(&mutex_);
    broken_ = true;
  }
  // What was sent and has no answer will get none.
  void Break(const absl::Status& why) {
    absl::MutexLock lock(&mutex_);
    broken_ = true;
    if (in_flight_ > 0 && report_.first_failure.ok()) report_.first_failure = why;
    report_.unanswered += in_flight_;
    in_flight_ = 0;
  }
  void AwaitAll() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Tally::IsIdle));
  }
  // Adds this client's to `total`.
  void AddTo(LoadReport* total, absl::Time* last_answer) {
    absl::MutexLock lock(&mutex_);
    total->accepted += report_.accepted;
    total->refused += report_.refused;
    total->unanswered += report_.unanswered;
    if (total->first_failure.ok()) total->first_failure = report_.first_failure;
    total->latency.Merge(report_.latency);
    *last_answer = std::max(*last_answer, last_answer_);
  }

 private:
  // Of the codes that a server answers with, those after which it is not known what became of it.
  static bool IsAnswer(const absl::Status& status) {
    return !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status) &&
           !absl::IsCancelled(status) && !absl::IsUnknown(status);
  }
  bool HasSlot() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return broken_ || in_flight_ < in_flight_max_;
  }
  bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return in_flight_ == 0; }

  const size_t in_flight_max_;
  absl::Mutex mutex_;
  size_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time last_answer_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  LoadReport report_ ABSL_GUARDED_BY(mutex_);
};

// How a client's proposals go out.
class Sender {
 public:
  virtual ~Sender() = default;
  // `due`: see LoadReport::latency. False: no more can be sent.
  virtual bool Send(const v1::SubmitRequest& request, absl::Time due) = 0;
  // Returns when all is answered.
  virtual void Finish() = 0;
};

class UnarySender : public Sender {
 public:
  UnarySender(Client* client, std::shared_ptr<Tally> tally)
      : client_(client), tally_(std::move(tally)) {}
  bool Send(const v1::SubmitRequest& request, absl::Time due) override {
    client_->SubmitLater(request,
                         [tally = tally_, due](const absl::StatusOr<v1::SubmitResponse>& response) {
                           tally->Answered(due, response.status());
                         });
    return true;
  }
  void Finish() override { tally_->AwaitAll(); }

 private:
  Client* const client_;
  const std::shared_ptr<Tally> tally_;  // the last answer's thread may leave it last
};

class StreamSender : public Sender {
 public:
  StreamSender(Client* client, Tally* tally)
      : tally_(tally), call_(client->SubmitStream()), reader_([this] { ReadAnswers(); }) {}

  bool Send(const v1::SubmitRequest& request, absl::Time due) override {
    {
      absl::MutexLock lock(&mutex_);
      due_.push_back(due);
    }
    return call_->Write(request);
  }
  void Finish() override {
    call_->WritesDone();
    reader_.join();
    const absl::Status status = call_->Finish();
    tally_->Break(status.ok() ? absl::UnavailableError("the server ended the stream") : status);
  }

 private:
  void ReadAnswers() {
    v1::SubmitResponse response;
    while (call_->Read(&response)) {
      absl::Time due;
      {
        absl::MutexLock lock(&mutex_);
        due = due_.front();
        due_.pop_front();
      }
      tally_->Answered(due, FromRpcStatus(response.status()));
    }
    tally_->StopSending();
  }

  Tally* const tally_;
  const std::unique_ptr<SubmitCall> call_;
  absl::Mutex mutex_;
  std::deque<absl::Time> due_ ABSL_GUARDED_BY(mutex_);  // of what was sent and not answered
  std::thread reader_;
};

// One client's share of the work, in a thread of its own.
void RunClient(const LoadOptions& options, const std::vector<std::string>& ids, size_t number,
               absl::Time start, Client* client, const std::shared_ptr<Tally>& tally) {
  v1::SubmitRequest request;
  request.set_namespace_(options.ns);
  for (size_t i = 0; i < options.transitions; ++i) {
    v1::SendEvent* send = request.add_transitions()->mutable_send_event();
    send->set_event(kEvent);
    (*send->mutable_data()->mutable_fields())["payload"].set_string_value(
        std::string(options.payload_bytes, 'x'));
  }
  std::unique_ptr<Sender> sender;
  if (options.stream) {
    sender = std::make_unique<StreamSender>(client, tally.get());
  } else {
    sender = std::make_unique<UnarySender>(client, tally);
  }
  const absl::Duration interval =
      options.rate > 0 ? absl::Seconds(static_cast<double>(options.clients) / options.rate)
                       : absl::ZeroDuration();
  // The clients' turns don't fall together.
  absl::Time due = start + interval * number / options.clients;
  std::mt19937_64 random(number);
  for (; due < start + options.duration; due += interval) {
    if (options.rate > 0) absl::SleepFor(due - absl::Now());
    if (!tally->AwaitSlot()) break;
    if (options.rate == 0) due = absl::Now();
    for (v1::Transition& transition : *request.mutable_transitions()) {
      transition.mutable_send_event()->set_instance_id(ids[random() % ids.size()]);
    }
    if (!sender->Send(request, due)) break;
  }
  sender->Finish();
}

}  // namespace

LoadGenerator::LoadGenerator(const LoadOptions& options, Connect connect)
    : options_(options), connect_(std::move(connect)), client_(connect_()) {
  const std::string prefix = absl::StrCat(kMachine, "-", RandomHex(kPrefixRandomBytes), "-");
  for (size_t i = 0; i < options_.instances; ++i) ids_.push_back(absl::StrCat(prefix, i));
}

absl::Status LoadGenerator::SubmitToEach(FillTransition fill) {
  for (size_t begin = 0; begin < ids_.size(); begin += kTransitionsPerSetUp) {
    v1::SubmitRequest request;
    request.set_namespace_(options_.ns);
    const size_t end = std::min(ids_.size(), begin + kTransitionsPerSetUp);
    for (size_t i = begin; i < end; ++i) fill(ids_[i], request.add_transitions());
    const absl::StatusOr<v1::SubmitResponse> response = client_->Submit(request);
    if (!response.ok()) return response.status();
  }
  return absl::OkStatus();
}

absl::Status LoadGenerator::Prepare() {
  v1::SubmitRequest request;
  request.set_namespace_(options_.ns);
  *request.add_transitions()->mutable_register_machine()->mutable_machine() = CountingMachine();
  const absl::StatusOr<v1::SubmitResponse> response = client_->Submit(request);
  if (!response.ok()) return response.status();
  return SubmitToEach([](const std::string& id, v1::Transition* transition) {
    transition->mutable_create_instance()->set_instance_id(id);
    transition->mutable_create_instance()->set_machine(kMachine);
  });
}

absl::Status LoadGenerator::CleanUp() {
  return SubmitToEach([](const std::string& id, v1::Transition* transition) {
    transition->mutable_delete_instance()->set_instance_id(id);
    transition->mutable_delete_instance()->set_allow_missing(true);
  });
}

absl::StatusOr<LoadReport> LoadGenerator::Run() {
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::shared_ptr<Tally>> tallies;
  for (size_t i = 0; i < options_.clients; ++i) {
    clients.push_back(connect_());
    tallies.push_back(std::make_shared<Tally>(options_.in_flight));
    const absl::Status reached = clients.back()->WaitForConnection(kConnectTimeout);
    if (!reached.ok()) return reached;
  }
  const absl::Time start = absl::Now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options_.clients; ++i) {
    threads.emplace_back([this, i, start, client = clients[i].get(), tally = tallies[i]] {
      RunClient(options_, ids_, i, start, client, tally);
    });
  }
  for (std::thread& thread : threads) thread.join();
  LoadReport report;
  absl::Time last_answer = start;
  for (const auto& tally : tallies) tally->AddTo(&report, &last_answer);
  report.elapsed = last_answer - start;
  return report;
}

}  // namespace swoosh
