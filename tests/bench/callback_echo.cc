#include "tests/bench/callback_echo.h"

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace swoosh {
namespace {

// Reads and writes at the same time; deletes itself.
class EchoStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit EchoStream(const grpc::ByteBuffer& reply) : reply_(reply) { StartRead(&request_); }

 private:
  ~EchoStream() override = default;

  void OnReadDone(bool ok) override {
    bool write = false;
    bool finish = false;
    {
      absl::MutexLock lock(&mutex_);
      half_closed_ = !ok;
      if (ok) {
        ++owed_;
        write = !writing_;
        writing_ = true;
      } else {
        finish = !writing_;
      }
    }
    if (write) StartWrite(&reply_);
    if (ok) StartRead(&request_);
    if (finish) Finish(grpc::Status::OK);
  }

  void OnWriteDone(bool ok) override {
    bool write = false;
    bool finish = false;
    grpc::WriteOptions options;
    {
      absl::MutexLock lock(&mutex_);
      owed_ = ok ? owed_ - 1 : 0;
      write = owed_ > 0;
      writing_ = write;
      finish = !write && half_closed_;
      // More will follow at once, so gRPC may send them together.
      if (owed_ > 1) options.set_buffer_hint();
    }
    if (write) StartWrite(&reply_, options);
    if (finish) Finish(grpc::Status::OK);
  }

  void OnDone() override { delete this; }

  const grpc::ByteBuffer& reply_;
  grpc::ByteBuffer request_;
  absl::Mutex mutex_;
  size_t owed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::ServerUnaryReactor* CallbackEcho::Submit(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer*, grpc::ByteBuffer* reply) {
  *reply = reply_;
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* CallbackEcho::SubmitStream(
    grpc::CallbackServerContext*) {
  return new EchoStream(reply_);
}

}  // namespace swoosh
