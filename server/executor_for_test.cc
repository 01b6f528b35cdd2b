#include "server/executor_for_test.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/record.h"
#include "core/replay.h"
#include "google/protobuf/util/json_util.h"

namespace swoosh {
namespace {

constexpr char kCounter[] = R"({
  "name": "counter", "context": {"count": 0},
  "root": {"id": "counter", "initial": ["counting"], "states": [
    {"id": "counting", "on": [
      {"id": "inc", "event": "inc",
       "actions": [{"assign": {"location": "context.count", "value": "context.count + 1"}}]},
      {"id": "say", "event": "say", "actions": [{"emit": {"name": "said"}}]},
      {"id": "end", "event": "end", "target": ["ended"]}]},
    {"id": "ended", "type": "FINAL", "output": "context.count"}]}})";

}  // namespace

void GatedLog::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

void GatedLog::Open() {
  absl::MutexLock lock(&mutex_);
  closed_ = false;
}

void GatedLog::AwaitBlocked() {
  absl::MutexLock lock(&mutex_);
  const auto blocked = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return blocked_ > 0; };
  mutex_.Await(absl::Condition(&blocked));
}

void GatedLog::FailAfter(int nth, absl::Status status) {
  absl::MutexLock lock(&mutex_);
  fail_after_ = nth;
  failure_ = std::move(status);
}

std::vector<size_t> GatedLog::groups() const {
  absl::MutexLock lock(&mutex_);
  return groups_;
}

std::vector<uint64_t> GatedLog::trims() const {
  absl::MutexLock lock(&mutex_);
  return trims_;
}

absl::Status GatedLog::Pass() {
  absl::MutexLock lock(&mutex_);
  ++blocked_;
  const auto open = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !closed_; };
  mutex_.Await(absl::Condition(&open));
  --blocked_;
  if (fail_after_ >= 0 && fail_after_-- == 0) return failure_;
  return absl::OkStatus();
}

absl::Status GatedLog::Append(uint64_t expected_next, absl::Span<const EncodedRecord> records) {
  absl::Status passed = Pass();
  if (!passed.ok()) return passed;
  {
    absl::MutexLock lock(&mutex_);
    groups_.push_back(records.size());
  }
  return base_->Append(expected_next, records);
}

absl::Status GatedLog::TrimPrefix(uint64_t first_kept) {
  absl::Status passed = Pass();
  if (!passed.ok()) return passed;
  {
    absl::MutexLock lock(&mutex_);
    trims_.push_back(first_kept);
  }
  return base_->TrimPrefix(first_kept);
}

ExecutorUnderTest::ExecutorUnderTest(Log* log, Options options) {
  StateWriter writer{kTestHistoryId};
  auto window = std::make_unique<RequestWindow>(options.window_records);
  absl::Status status = log->Read(1, SIZE_MAX, [&](uint64_t, absl::string_view stored) {
    v1::Record record;
    const absl::Status replayed = ReplayRecord(stored, &writer, &record);
    SWOOSH_CHECK(replayed.ok());
    Digest fingerprint = {};
    if (!record.request_id().empty()) {
      SWOOSH_CHECK(record.request_fingerprint().size() == fingerprint.size());
      std::copy(record.request_fingerprint().begin(), record.request_fingerprint().end(),
                fingerprint.begin());
    }
    window->Restore(record.index(), record.namespace_(), record.request_id(), fingerprint);
    return true;
  });
  SWOOSH_CHECK(status.ok());
  feed_ = std::make_unique<ChangeFeed>(log, log->next_index(), options.ring_bytes_max);
  window_ = window.get();
  options.executor.manual_clock = &clock_.manual();
  executor_ = std::make_unique<Executor>(log, std::move(writer), std::move(window), feed_.get(),
                                         &clock_, &metrics_, std::move(options.executor));
  if (options.start) executor_->Start();
}

FutureAnswer ExecutorUnderTest::Submit(v1::SubmitRequest request) {
  auto promise = std::make_shared<std::promise<Answer>>();
  FutureAnswer future = promise->get_future();
  Submission submission;
  *submission.request = std::move(request);
  submission.actor = "tester";
  submission.done = [promise](Answer answer) { promise->set_value(std::move(answer)); };
  const absl::Status taken = executor_->TrySubmit(&submission);
  if (!taken.ok()) promise->set_value(taken);
  return future;
}

void ExecutorUnderTest::AwaitReduced(int count) {
  while (reduced() < count) std::this_thread::yield();
}

double ExecutorUnderTest::Sample(absl::string_view sample) {
  const std::string text = metrics_.Scrape();
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    double value;
    if (absl::StartsWith(line, absl::StrCat(sample, " ")) &&
        absl::SimpleAtod(line.substr(sample.size() + 1), &value)) {
      return value;
    }
  }
  return std::nan("");
}

State ReplayAll(const Log& log, std::vector<uint64_t>* hashes) {
  StateWriter writer{kTestHistoryId};
  const absl::Status status = log.Read(1, SIZE_MAX, [&](uint64_t, absl::string_view stored) {
    v1::Record record;
    const absl::Status replayed = ReplayRecord(stored, &writer, &record);
    SWOOSH_CHECK(replayed.ok());
    if (hashes != nullptr && !record.state_hash().empty()) hashes->push_back(record.index());
    return true;
  });
  SWOOSH_CHECK(status.ok());
  writer.Seal();
  return writer.Sealed();
}

v1::SubmitRequest RegisterCounter() {
  v1::SubmitRequest request;
  request.set_namespace_("default");
  v1::Machine* machine = request.add_transitions()->mutable_register_machine()->mutable_machine();
  const auto parsed = google::protobuf::util::JsonStringToMessage(kCounter, machine);
  SWOOSH_CHECK(parsed.ok());
  return request;
}

v1::SubmitRequest CreateCounter(absl::string_view id) {
  v1::SubmitRequest request;
  request.set_namespace_("default");
  v1::CreateInstance* create = request.add_transitions()->mutable_create_instance();
  create->set_instance_id(std::string(id));
  create->set_machine("counter");
  return request;
}

v1::SubmitRequest SendTo(absl::string_view id, absl::string_view event) {
  v1::SubmitRequest request;
  request.set_namespace_("default");
  v1::SendEvent* send = request.add_transitions()->mutable_send_event();
  send->set_instance_id(std::string(id));
  send->set_event(std::string(event));
  return request;
}

v1::SubmitRequest WithRequestId(v1::SubmitRequest request, absl::string_view request_id) {
  request.set_request_id(std::string(request_id));
  return request;
}

v1::SubmitRequest WithView(v1::SubmitRequest request, v1::View view) {
  request.set_view(view);
  return request;
}

double CountIn(const v1::Instance& instance) {
  const auto found = instance.context().fields().find("count");
  return found == instance.context().fields().end() ? -1 : found->second.number_value();
}

}  // namespace swoosh
