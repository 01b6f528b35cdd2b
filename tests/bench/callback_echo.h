#ifndef SWOOSH_TESTS_BENCH_CALLBACK_ECHO_H_
#define SWOOSH_TESTS_BENCH_CALLBACK_ECHO_H_

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "swoosh/v1/orchestrator.grpc.pb.h"
#include "tests/bench/sync_thread.h"

namespace swoosh {

using CallbackEchoBase = v1::Orchestrator::WithRawCallbackMethod_Submit<
    v1::Orchestrator::WithRawCallbackMethod_SubmitStream<v1::Orchestrator::Service>>;

// Answers each request with the same bytes, by gRPC's callback API. Thread-safe.
class CallbackEcho final : public CallbackEchoBase {
 public:
  // Answers at once where `sync` is null, else when that has synced for the request. It is not
  // owned, and outlives this.
  CallbackEcho(const grpc::ByteBuffer& reply, SyncThread* sync) : reply_(reply), sync_(sync) {}

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* reply) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* SubmitStream(
      grpc::CallbackServerContext* context) override;

 private:
  const grpc::ByteBuffer reply_;
  SyncThread* const sync_;
};

}  // namespace swoosh

#endif  // SWOOSH_TESTS_BENCH_CALLBACK_ECHO_H_
