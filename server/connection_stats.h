#ifndef SWOOSH_SERVER_CONNECTION_STATS_H_
#define SWOOSH_SERVER_CONNECTION_STATS_H_

#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace swoosh {

// What gRPC itself counts about connections, read by its channelz, which is on by default. It knows
// more than a service does: a call counts from its first frame until its memory is given back, also
// while it waits for a message that never ends, and after it was reset.

// gRPC's number of a connection, and how it writes the peer's address and port.
struct GrpcConnection {
  intptr_t id = 0;
  std::string peer;
};

struct CallCounts {
  int64_t begun = 0;
  int64_t gone = 0;
  int64_t gone_without_answer = 0;  // of those that are gone: reset, or with their connection
  int64_t messages = 0;             // that have come whole

  // gRPC reads one number after the other, so a call may seem to have gone before it began.
  int64_t open() const { return std::max<int64_t>(0, begun - gone); }
};

// The number of the server of this process that was made last; 0 without one.
intptr_t NewestGrpcServer();

// Connections of `server` that are numbered `first` and above: those that finished their
// handshakes, in ascending order. At most 500, so ask again behind the last one.
std::vector<GrpcConnection> ConnectionsOf(intptr_t server, intptr_t first);

// Unset once gRPC has forgotten the connection, which is when the last of its calls is gone.
std::optional<CallCounts> CallCountsOf(intptr_t connection);

// An address and its port as gRPC writes them: "ipv4:192.0.2.1:50000".
std::string GrpcPeer(const sockaddr_storage& address);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_CONNECTION_STATS_H_
