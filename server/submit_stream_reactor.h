#ifndef SWOOSH_SERVER_SUBMIT_STREAM_REACTOR_H_
#define SWOOSH_SERVER_SUBMIT_STREAM_REACTOR_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/active_streams.h"
#include "server/call_admission.h"
#include "server/executor.h"
#include "server/grant.h"
#include "server/guard_resolver.h"
#include "server/metrics.h"
#include "server/submission.h"
#include "server/worker_pool.h"

namespace swoosh {

// What one stream may have read and not answered yet, whichever comes first. Past it the server
// stops reading, and HTTP/2's flow control stops the client.
inline constexpr size_t kStreamRequestsMax = 1'024;
inline constexpr size_t kStreamRequestBytesMax = 8 * 1'024 * 1'024;

// A SubmitStream RPC. It ends when what its caller may do is changed. Requests go to the executor
// in the order read, and each has a slot that keeps its answer until those before it are written.
// One that may need the provider of external guards waits until those before it are answered, and
// nothing is read until it is answered itself. Deletes itself when gRPC has done with it, which is
// not before everything that it gave away was answered.
class SubmitStreamReactor final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public ActiveStream {
 public:
  // The pointers outlive the RPC. `workers` compute for validate_only.
  SubmitStreamReactor(AdmittedCall call, ActiveStreams* streams, WorkerPool* workers,
                      RpcMetrics* metrics);

  void End(const absl::Status& status) override;
  void Tick(absl::Time now) override;

 private:
  struct Slot {
    size_t request_bytes = 0;
    GuardChanges guard_changes;
    std::optional<grpc::ByteBuffer> answer;
  };
  // What an event leads to.
  struct Actions {
    bool read = false;
    bool write = false;
    bool more_to_write = false;
    bool submit_alone = false;
    bool finish = false;
    absl::Status status;  // to finish with
  };

  ~SubmitStreamReactor() override = default;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Every event goes through here: changes the state by `update`, under the lock, then does what
  // follows from it. Afterwards this object may be gone, unless something else keeps it.
  void Handle(absl::FunctionRef<void()> update);
  Actions NextActions() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // As long as settling_.
  void TakeRequest();
  uint64_t AddSlot(size_t request_bytes);
  void Validate();
  bool MustBeAlone() ABSL_LOCKS_EXCLUDED(mutex_);
  void Submit();
  void SubmitAlone();
  void Settle(const std::string& request_id, const absl::Status& refusal);

  void OnAnswer(uint64_t number, const std::string& request_id, const Answer& answer);
  void PutAnswer(uint64_t number, grpc::ByteBuffer answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const GrantPtr grant_;
  Executor* const executor_;
  GuardResolver* const guards_;
  ActiveStreams* const streams_;
  WorkerPool* const workers_;
  RpcMetrics* const metrics_;
  const absl::Time begin_;

  grpc::ByteBuffer reading_bytes_;  // gRPC's as long as reading_
  grpc::ByteBuffer writing_bytes_;  // gRPC's as long as writing_
  Submission submission_;           // what was read, as long as settling_
  uint64_t number_ = 0;             // of that request

  absl::Mutex mutex_;
  // Requests are numbered from 0; the first slot is that of number answered_.
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mutex_);
  uint64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t slot_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t outstanding_ ABSL_GUARDED_BY(mutex_) = 0;  // answers that others owe
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool settling_ ABSL_GUARDED_BY(mutex_) = false;     // what was read is not with the executor yet
  bool waits_alone_ ABSL_GUARDED_BY(mutex_) = false;  // and waits for the answers before it
  GuardChanges guard_changes_ ABSL_GUARDED_BY(mutex_);  // of what is not answered yet
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  int performing_ ABSL_GUARDED_BY(mutex_) = 0;        // threads that are about to call gRPC
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;  // the client sends no more
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;       // the client receives no more
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);  // by the server; OK: go on
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_SUBMIT_STREAM_REACTOR_H_
