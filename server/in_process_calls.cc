#include "server/in_process_calls.h"

#include <utility>

#include "absl/time/clock.h"
#include "core/check.h"
#include "server/byte_buffer_conversion.h"
#include "server/in_process_identity.h"
#include "server/serving.h"
#include "server/status_conversion.h"

namespace swoosh {
namespace {

void Introduce(const CallIdentity& identity, grpc::ClientContext* context) {
  if (!identity.authorization.empty()) {
    context->AddMetadata("authorization", identity.authorization);
  }
  AddCertificateNames(identity.certificate_names, context);
}

grpc::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) {
  if (ParseRequest(bytes, message).ok()) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::INTERNAL, "an answer does not parse");
}

// Waits for the one operation that is under way; whether it succeeded.
bool Await(grpc::CompletionQueue* queue) {
  void* tag = nullptr;
  bool ok = false;
  SWOOSH_CHECK(queue->Next(&tag, &ok));
  return ok;
}

}  // namespace

void InProcessServices::Open(std::shared_ptr<grpc::Channel> channel) {
  absl::MutexLock lock(&mutex_);
  channel_ = std::move(channel);
}

void InProcessServices::Close() {
  absl::MutexLock lock(&mutex_);
  channel_.reset();
}

grpc::Status InProcessServices::Begin(absl::FunctionRef<void(grpc::GenericStub*)> begin) {
  absl::ReaderMutexLock lock(&mutex_);
  if (channel_ == nullptr) return ToGrpcStatus(DrainingError());
  grpc::GenericStub stub(channel_);
  begin(&stub);
  return grpc::Status::OK;
}

grpc::Status InProcessServices::Call(const char* method, const CallIdentity& identity,
                                     const google::protobuf::Message& request,
                                     absl::Duration timeout, google::protobuf::Message* response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  Introduce(identity, &context);
  grpc::CompletionQueue queue;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> call;
  grpc::Status status = Begin([&](grpc::GenericStub* stub) {
    call = stub->PrepareUnaryCall(&context, method, Serialise(request), &queue);
  });
  if (!status.ok()) return status;
  call->StartCall();
  grpc::ByteBuffer bytes;
  call->Finish(&bytes, &status, nullptr);
  Await(&queue);
  return status.ok() ? Parse(bytes, response) : status;
}

InProcessStream::InProcessStream(InProcessServices* services, const char* method,
                                 const CallIdentity& identity,
                                 const google::protobuf::Message& request) {
  Introduce(identity, &context_);
  status_ = services->Begin(
      [&](grpc::GenericStub* stub) { call_ = stub->PrepareCall(&context_, method, &queue_); });
  if (!status_.ok()) {
    ended_ = true;
    return;
  }
  call_->StartCall(nullptr);
  if (!Await(&queue_)) {
    End();
    return;
  }
  call_->WriteLast(Serialise(request), grpc::WriteOptions(), nullptr);
  // A call that is refused may end before it has read the request: its status says why.
  Await(&queue_);
}

InProcessStream::~InProcessStream() {
  if (!ended_) {
    context_.TryCancel();
    if (reading_) Await(&queue_);
    End();
  }
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

InProcessStream::Event InProcessStream::Next(absl::Duration timeout,
                                             google::protobuf::Message* message) {
  if (ended_) return Event::kEnd;
  if (!reading_) call_->Read(&received_, nullptr);
  reading_ = true;
  void* tag = nullptr;
  bool ok = false;
  const auto next = queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + timeout));
  SWOOSH_CHECK(next != grpc::CompletionQueue::SHUTDOWN);
  if (next == grpc::CompletionQueue::TIMEOUT) return Event::kTimeout;
  reading_ = false;
  if (!ok) {
    End();
    return Event::kEnd;
  }
  message->Clear();
  const grpc::Status parsed = Parse(received_, message);
  received_.Clear();
  if (parsed.ok()) return Event::kMessage;
  context_.TryCancel();
  End();
  status_ = parsed;
  return Event::kEnd;
}

void InProcessStream::End() {
  ended_ = true;
  call_->Finish(&status_, nullptr);
  Await(&queue_);
}

}  // namespace swoosh
