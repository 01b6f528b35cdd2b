#ifndef SWOOSH_SERVER_ORCHESTRATOR_SERVICE_H_
#define SWOOSH_SERVER_ORCHESTRATOR_SERVICE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/active_streams.h"
#include "server/call_admission.h"
#include "server/metrics.h"
#include "server/reader.h"
#include "server/unary_call.h"
#include "server/worker_pool.h"
#include "swoosh/v1/orchestrator.grpc.pb.h"

namespace swoosh {

// The generated class with the bytes of messages in place of messages: see
// byte_buffer_conversion.h.
using RawOrchestrator = v1::Orchestrator::WithRawCallbackMethod_Submit<
    v1::Orchestrator::WithRawCallbackMethod_SubmitStream<
        v1::Orchestrator::WithRawCallbackMethod_GetInstance<
            v1::Orchestrator::WithRawCallbackMethod_ListInstances<
                v1::Orchestrator::WithRawCallbackMethod_GetMachine<
                    v1::Orchestrator::WithRawCallbackMethod_ListMachines<
                        v1::Orchestrator::WithRawCallbackMethod_GetState<
                            v1::Orchestrator::WithRawCallbackMethod_ListRecords<
                                v1::Orchestrator::WithRawCallbackMethod_Watch<
                                    v1::Orchestrator::Service>>>>>>>>>;

// The Orchestrator service: parses, calls what does the work, answers. Thread-safe.
class OrchestratorService final : public RawOrchestrator {
 public:
  // What all calls share; it outlives them and this. `readers` run what blocks or computes,
  // `watchers` what watches send.
  struct Shared {
    const CallAdmission* admission = nullptr;
    Metrics* metrics = nullptr;
    ActiveStreams* streams = nullptr;
    WorkerPool* readers = nullptr;
    WorkerPool* watchers = nullptr;
    UnaryCall::Shared calls;
  };
  explicit OrchestratorService(const Shared& shared);

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SubmitStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetInstance(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListInstances(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetMachine(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListMachines(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetState(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListRecords(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request) override;

 private:
  // A read of the Reader's: on the calling thread, unless `blocks` says that the request may block.
  template <typename Request, typename Response, typename Blocks>
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context, absl::string_view method,
                                 RpcMetrics* metrics, const grpc::ByteBuffer* bytes,
                                 grpc::ByteBuffer* response,
                                 absl::Status (Reader::*read)(const Request&, Response*) const,
                                 Blocks blocks);

  const Shared shared_;
  RpcMetrics submit_;
  RpcMetrics submit_stream_;
  RpcMetrics get_instance_;
  RpcMetrics list_instances_;
  RpcMetrics get_machine_;
  RpcMetrics list_machines_;
  RpcMetrics get_state_;
  RpcMetrics list_records_;
  RpcMetrics watch_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ORCHESTRATOR_SERVICE_H_
