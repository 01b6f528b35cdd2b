#ifndef SWOOSH_SERVER_POLLERS_H_
#define SWOOSH_SERVER_POLLERS_H_

#include <memory>
#include <thread>
#include <vector>

#include "grpcpp/server_builder.h"

namespace swoosh {

inline constexpr int kPollers = 8;

// More threads that wait for what comes on a gRPC server's connections, and work it off up to where
// calls begin. gRPC 1.51 has two on a small machine, whose number can't be set; they also carry out
// the calls, and each stays with one connection as long as more comes there: two clients that flood
// it would stop all others. With these, events seldom get to those two.
class Pollers {
 public:
  // Before the server is built.
  explicit Pollers(grpc::ServerBuilder* builder);
  // After the server was shut down, or was not built.
  ~Pollers();
  Pollers(const Pollers&) = delete;
  Pollers& operator=(const Pollers&) = delete;

  // Starts the threads, once the server was built.
  void Start();

 private:
  void Poll();

  // Never gets an event, and is waited for without an end: otherwise gRPC would hand on what a
  // thread is at, to threads that others need.
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_POLLERS_H_
