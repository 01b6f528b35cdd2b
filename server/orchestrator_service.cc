#include "server/orchestrator_service.h"

#include <memory>
#include <utility>

#include "server/byte_buffer_conversion.h"
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

grpc::ServerUnaryReactor* OrchestratorService::Submit(grpc::CallbackServerContext* /*context*/,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(&submit_, response);
  const absl::StatusOr<const Backend*> backend = shared_.serving->Admit();
  auto submission = std::make_shared<Submission>();
  absl::Status status = backend.status();
  if (status.ok()) status = ParseProposal(*request, submission.get());
  if (!status.ok()) {
    call->Fail(status);
    return call;
  }
  Executor* executor = (*backend)->executor;
  if ((*backend)->guards->MayAsk(*submission->request)) {
    submission->done = [call](const Answer& answer) { AnswerProposal(call, answer); };
    (*backend)->guards->Submit(std::move(*submission), GuardResolver::WhenFull::kRefuse);
  } else if (submission->request->validate_only()) {
    status = shared_.readers->TryPost([call, executor, submission] {
      AnswerProposal(
          call, MovedIfUnanswered(executor->Validate(*submission->request, submission->actor)));
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
    grpc::CallbackServerContext* /*context*/) {
  const absl::StatusOr<const Backend*> backend = shared_.serving->Admit();
  if (!backend.ok()) return new RefusedStream(backend.status(), &submit_stream_);
  return new SubmitStreamReactor(**backend, shared_.streams, shared_.readers, &submit_stream_);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* OrchestratorService::Watch(
    grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* request) {
  const auto open = [&]() -> absl::StatusOr<std::unique_ptr<WatchSession>> {
    const absl::StatusOr<const Backend*> backend = shared_.serving->Admit();
    if (!backend.ok()) return backend.status();
    v1::WatchRequest parsed;
    absl::Status status = ParseRequest(*request, &parsed);
    if (!status.ok()) return status;
    return WatchSession::Open(parsed, &(*backend)->watch);
  };
  return new WatchReactor(open(), shared_.streams, shared_.watchers, &watch_);
}

template <typename Request, typename Response, typename Blocks>
grpc::ServerUnaryReactor* OrchestratorService::Read(
    RpcMetrics* metrics, const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response,
    absl::Status (Reader::*read)(const Request&, Response*) const, Blocks blocks) {
  auto* call = new UnaryCall(metrics, response);
  const absl::StatusOr<const Backend*> backend = shared_.serving->Admit();
  Request request;
  absl::Status status = backend.status();
  if (status.ok()) status = ParseRequest(*bytes, &request);
  if (!status.ok()) {
    call->Fail(status);
    return call;
  }
  const bool elsewhere = blocks(request);
  auto run = [call, read, reader = (*backend)->reader, request = std::move(request)] {
    Response message;
    const absl::Status failure = (reader->*read)(request, &message);
    if (failure.ok()) {
      call->Answer(message);
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

grpc::ServerUnaryReactor* OrchestratorService::GetInstance(grpc::CallbackServerContext* /*context*/,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return Read(&get_instance_, request, response, &Reader::GetInstance,
              [](const v1::GetInstanceRequest& parsed) { return parsed.at_index() != 0; });
}

grpc::ServerUnaryReactor* OrchestratorService::ListInstances(
    grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return Read(&list_instances_, request, response, &Reader::ListInstances, kBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::GetMachine(grpc::CallbackServerContext* /*context*/,
                                                          const grpc::ByteBuffer* request,
                                                          grpc::ByteBuffer* response) {
  return Read(&get_machine_, request, response, &Reader::GetMachine, kNeverBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::ListMachines(
    grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return Read(&list_machines_, request, response, &Reader::ListMachines, kBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::GetState(grpc::CallbackServerContext* /*context*/,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return Read(&get_state_, request, response, &Reader::GetState, kNeverBlocks);
}

grpc::ServerUnaryReactor* OrchestratorService::ListRecords(grpc::CallbackServerContext* /*context*/,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return Read(&list_records_, request, response, &Reader::ListRecords, kBlocks);
}

}  // namespace swoosh
