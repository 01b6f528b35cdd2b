#ifndef SWOOSH_SERVER_GRPC_SERVER_H_
#define SWOOSH_SERVER_GRPC_SERVER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/active_streams.h"
#include "server/in_process_calls.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/serving.h"
#include "server/worker_pool.h"

namespace swoosh {

inline constexpr int kRequestBytesMax = 4 * 1'024 * 1'024;
inline constexpr int kMetadataBytesMax = 16 * 1'024;
inline constexpr int kStreamsPerConnectionMax = 4'096;
// Clients may ping as often; those that ping more are sent away.
inline constexpr absl::Duration kPingIntervalMin = absl::Seconds(10);
// How often the server pings a connection on which nothing comes, and for how long it waits, so
// that peers which vanished are noticed.
inline constexpr absl::Duration kKeepaliveInterval = absl::Seconds(60);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);

// The gRPC server: Orchestrator, Admin, grpc.health.v1 and reflection (v1alpha). Health says
// NOT_SERVING, for "" and for each service, until SetServing. Thread-safe, except Shutdown.
class GrpcServer {
 public:
  // Outlives the server. `watchers` must take as many functions as there may be watches, and
  // `backups` as many as there may be backups.
  struct Parts {
    const Serving* serving = nullptr;
    Metrics* metrics = nullptr;
    ActiveStreams* streams = nullptr;
    WorkerPool* readers = nullptr;
    WorkerPool* watchers = nullptr;
    WorkerPool* backups = nullptr;
  };

  // Listens on `address`, without TLS; port 0 picks a free one.
  //   kUnavailable: it can't.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const HostPort& address,
                                                           const Parts& parts);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  int port() const;

  // These services without a network, for calls of this process. Closed by Shutdown, which gives
  // such calls no grace. Not to be opened.
  InProcessServices* in_process();

  void SetServing(bool serving);

  // Refuses new calls, gives those that run up to `grace`, cancels what is left then, and returns
  // when none is left. Health says NOT_SERVING.
  void Shutdown(absl::Duration grace);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GRPC_SERVER_H_
