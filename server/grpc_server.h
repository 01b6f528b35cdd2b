#ifndef SWOOSH_SERVER_GRPC_SERVER_H_
#define SWOOSH_SERVER_GRPC_SERVER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/access_control.h"
#include "server/active_streams.h"
#include "server/connection_gate.h"
#include "server/in_process_calls.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/peer_admission.h"
#include "server/serving.h"
#include "server/tls_credentials.h"
#include "server/worker_pool.h"

namespace swoosh {

inline constexpr int kStreamsPerConnectionMax = 1'024;
// Clients may ping as often; those that ping more are sent away.
inline constexpr absl::Duration kPingIntervalMin = absl::Seconds(10);
inline constexpr int kPingStrikesMax = 2;
// From the first byte, or from none, to the end of the TLS handshake and HTTP/2's settings.
inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(20);
// A connection is told to go when it has had no call for so long, or is so old; its calls then have
// the grace to end. gRPC's clients connect again by themselves.
struct ConnectionAges {
  absl::Duration idle_max = absl::Minutes(10);
  absl::Duration age_max = absl::Hours(24);  // gRPC's, give or take a tenth
  absl::Duration age_grace = absl::Minutes(10);
};
// What gRPC's calls and buffers may hold. It treats this as an aim: near it, it reads less, and it
// ends calls and connections whosoever they are. So it is above what the limits of ConnectionGate,
// which know whose they are, let it come to.
inline constexpr size_t kGrpcMemoryBytesMax = 512 * 1'024 * 1'024;
// Of gRPC's synchronous services: reflection.
inline constexpr int kGrpcThreadsMax = 32;
inline constexpr absl::Duration kUnaryCallTickInterval = absl::Seconds(1);
// At a shutdown, for connections to hear of it before they are closed.
inline constexpr absl::Duration kFarewellTime = absl::Milliseconds(100);
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
    const AccessControl* access = nullptr;  // null: everybody may do everything
    TlsCredentials* tls = nullptr;          // null: without TLS
    ConnectionLimits connections = {};
    ConnectionAges ages = {};
  };

  // Listens on `address`; port 0 picks a free one.
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

  // Gives the calls of Orchestrator and Admin that run up to `grace`, refuses new ones, cancels
  // what is left then, and returns when none is left. Connections without a call are not waited
  // for, nor are health and reflection. Health says NOT_SERVING.
  //
  // New calls begin during the grace: the services have to refuse them (Serving::Drain).
  void Shutdown(absl::Duration grace);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_GRPC_SERVER_H_
