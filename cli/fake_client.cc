#include "cli/fake_client.h"

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace swoosh {
namespace {

// How long a call waits for more requests before it answers: so that whoever may pipeline, does.
constexpr absl::Duration kGather = absl::Milliseconds(2);

template <typename Response, typename Request>
absl::StatusOr<Response> CallOr(const FakeClient::Method<Response, Request>& method,
                                const Request& request) {
  if (method == nullptr) return absl::UnimplementedError("not set in this test");
  return method(request);
}

// Instances named in requests of one transition.
std::string InstanceOf(const v1::SubmitRequest& request) {
  if (request.transitions().empty()) return "";
  const v1::Transition& transition = request.transitions(0);
  return transition.has_create_instance() ? transition.create_instance().instance_id()
                                          : transition.send_event().instance_id();
}

class FakeSubmitCall : public SubmitCall {
 public:
  FakeSubmitCall(FakeClient* server, int answers_left)
      : server_(server), answers_left_(answers_left) {}

  bool Write(const v1::SubmitRequest& request) override {
    absl::MutexLock lock(&mutex_);
    if (ended_) return false;
    const std::string instance = InstanceOf(request);
    for (const v1::SubmitRequest& earlier : unanswered_) {
      if (!instance.empty() && InstanceOf(earlier) == instance) ++server_->overlaps;
    }
    unanswered_.push_back(request);
    server_->unanswered_max = std::max(server_->unanswered_max, unanswered_.size());
    return true;
  }

  void WritesDone() override {
    absl::MutexLock lock(&mutex_);
    writes_done_ = true;
  }

  bool Read(v1::SubmitResponse* response) override {
    absl::SleepFor(kGather);
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &FakeSubmitCall::Ready));
    if (ended_) return false;
    if (unanswered_.empty()) {
      ended_ = true;
      return false;
    }
    if (answers_left_ == 0) {
      for (int i = 0; i < server_->lost_answers && !unanswered_.empty(); ++i) Apply();
      ended_ = true;
      status_ = server_->break_status;
      return false;
    }
    if (answers_left_ > 0) --answers_left_;
    *response = Apply();
    return true;
  }

  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    ended_ = true;
    status_ = absl::CancelledError("cancelled");
  }

  absl::Status Finish() override {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  bool Ready() const {
    mutex_.AssertHeld();
    return ended_ || (!server_->silent && (!unanswered_.empty() || writes_done_));
  }

  v1::SubmitResponse Apply() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const v1::SubmitRequest request = std::move(unanswered_.front());
    unanswered_.pop_front();
    v1::SubmitResponse response = server_->apply(request);
    response.set_request_id(request.request_id());
    return response;
  }

  FakeClient* const server_;
  mutable absl::Mutex mutex_;
  std::deque<v1::SubmitRequest> unanswered_ ABSL_GUARDED_BY(mutex_);
  int answers_left_ ABSL_GUARDED_BY(mutex_);  // negative: without end
  bool writes_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

class FakeWatchCall : public WatchCall {
 public:
  explicit FakeWatchCall(FakeClient::WatchScript script) : script_(std::move(script)) {}

  absl::StatusOr<v1::WatchResponse> Read(absl::Duration) override {
    if (next_ == script_.responses.size()) return script_.end;
    return script_.responses[next_++];
  }

 private:
  const FakeClient::WatchScript script_;
  size_t next_ = 0;
};

class FakeBackupCall : public BackupCall {
 public:
  FakeBackupCall(std::vector<std::string> pieces, absl::Status end)
      : pieces_(std::move(pieces)), end_(std::move(end)) {}
  bool Read(std::string* bytes) override {
    if (next_ == pieces_.size()) return false;
    *bytes = pieces_[next_++];
    return true;
  }
  absl::Status Finish() override { return end_; }

 private:
  const std::vector<std::string> pieces_;
  const absl::Status end_;
  size_t next_ = 0;
};

}  // namespace

absl::Status FakeClient::WaitForConnection(absl::Duration) { return reachable; }

absl::StatusOr<v1::SubmitResponse> FakeClient::Submit(const v1::SubmitRequest& request) {
  return CallOr(submit, request);
}

void FakeClient::SubmitLater(const v1::SubmitRequest& request, SubmitDone done) {
  done(Submit(request));
}

std::unique_ptr<SubmitCall> FakeClient::SubmitStream() {
  ++submit_call_count;
  int answers = -1;
  if (!answers_until_break.empty()) {
    answers = answers_until_break.front();
    answers_until_break.pop_front();
  }
  return std::make_unique<FakeSubmitCall>(this, answers);
}

absl::StatusOr<v1::Instance> FakeClient::GetInstance(const v1::GetInstanceRequest& request) {
  return CallOr(get_instance, request);
}

absl::StatusOr<v1::ListInstancesResponse> FakeClient::ListInstances(
    const v1::ListInstancesRequest& request) {
  return CallOr(list_instances, request);
}

absl::StatusOr<v1::Machine> FakeClient::GetMachine(const v1::GetMachineRequest& request) {
  return CallOr(get_machine, request);
}

absl::StatusOr<v1::ListMachinesResponse> FakeClient::ListMachines(
    const v1::ListMachinesRequest& request) {
  return CallOr(list_machines, request);
}

absl::StatusOr<v1::StateSummary> FakeClient::GetState(const v1::GetStateRequest&) { return state; }

absl::StatusOr<v1::ListRecordsResponse> FakeClient::ListRecords(
    const v1::ListRecordsRequest& request) {
  return CallOr(list_records, request);
}

std::unique_ptr<WatchCall> FakeClient::Watch(const v1::WatchRequest& request) {
  watch_requests.push_back(request);
  WatchScript script;
  script.end = absl::UnimplementedError("no script");
  if (!watch_scripts.empty()) {
    script = std::move(watch_scripts.front());
    watch_scripts.pop_front();
  }
  return std::make_unique<FakeWatchCall>(std::move(script));
}

absl::StatusOr<v1::ServerStatus> FakeClient::GetStatus(const v1::GetStatusRequest&) {
  return absl::UnimplementedError("not set in this test");
}

absl::StatusOr<v1::TakeSnapshotResponse> FakeClient::TakeSnapshot(const v1::TakeSnapshotRequest&) {
  return absl::UnimplementedError("not set in this test");
}

absl::StatusOr<v1::TrimLogResponse> FakeClient::TrimLog(const v1::TrimLogRequest&) {
  return absl::UnimplementedError("not set in this test");
}

absl::StatusOr<v1::VerifyResponse> FakeClient::Verify(const v1::VerifyRequest&) {
  return absl::UnimplementedError("not set in this test");
}

std::unique_ptr<BackupCall> FakeClient::Backup(const v1::BackupRequest&) {
  return std::make_unique<FakeBackupCall>(backup_pieces, backup_end);
}

}  // namespace swoosh
