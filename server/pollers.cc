#include "server/pollers.h"

#include "server/serial_thread.h"

namespace swoosh {

Pollers::Pollers(grpc::ServerBuilder* builder) : queue_(builder->AddCompletionQueue()) {}

Pollers::~Pollers() {
  queue_->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  Poll();  // gRPC wants it to be seen at its end
}

void Pollers::Start() {
  for (int i = 0; i < kPollers; ++i) {
    threads_.emplace_back([this] {
      NameThisThread("grpc-poller");
      Poll();
    });
  }
}

void Pollers::Poll() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) continue;
}

}  // namespace swoosh
