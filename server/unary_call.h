#ifndef SWOOSH_SERVER_UNARY_CALL_H_
#define SWOOSH_SERVER_UNARY_CALL_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/byte_buffer_conversion.h"
#include "server/metrics.h"
#include "server/monotonic_time.h"
#include "server/status_conversion.h"

namespace swoosh {

// A unary RPC on its way: answered exactly once, from any thread, and counted. Deletes itself when
// gRPC has done with it.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  // Both are of the RPC's and outlive it.
  UnaryCall(RpcMetrics* metrics, grpc::ByteBuffer* response)
      : metrics_(metrics), response_(response), begin_(MonotonicNow()) {}

  void Answer(const google::protobuf::Message& response) {
    *response_ = Serialise(response);
    Complete(absl::OkStatus());
  }
  void Fail(const absl::Status& status) { Complete(status); }

 private:
  ~UnaryCall() override = default;

  void Complete(const absl::Status& status) {
    metrics_->Handled(static_cast<int>(status.code()),
                      absl::ToDoubleSeconds(MonotonicNow() - begin_));
    Finish(ToGrpcStatus(status));
  }
  void OnDone() override { delete this; }

  RpcMetrics* const metrics_;
  grpc::ByteBuffer* const response_;
  const absl::Time begin_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_UNARY_CALL_H_
