#ifndef SWOOSH_SERVER_ADMIN_SERVICE_H_
#define SWOOSH_SERVER_ADMIN_SERVICE_H_

#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/active_streams.h"
#include "server/call_admission.h"
#include "server/metrics.h"
#include "server/unary_call.h"
#include "server/worker_pool.h"
#include "swoosh/v1/admin.grpc.pb.h"

namespace swoosh {

// The generated class with the bytes of messages in place of messages: see
// byte_buffer_conversion.h.
using RawAdmin = v1::Admin::WithRawCallbackMethod_GetStatus<
    v1::Admin::WithRawCallbackMethod_TakeSnapshot<v1::Admin::WithRawCallbackMethod_TrimLog<
        v1::Admin::WithRawCallbackMethod_AdvanceClock<v1::Admin::WithRawCallbackMethod_Backup<
            v1::Admin::WithRawCallbackMethod_Verify<v1::Admin::Service>>>>>>;

// The Admin service. Thread-safe.
class AdminService final : public RawAdmin {
 public:
  // All outlive this and its calls. `backup_workers` takes as many functions as there may be
  // backups. `start_time` is the process', for GetStatus.
  AdminService(const CallAdmission* admission, absl::Time start_time, Metrics* metrics,
               ActiveStreams* streams, WorkerPool* backup_workers, const UnaryCall::Shared& calls);

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* TakeSnapshot(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* TrimLog(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AdvanceClock(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Backup(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* Verify(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;

 private:
  const CallAdmission* const admission_;
  const absl::Time start_time_;
  ActiveStreams* const streams_;
  WorkerPool* const backup_workers_;
  const UnaryCall::Shared calls_;
  RpcMetrics get_status_;
  RpcMetrics take_snapshot_;
  RpcMetrics trim_log_;
  RpcMetrics advance_clock_;
  RpcMetrics backup_;
  RpcMetrics verify_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ADMIN_SERVICE_H_
