#ifndef SWOOSH_CLI_CLIENT_H_
#define SWOOSH_CLI_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "swoosh/v1/admin.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// A SubmitStream to the server. One thread may write and another read at the same time.
class SubmitCall {
 public:
  virtual ~SubmitCall() = default;  // Cancels what is not finished.

  // Sends a request; waits while the server takes no more. False: the call has ended or was
  // cancelled.
  virtual bool Write(const v1::SubmitRequest& request) = 0;
  // No more requests will come. By the thread that writes.
  virtual void WritesDone() = 0;
  // Waits for the next response. False: there is none any more.
  virtual bool Read(v1::SubmitResponse* response) = 0;
  // Ends the call at once; Write and Read return. Any thread, any time before Finish.
  virtual void Cancel() = 0;
  // Why it ended. Once, after Read returned false and with no Write under way.
  virtual absl::Status Finish() = 0;
};

// A Watch. One thread.
class WatchCall {
 public:
  virtual ~WatchCall() = default;  // Cancels it.

  // The next response. kDeadlineExceeded when none came in time, after which the call is of no more
  // use; else why it ended, kUnavailable when the server ended it without an error.
  virtual absl::StatusOr<v1::WatchResponse> Read(absl::Duration timeout) = 0;
};

// A Backup. One thread.
class BackupCall {
 public:
  virtual ~BackupCall() = default;  // Cancels it, if it has not ended.

  // The next bytes. False: there are none any more.
  virtual bool Read(std::string* bytes) = 0;
  // Why it ended. Once, after Read returned false.
  virtual absl::Status Finish() = 0;
};

// The RPCs, without gRPC. An error carries the details that the server sent as payloads
// (core/errors.h). Calls of one answer take as long as the timeout given when connecting and are
// never repeated. Thread-safe.
class Client {
 public:
  using SubmitDone = std::function<void(absl::StatusOr<v1::SubmitResponse> response)>;

  virtual ~Client() = default;

  // Waits until the server can be reached. kUnavailable when that takes longer.
  virtual absl::Status WaitForConnection(absl::Duration timeout) = 0;

  virtual absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request) = 0;
  // The same without waiting. `request` is of no more use once it returns; `done` is called once,
  // by any thread, and must not wait.
  virtual void SubmitLater(const v1::SubmitRequest& request, SubmitDone done) = 0;
  virtual std::unique_ptr<SubmitCall> SubmitStream() = 0;
  virtual absl::StatusOr<v1::Instance> GetInstance(const v1::GetInstanceRequest& request) = 0;
  virtual absl::StatusOr<v1::ListInstancesResponse> ListInstances(
      const v1::ListInstancesRequest& request) = 0;
  virtual absl::StatusOr<v1::Machine> GetMachine(const v1::GetMachineRequest& request) = 0;
  virtual absl::StatusOr<v1::ListMachinesResponse> ListMachines(
      const v1::ListMachinesRequest& request) = 0;
  virtual absl::StatusOr<v1::StateSummary> GetState(const v1::GetStateRequest& request) = 0;
  virtual absl::StatusOr<v1::ListRecordsResponse> ListRecords(
      const v1::ListRecordsRequest& request) = 0;
  virtual std::unique_ptr<WatchCall> Watch(const v1::WatchRequest& request) = 0;

  virtual absl::StatusOr<v1::ServerStatus> GetStatus(const v1::GetStatusRequest& request) = 0;
  virtual absl::StatusOr<v1::TakeSnapshotResponse> TakeSnapshot(
      const v1::TakeSnapshotRequest& request) = 0;
  virtual absl::StatusOr<v1::TrimLogResponse> TrimLog(const v1::TrimLogRequest& request) = 0;
  virtual absl::StatusOr<v1::VerifyResponse> Verify(const v1::VerifyRequest& request) = 0;
  // Takes as long as it takes.
  virtual std::unique_ptr<BackupCall> Backup(const v1::BackupRequest& request) = 0;
};

// How a client protects its connection, and says who it is.
struct ClientSecurity {
  bool tls = false;
  std::string ca_pem;           // whom to believe the server's certificate from; "": the system's
  std::string certificate_pem;  // its own, with the key; "": none
  std::string key_pem;
  std::string token;  // sent with each call; "": none
};

// A client of the server at `address` (HOST:PORT), over gRPC. Does not connect before the first
// call.
std::unique_ptr<Client> NewClient(const std::string& address, absl::Duration timeout,
                                  const ClientSecurity& security);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CLIENT_H_
