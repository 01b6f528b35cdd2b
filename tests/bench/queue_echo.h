#ifndef SWOOSH_TESTS_BENCH_QUEUE_ECHO_H_
#define SWOOSH_TESTS_BENCH_QUEUE_ECHO_H_

#include <memory>

#include "grpcpp/completion_queue.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/byte_buffer.h"
#include "swoosh/v1/orchestrator.grpc.pb.h"

namespace swoosh {

using QueueEchoBase = v1::Orchestrator::WithRawMethod_Submit<
    v1::Orchestrator::WithRawMethod_SubmitStream<v1::Orchestrator::Service>>;

// Answers each request with the same bytes, by gRPC's completion queue and one thread: more were
// slower on two processors. Not thread-safe.
class QueueEcho {
 public:
  explicit QueueEcho(const grpc::ByteBuffer& reply) : reply_(reply) {}

  // To be served by what `builder` builds.
  void Register(grpc::ServerBuilder* builder);
  // Answers, and does not return.
  void Serve();

 private:
  const grpc::ByteBuffer reply_;
  QueueEchoBase service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
};

}  // namespace swoosh

#endif  // SWOOSH_TESTS_BENCH_QUEUE_ECHO_H_
