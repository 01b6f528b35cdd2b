#include "tests/bench/queue_echo.h"

#include <cstddef>

#include "grpcpp/server_context.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/async_unary_call.h"

namespace swoosh {
namespace {

constexpr int kUnaryCallsWaiting = 256;
constexpr int kStreamsWaiting = 8;

// What calls share; outlives them.
struct Echo {
  QueueEchoBase* service;
  grpc::ServerCompletionQueue* queue;
  const grpc::ByteBuffer* reply;
};

// A call to come or under way; deletes itself.
class Call {
 public:
  // A step of one of its calls to gRPC ended.
  struct Tag {
    Call* call;
    int step;
  };
  virtual void OnStep(int step, bool ok) = 0;

 protected:
  virtual ~Call() = default;
};

class UnaryCall final : public Call {
 public:
  explicit UnaryCall(const Echo& echo) : echo_(echo), writer_(&context_) {
    echo_.service->RequestSubmit(&context_, &request_, &writer_, echo_.queue, echo_.queue,
                                 &arrived_);
  }

 private:
  void OnStep(int step, bool ok) override {
    if (step == arrived_.step && ok) {
      new UnaryCall(echo_);
      writer_.Finish(*echo_.reply, grpc::Status::OK, &finished_);
      return;
    }
    delete this;
  }

  const Echo& echo_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_;
  Tag arrived_{this, 0};
  Tag finished_{this, 1};
};

class StreamCall final : public Call {
 public:
  explicit StreamCall(const Echo& echo) : echo_(echo), stream_(&context_) {
    echo_.service->RequestSubmitStream(&context_, &stream_, echo_.queue, echo_.queue, &arrived_);
  }

 private:
  void OnStep(int step, bool ok) override {
    if (step == arrived_.step) {
      if (!ok) {
        delete this;
        return;
      }
      new StreamCall(echo_);
      stream_.Read(&request_, &read_);
    } else if (step == read_.step) {
      half_closed_ = !ok;
      if (ok) {
        ++owed_;
        stream_.Read(&request_, &read_);
      }
      Proceed();
    } else if (step == written_.step) {
      writing_ = false;
      if (!ok) owed_ = 0;
      Proceed();
    } else {
      delete this;
    }
  }

  void Proceed() {
    if (writing_ || finishing_) return;
    if (owed_ > 0) {
      --owed_;
      writing_ = true;
      grpc::WriteOptions options;
      // More will follow at once, so gRPC may send them together.
      if (owed_ > 0) options.set_buffer_hint();
      stream_.Write(*echo_.reply, options, &written_);
    } else if (half_closed_) {
      finishing_ = true;
      stream_.Finish(grpc::Status::OK, &finished_);
    }
  }

  const Echo& echo_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_;
  size_t owed_ = 0;
  bool writing_ = false;
  bool half_closed_ = false;
  bool finishing_ = false;
  Tag arrived_{this, 0};
  Tag read_{this, 1};
  Tag written_{this, 2};
  Tag finished_{this, 3};
};

}  // namespace

void QueueEcho::Register(grpc::ServerBuilder* builder) {
  builder->RegisterService(&service_);
  queue_ = builder->AddCompletionQueue();
}

void QueueEcho::Serve() {
  const Echo echo = {&service_, queue_.get(), &reply_};
  for (int i = 0; i < kUnaryCallsWaiting; ++i) new UnaryCall(echo);
  for (int i = 0; i < kStreamsWaiting; ++i) new StreamCall(echo);
  void* tag;
  bool ok;
  while (queue_->Next(&tag, &ok)) {
    const auto* ended = static_cast<Call::Tag*>(tag);
    ended->call->OnStep(ended->step, ok);
  }
}

}  // namespace swoosh
