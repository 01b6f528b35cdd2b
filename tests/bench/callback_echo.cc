#include "tests/bench/callback_echo.h"

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace swoosh {
namespace {

// Reads and writes at the same time; deletes itself.
class EchoStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  EchoStream(const grpc::ByteBuffer& reply, SyncThread* sync) : reply_(reply), sync_(sync) {
    StartRead(&request_);
  }

 private:
  ~EchoStream() override = default;

  void OnReadDone(bool ok) override {
    if (!ok) {
      bool finish = false;
      {
        absl::MutexLock lock(&mutex_);
        half_closed_ = true;
        finish = IsOver();
      }
      if (finish) Finish(grpc::Status::OK);
      return;
    }
    if (sync_ == nullptr) {
      Answer(/*synced=*/0);
    } else {
      {
        absl::MutexLock lock(&mutex_);
        ++unsynced_;
      }
      sync_->Append([this] { Answer(/*synced=*/1); });
    }
    StartRead(&request_);
  }

  void Answer(size_t synced) {
    bool write = false;
    {
      absl::MutexLock lock(&mutex_);
      unsynced_ -= synced;
      ++owed_;
      write = !writing_;
      writing_ = true;
    }
    if (write) StartWrite(&reply_);
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
      finish = IsOver();
      // More will follow at once, so gRPC may send them together.
      if (owed_ > 1) options.set_buffer_hint();
    }
    if (write) StartWrite(&reply_, options);
    if (finish) Finish(grpc::Status::OK);
  }

  bool IsOver() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return half_closed_ && !writing_ && unsynced_ == 0;
  }

  void OnDone() override { delete this; }

  const grpc::ByteBuffer& reply_;
  SyncThread* const sync_;
  grpc::ByteBuffer request_;
  absl::Mutex mutex_;
  size_t unsynced_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t owed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::ServerUnaryReactor* CallbackEcho::Submit(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer*, grpc::ByteBuffer* reply) {
  *reply = reply_;
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (sync_ == nullptr) {
    reactor->Finish(grpc::Status::OK);
  } else {
    sync_->Append([reactor] { reactor->Finish(grpc::Status::OK); });
  }
  return reactor;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* CallbackEcho::SubmitStream(
    grpc::CallbackServerContext*) {
  return new EchoStream(reply_, sync_);
}

}  // namespace swoosh
