#ifndef SWOOSH_SERVER_IN_PROCESS_CALLS_H_
#define SWOOSH_SERVER_IN_PROCESS_CALLS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"

namespace swoosh {

// Calls of this process' own services, which can't tell them from a client's. What is sent in one
// direction is taken before the next is: nothing is queued in between.

// What a client says about itself.
struct CallIdentity {
  std::string authorization;                   // the header's value; "" = none. Printable ASCII.
  std::vector<std::string> certificate_names;  // of his certificate, which is verified
};

// The way to the services. Thread-safe.
class InProcessServices {
 public:
  InProcessServices() = default;
  InProcessServices(const InProcessServices&) = delete;
  InProcessServices& operator=(const InProcessServices&) = delete;

  // Calls are UNAVAILABLE (DRAINING) before Open, and again from Close on, which has to come before
  // the gRPC server's shutdown: gRPC 1.51 ends the process where a call begins after that. Calls
  // that have begun go on.
  void Open(std::shared_ptr<grpc::Channel> channel);
  void Close();

  // A unary call of "/package.Service/Method". Blocks, at most for `timeout`.
  grpc::Status Call(const char* method, const CallIdentity& identity,
                    const google::protobuf::Message& request, absl::Duration timeout,
                    google::protobuf::Message* response);

 private:
  friend class InProcessStream;

  // Runs `begin` with a stub, which may not be kept; kUnavailable, and doesn't, if there is none.
  grpc::Status Begin(absl::FunctionRef<void(grpc::GenericStub*)> begin);

  absl::Mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
};

// A call that is answered by a stream. For one thread.
class InProcessStream {
 public:
  InProcessStream(InProcessServices* services, const char* method, const CallIdentity& identity,
                  const google::protobuf::Message& request);
  // Cancels the call, if it has not ended, and waits for its end.
  ~InProcessStream();
  InProcessStream(const InProcessStream&) = delete;
  InProcessStream& operator=(const InProcessStream&) = delete;

  enum class Event { kMessage, kTimeout, kEnd };
  // Waits for the next message, up to `timeout`. After kEnd there is none; status() says why.
  Event Next(absl::Duration timeout, google::protobuf::Message* message);
  const grpc::Status& status() const { return status_; }

 private:
  void End();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer received_;
  bool reading_ = false;  // into received_
  bool ended_ = false;
  grpc::Status status_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_IN_PROCESS_CALLS_H_
