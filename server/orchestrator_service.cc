#include "server/orchestrator_service.h"

#include <memory>
#include <utility>

#include "server/byte_buffer_conversion.h"
#include "server/grant.h"
#include "server/guard_resolver.h"
#include "server/request_validation.h"
#include "server/status_conversion.h"
#include "server/submission.h"
#include "server/submit_stream_reactor.h"
#include "server/unary_call.h"
#include "server/watch_reactor.h"
#include "server/watch_session.h"

namespace swoosh {
namespace {

constexpr char kService[] = "swoosh.v1.Orchestrator";

// A bidirectional stream that is refused as a whole.
class RefusedStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  RefusedStream(const absl::Status& status, RpcMetrics* metrics) {
    metrics->Handled(static_cast<int>(status.code()), 0);
    Finish(ToGrpcStatus(status));
  }

 private:
  void OnDone() override { delete this; }
};

constexpr auto kNeverBlocks = [](const auto&) { return false; };
constexpr auto kBlocks = [](const auto&) { return true; };

// A proposal from a unary call, ready for the executor or to be validated.
absl::Status ParseProposal(const grpc::ByteBuffer& bytes, Submission* submission) {
  absl::Status status = ParseRequest(bytes, submission->request);
  if (status.ok()) status = PrepareProposal(submission->request);
  return status;
}

void AnswerProposal(UnaryCall* call, const Answer& answer) {
  if (answer.ok()) {
    call->Answer(*answer);
  } else {
    call->Fail(answer.status());
  }
}

}  // namespace

OrchestratorService::OrchestratorService(const Shared& shared)
    : shared_(shared),
      submit_(shared.metrics->ForRpc("unary", kService, "Submit")),
      submit_stream_(shared.metrics->ForRpc("bidi_stream", kService, "SubmitStream")),
      get_instance_(shared.metrics->ForRpc("unary", kService, "GetInstance")),
      list_instances_(shared.metrics->ForRpc("unary", kService, "ListInstances")),
      get_machine_(shared.metrics->ForRpc("unary", kService, "GetMachine")),
      list_machines_(shared.metrics->ForRpc("unary", kService, "ListMachines")),
      get_state_(shared.metrics->ForRpc("unary", kService, "GetState")),
      list_records_(shared.metrics->ForRpc("unary", kService, "ListRecords")),
      watch_(shared.metrics->ForRpc("server_stream", kService, "Watch")) {}

