#include "server/guard_provider_for_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/byte_buffer.h"

namespace swoosh {

class GuardProviderForTest::Service final : public v1::GuardProvider::Service {
 public:
  grpc::Status Evaluate(grpc::ServerContext*, const v1::EvaluateRequest* request,
                        v1::EvaluateResponse* response) override {
    Handler handler;
    {
      absl::MutexLock lock(&mutex_);
      asked_.push_back(*request);
      handler = handler_;
    }
    return handler(*request, response);
  }
  void Handle(Handler handler) {
    absl::MutexLock lock(&mutex_);
    handler_ = std::move(handler);
  }
  std::vector<v1::EvaluateRequest> asked() const {
    absl::MutexLock lock(&mutex_);
    return asked_;
  }

 private:
  mutable absl::Mutex mutex_;
  Handler handler_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::EvaluateRequest> asked_ ABSL_GUARDED_BY(mutex_);
};

class GuardProviderForTest::GarbageService final
    : public v1::GuardProvider::WithRawCallbackMethod_Evaluate<v1::GuardProvider::Service> {
 public:
  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                     grpc::ByteBuffer* response) override {
    const grpc::Slice garbage("\x08\x01\xff");  // "allowed", and half a field
    *response = grpc::ByteBuffer(&garbage, 1);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

GuardProviderForTest::GuardProviderForTest()
    : service_(std::make_unique<Service>()), garbage_(std::make_unique<GarbageService>()) {
  Allow();
  Start();
}

GuardProviderForTest::~GuardProviderForTest() { Stop(); }

void GuardProviderForTest::Handle(Handler handler) { service_->Handle(std::move(handler)); }

void GuardProviderForTest::Allow() {
  Handle([](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    response->set_allowed(true);
    return grpc::Status::OK;
  });
}

void GuardProviderForTest::Deny(const std::string& reason) {
  Handle([reason](const v1::EvaluateRequest&, v1::EvaluateResponse* response) {
    response->set_reason(reason);
    return grpc::Status::OK;
  });
}

std::vector<v1::EvaluateRequest> GuardProviderForTest::asked() const { return service_->asked(); }

void GuardProviderForTest::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

void GuardProviderForTest::Start() { Listen(service_.get()); }
void GuardProviderForTest::StartGarbage() { Listen(garbage_.get()); }

void GuardProviderForTest::Listen(grpc::Service* service) {
  SWOOSH_CHECK(server_ == nullptr);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service);
  server_ = builder.BuildAndStart();
  SWOOSH_CHECK(server_ != nullptr && port != 0);
  address_ = absl::StrCat("127.0.0.1:", port);
}

SilentPeerForTest::SilentPeerForTest() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  SWOOSH_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  SWOOSH_CHECK(listen(socket_, SOMAXCONN) == 0);
  SWOOSH_CHECK(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
}

SilentPeerForTest::~SilentPeerForTest() { close(socket_); }

}  // namespace swoosh
