#ifndef SWOOSH_CLI_FAKE_CLIENT_H_
#define SWOOSH_CLI_FAKE_CLIENT_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/client.h"

namespace swoosh {

// A server for tests, which does what it is told. Set the members before they are used. The calls
// of one answer that have no function here are UNIMPLEMENTED.
class FakeClient : public Client {
 public:
  template <typename Response, typename Request>
  using Method = std::function<absl::StatusOr<Response>(const Request&)>;

  Method<v1::SubmitResponse, v1::SubmitRequest> submit;
  Method<v1::Instance, v1::GetInstanceRequest> get_instance;
  Method<v1::ListInstancesResponse, v1::ListInstancesRequest> list_instances;
  Method<v1::Machine, v1::GetMachineRequest> get_machine;
  Method<v1::ListMachinesResponse, v1::ListMachinesRequest> list_machines;
  Method<v1::ListRecordsResponse, v1::ListRecordsRequest> list_records;
  v1::StateSummary state;
  absl::Status reachable;  // what WaitForConnection gives

  // ---- SubmitStream. A call answers so many requests and then breaks; after the last entry, calls
  // don't break.
  std::deque<int> answers_until_break;
  // When a call breaks, this many more of what it had been sent are applied and not answered.
  int lost_answers = 0;
  absl::Status break_status = absl::UnavailableError("connection reset");
  // True: a call that has been sent something never answers, and ends only when it is cancelled.
  bool silent = false;
  // Applies a request, in the thread that reads.
  std::function<v1::SubmitResponse(const v1::SubmitRequest&)> apply;
  // What was seen over all calls.
  int submit_call_count = 0;
  size_t unanswered_max = 0;
  int overlaps = 0;  // requests that came while one of the same instance had no answer

  // ---- Watch. A call gives these responses and then this status; without a script it is
  // UNIMPLEMENTED.
  struct WatchScript {
    std::vector<v1::WatchResponse> responses;
    absl::Status end = absl::UnavailableError("connection reset");
  };
  std::deque<WatchScript> watch_scripts;
  std::vector<v1::WatchRequest> watch_requests;

  // ---- Backup. A call gives these bytes and then this status.
  std::vector<std::string> backup_pieces;
  absl::Status backup_end;

  absl::Status WaitForConnection(absl::Duration timeout) override;
  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request) override;
  // Done before it returns.
  void SubmitLater(const v1::SubmitRequest& request, SubmitDone done) override;
  std::unique_ptr<SubmitCall> SubmitStream() override;
  absl::StatusOr<v1::Instance> GetInstance(const v1::GetInstanceRequest& request) override;
  absl::StatusOr<v1::ListInstancesResponse> ListInstances(
      const v1::ListInstancesRequest& request) override;
  absl::StatusOr<v1::Machine> GetMachine(const v1::GetMachineRequest& request) override;
  absl::StatusOr<v1::ListMachinesResponse> ListMachines(
      const v1::ListMachinesRequest& request) override;
  absl::StatusOr<v1::StateSummary> GetState(const v1::GetStateRequest& request) override;
  absl::StatusOr<v1::ListRecordsResponse> ListRecords(
      const v1::ListRecordsRequest& request) override;
  std::unique_ptr<WatchCall> Watch(const v1::WatchRequest& request) override;
  absl::StatusOr<v1::ServerStatus> GetStatus(const v1::GetStatusRequest& request) override;
  absl::StatusOr<v1::TakeSnapshotResponse> TakeSnapshot(
      const v1::TakeSnapshotRequest& request) override;
  absl::StatusOr<v1::TrimLogResponse> TrimLog(const v1::TrimLogRequest& request) override;
  absl::StatusOr<v1::VerifyResponse> Verify(const v1::VerifyRequest& request) override;
  std::unique_ptr<BackupCall> Backup(const v1::BackupRequest& request) override;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_FAKE_CLIENT_H_