grpc::ServerUnaryReactor* OrchestratorService::Submit(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(shared_.calls, &submit_, context, response);
  const absl::StatusOr<AdmittedCall> admitted =
      shared_.admission->Admit(*context, "Submit", v1::SUBMITTER);
  auto submission = std::make_shared<Submission>();
  absl::Status status = admitted.status();
  if (status.ok() && shared_.calls.budget->exhausted()) status = UnaryCall::TooManyAnswers();
  if (status.ok()) status = ParseProposal(*request, submission.get());
  if (status.ok()) status = admitted->grant->CheckRequest(*submission->request);
  if (!status.ok()) {
    call->Fail(status);
    return call;
  }
  submission->actor = admitted->grant->name();
  submission->grant = admitted->grant;
  const Backend& backend = *admitted->backend;
  Executor* executor = backend.executor;
  if (backend.guards->MayAsk(*submission->request)) {
    submission->done = [call](const Answer& answer) { AnswerProposal(call, answer); };
    backend.guards->Submit(std::move(*submission), GuardResolver::WhenFull::kRefuse);
  } else if (submission->request->validate_only()) {
    status = shared_.readers->TryPost([call, executor, submission] {
      AnswerProposal(call,
                     MovedIfUnanswered(executor->Validate(*submission->request, submission->actor,
                                                          nullptr, submission->grant.get())));
    });
  } else {
    submission->done = [call](Answer answer) {
      AnswerProposal(call, MovedIfUnanswered(std::move(answer)));
    };
    status = executor->TrySubmit(submission.get());
  }
  if (!status.ok()) call->Fail(status);
  return call;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* OrchestratorService::SubmitStream(
    grpc::CallbackServerContext* context) {
  absl::StatusOr<AdmittedCall> admitted =
      shared_.admission->AdmitStream(*context, "SubmitStream", v1::SUBMITTER);
  if (!admitted.ok()) return new RefusedStream(admitted.status(), &submit_stream_);
  return new SubmitStreamReactor(*std::move(admitted), shared_.streams, shared_.readers,
                                 &submit_stream_);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* OrchestratorService::Watch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  GrantPtr grant;
  const auto open = [&]() -> absl::StatusOr<std::unique_ptr<WatchSession>> {
    const absl::StatusOr<AdmittedCall> admitted =
        shared_.admission->AdmitStream(*context, "Watch", v1::READER);
    if (!admitted.ok()) return admitted.status();
    grant = admitted->grant;
    v1::WatchRequest parsed;
    absl::Status status = ParseRequest(*request, &parsed);
    if (status.ok()) status = grant->CheckRequest(parsed);
    if (!status.ok()) return status;
    return WatchSession::Open(parsed, &admitted->backend->watch);
  };
  auto opened = open();
  return new WatchReactor(std::move(opened), std::move(grant), shared_.streams, shared_.watchers,
                          &watch_);
}

template <typename Request, typename Response, typename Blocks>
grpc::ServerUnaryReactor* OrchestratorService::Read(
    grpc::CallbackServerContext* context, absl::string_view method, RpcMetrics* metrics,
    const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response,
    absl::Status (Reader::*read)(const Request&, Response*) const, Blocks blocks) {
  auto* call = new UnaryCall(shared_.calls, metrics, context, response);
  const absl::StatusOr<AdmittedCall> admitted =
      shared_.admission->Admit(*context, method, v1::READER);
  Request request;
  absl::Status status = admitted.status();
  if (status.ok()) status = ParseRequest(*bytes, &request);
  if (status.ok()) status = admitted->grant->CheckRequest(request);
  if (!status.ok()) {
    call->Fail(status);
    return call;
  }
  const bool elsewhere = blocks(request);
  auto run = [call, read, reader = admitted->backend->reader, grant = admitted->grant,
              request = std::move(request)] {
    Response message;
    absl::Status failure = (reader->*read)(request, &message);
    if (failure.ok()) failure = grant->CheckAnswer(message);
    if (failure.ok()) {
      call->AnswerRead(message);
    } else {
      call->Fail(failure);
    }
  };
  if (!elsewhere) {
    run();
  } else if (status = shared_.readers->TryPost(std::move(run)); !status.ok()) {
    call->Fail(status);
  }
  return call;
}

grpc::ServerUnaryReactor* OrchestratorService::GetInstance(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return Read(context, "GetInstance", &get_instance_, request, response, &Reader::GetInstance,
              [](const v1::GetInstanceRequest& parsed) { return parsed.at_index() != 0; });
}

grpc::ServerUnaryReactor* OrchestratorService::ListInstances(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return Read(context, "ListInstances", &list_instances_, request, response, &Reader::ListInstances,
              kBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::GetMachine(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request,
                                                          grpc::ByteBuffer* response) {
  return Read(context, "GetMachine", &get_machine_, request, response, &Reader::GetMachine,
              kNeverBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::ListMachines(grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* request,
                                                            grpc::ByteBuffer* response) {
  return Read(context, "ListMachines", &list_machines_, request, response, &Reader::ListMachines,
              kBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::GetState(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return Read(context, "GetState", &get_state_, request, response, &Reader::GetState, kNeverBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::ListRecords(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return Read(context, "ListRecords", &list_records_, request, response, &Reader::ListRecords,
              kBlocks);
}

}  // namespace swoosh
