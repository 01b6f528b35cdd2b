#include "server/client_for_test.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr std::chrono::seconds kCallTimeout(30);

constexpr char kDoor[] = R"({
  "name": "door", "context": {"count": 0, "limit": 100},
  "root": {"id": "door", "initial": ["closed"], "states": [
    {"id": "closed", "on": [
      {"event": "open", "guard": "context.count < context.limit", "target": ["opened"],
       "actions": [{"assign": {"location": "context.count", "value": "context.count + 1"}}]}]},
    {"id": "opened", "on": [
      {"event": "close", "target": ["closed"], "actions": [{"emit": {"name": "closed"}}]},
      {"event": "break", "target": ["broken"]}]},
    {"id": "broken", "type": "FINAL"}]}})";

grpc::ByteBuffer ToBytes(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToText(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(bytes.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

bool AwaitEvent(grpc::CompletionQueue* queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue->Next(&tag, &ok) && ok;
}

}  // namespace

v1::Machine Door() {
  v1::Machine machine;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(kDoor, &machine).ok());
  return machine;
}

v1::SubmitRequest Register(const v1::Machine& machine) {
  v1::SubmitRequest request;
  *request.add_transitions()->mutable_register_machine()->mutable_machine() = machine;
  return request;
}

v1::SubmitRequest CreateDoor(const std::string& id) {
  v1::SubmitRequest request;
  auto* create = request.add_transitions()->mutable_create_instance();
  create->set_instance_id(id);
  create->set_machine("door");
  return request;
}

v1::SubmitRequest Send(const std::string& id, const std::string& event) {
  v1::SubmitRequest request;
  auto* send = request.add_transitions()->mutable_send_event();
  send->set_instance_id(id);
  send->set_event(event);
  return request;
}

v1::SubmitRequest WithId(v1::SubmitRequest request, const std::string& request_id) {
  request.set_request_id(request_id);
  return request;
}

std::string FieldNamed(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  if (!GetDetail(status, &bad_request)) return "";
  return bad_request.field_violations(0).field();
}

Client::Client(const std::string& address)
    : channel_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
      orchestrator_(v1::Orchestrator::NewStub(channel_)),
      admin_(v1::Admin::NewStub(channel_)) {}

void Client::Prepare(grpc::ClientContext* context) {
  context->set_wait_for_ready(true);
  context->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
}

absl::StatusOr<v1::SubmitResponse> Client::Submit(const v1::SubmitRequest& request) {
  return Call(request, &v1::Orchestrator::Stub::Submit, orchestrator_.get());
}

absl::StatusOr<v1::Instance> Client::Get(const std::string& id, uint64_t at_index) {
  v1::GetInstanceRequest request;
  request.set_instance_id(id);
  request.set_at_index(at_index);
  return Call(request, &v1::Orchestrator::Stub::GetInstance, orchestrator_.get());
}

v1::StateSummary Client::State() {
  const auto state =
      Call(v1::GetStateRequest(), &v1::Orchestrator::Stub::GetState, orchestrator_.get());
  EXPECT_TRUE(state.ok()) << state.status();
  return state.ok() ? *state : v1::StateSummary();
}

absl::StatusOr<std::string> Client::CallRaw(const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  Prepare(&context);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, method, ToBytes(request), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, this);
  EXPECT_TRUE(AwaitEvent(&queue));
  if (!status.ok()) return FromGrpcStatus(status);
  return ToText(response);
}

int Client::Health(const std::string& service) {
  // HealthCheckRequest: a string as field 1. HealthCheckResponse: an enum as field 1.
  std::string request;
  if (!service.empty()) {
    request = absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())), service);
  }
  const auto response = CallRaw("/grpc.health.v1.Health/Check", request);
  if (!response.ok()) return -1;
  return response->size() == 2 && (*response)[0] == '\x08' ? (*response)[1] : 0;
}

std::string Client::ReflectedServices() {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  Prepare(&context);
  grpc::CompletionQueue queue;
  const auto stream = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  stream->StartCall(this);
  EXPECT_TRUE(AwaitEvent(&queue));
  // ServerReflectionRequest: list_services, field 7, is "".
  stream->Write(ToBytes(std::string("\x3a\x00", 2)), this);
  EXPECT_TRUE(AwaitEvent(&queue));
  grpc::ByteBuffer response;
  stream->Read(&response, this);
  EXPECT_TRUE(AwaitEvent(&queue));
  context.TryCancel();
  return ToText(response);
}

}  // namespace swoosh
