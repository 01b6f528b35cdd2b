#ifndef SWOOSH_SERVER_CLIENT_FOR_TEST_H_
#define SWOOSH_SERVER_CLIENT_FOR_TEST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "server/status_conversion.h"
#include "swoosh/v1/admin.grpc.pb.h"
#include "swoosh/v1/orchestrator.grpc.pb.h"

namespace swoosh {

// Proposals for the machine "door", which is open, closed or broken, and counts how often it was
// opened, up to context.limit.
v1::Machine Door();
v1::SubmitRequest Register(const v1::Machine& machine);
v1::SubmitRequest CreateDoor(const std::string& id);
v1::SubmitRequest Send(const std::string& id, const std::string& event);
v1::SubmitRequest WithId(v1::SubmitRequest request, const std::string& request_id);

// The first field that a BadRequest in `status` names; "" when there is none.
std::string FieldNamed(const absl::Status& status);

// Of grpc.health.v1.
inline constexpr int kHealthServing = 1;
inline constexpr int kHealthNotServing = 2;

// A client of one server, whose calls wait until it is there, up to half a minute.
class Client {
 public:
  explicit Client(const std::string& address);

  v1::Orchestrator::Stub& orchestrator() { return *orchestrator_; }
  v1::Admin::Stub& admin() { return *admin_; }

  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request);
  absl::StatusOr<v1::Instance> Get(const std::string& id, uint64_t at_index = 0);
  v1::StateSummary State();

  // Any unary call: Call(request, &v1::Admin::Stub::GetStatus, &client.admin()).
  template <typename Request, typename Response, typename Stub>
  static absl::StatusOr<Response> Call(const Request& request,
                                       grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                    const Request&, Response*),
                                       Stub* stub) {
    grpc::ClientContext context;
    Prepare(&context);
    Response response;
    const absl::Status status = FromGrpcStatus((stub->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  // A unary call of bytes: "/swoosh.v1.Orchestrator/Submit".
  absl::StatusOr<std::string> CallRaw(const std::string& method, const std::string& request);

  // The health status of `service`; -1 when the call fails.
  int Health(const std::string& service);

  // What reflection answers when it is asked for the list of services.
  std::string ReflectedServices();

  // GRPC_CHANNEL_READY from the first call on, until the server sends the connection away.
  grpc_connectivity_state connectivity() { return channel_->GetState(/*try_to_connect=*/false); }

 private:
  static void Prepare(grpc::ClientContext* context);

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Orchestrator::Stub> orchestrator_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_CLIENT_FOR_TEST_H_
