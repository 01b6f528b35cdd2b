// Answers Submit and SubmitStream with so many bytes, and does nothing else: what gRPC alone costs
// a server of the same shape as ours. With gRPC's callback API, or its completion queue. Or, with
// the callback API, answers when so many bytes a request have been appended to a file and synced:
// what gRPC and the disk together cost any durable server.
//
//   echo_server --api=callback --reply_bytes=190 [--sync_file=FILE --sync_bytes=250]
//
// Prints a line `serving grpc=HOST:PORT`, and serves until it is killed.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "tests/bench/callback_echo.h"
#include "tests/bench/queue_echo.h"
#include "tests/bench/sync_thread.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0", "HOST:PORT; port 0: any free one.");
ABSL_FLAG(std::string, api, "callback", "callback, or queue.");
ABSL_FLAG(uint64_t, reply_bytes, 100, "Bytes of each answer.");
ABSL_FLAG(std::string, sync_file, "", "Answer when synced to this file; with --api=callback.");
ABSL_FLAG(uint64_t, sync_bytes, 100, "Bytes appended to it for each request.");

namespace swoosh {
namespace {

int Main() {
  const grpc::Slice slice(std::string(absl::GetFlag(FLAGS_reply_bytes), 'x'));
  const grpc::ByteBuffer reply(&slice, 1);
  const bool with_queue = absl::GetFlag(FLAGS_api) == "queue";
  const std::string sync_file = absl::GetFlag(FLAGS_sync_file);
  std::unique_ptr<SyncThread> sync;
  if (!sync_file.empty()) {
    sync = std::make_unique<SyncThread>(sync_file, absl::GetFlag(FLAGS_sync_bytes));
  }
  CallbackEcho callback(reply, sync.get());
  QueueEcho queue(reply);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(absl::GetFlag(FLAGS_listen), grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  if (with_queue) {
    queue.Register(&builder);
  } else {
    builder.RegisterService(&callback);
  }
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "can't listen on %s\n", absl::GetFlag(FLAGS_listen).c_str());
    return 1;
  }
  std::printf("serving grpc=127.0.0.1:%d\n", port);
  std::fflush(stdout);
  if (with_queue) queue.Serve();
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace swoosh

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return swoosh::Main();
}
