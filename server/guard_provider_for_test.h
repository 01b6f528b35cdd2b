#ifndef SWOOSH_SERVER_GUARD_PROVIDER_FOR_TEST_H_
#define SWOOSH_SERVER_GUARD_PROVIDER_FOR_TEST_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/server.h"
#include "swoosh/v1/guard.grpc.pb.h"

namespace swoosh {

// A GuardProvider in this process, on one port of loopback for its whole life. It runs, as long as
// it is not stopped, and answers what it is told to: at first `allowed`. Thread-safe, except Stop
// and Start.
class GuardProviderForTest {
 public:
  // Runs on a thread of the server's, and may block it.
  using Handler =
      std::function<grpc::Status(const v1::EvaluateRequest& request, v1::EvaluateResponse*)>;

  GuardProviderForTest();
  ~GuardProviderForTest();
  GuardProviderForTest(const GuardProviderForTest&) = delete;
  GuardProviderForTest& operator=(const GuardProviderForTest&) = delete;

  const std::string& address() const { return address_; }
  void Handle(Handler handler);
  void Allow();
  void Deny(const std::string& reason);
  // What it was asked so far.
  std::vector<v1::EvaluateRequest> asked() const;

  // As if its process ended: what runs is cancelled.
  void Stop();
  void Start();
  // In place of the provider, something that answers with bytes that are no answer.
  void StartGarbage();

 private:
  class Service;
  class GarbageService;
  void Listen(grpc::Service* service);

  std::unique_ptr<Service> service_;
  std::unique_ptr<GarbageService> garbage_;
  std::string address_ = "127.0.0.1:0";
  std::unique_ptr<grpc::Server> server_;
};

// Accepts connections and says nothing, as a machine that hangs does.
class SilentPeerForTest {
 public:
  SilentPeerForTest();
  ~SilentPeerForTest();
  SilentPeerForTest(const SilentPeerForTest&) = delete;
  SilentPeerForTest& operator=(const SilentPeerForTest&) = delete;

  const std::string& address() const { return address_; }

 private:
  int socket_ = -1;
  std::string address_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GUARD_PROVIDER_FOR_TEST_H_
