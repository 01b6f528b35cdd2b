#ifndef SWOOSH_SERVER_LISTEN_SOCKETS_H_
#define SWOOSH_SERVER_LISTEN_SOCKETS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "server/options.h"

namespace swoosh {

// What a connection's kernel buffer takes of what was not read yet. gRPC, for one, reads all of it
// at once and begins every call in it before it does anything else: this bounds how many those are.
inline constexpr int kReceiveBufferBytes = 128 * 1'024;

// TCP sockets that listen on one port, at every address that a host name stands for. Closed when
// they go. Not thread-safe.
class ListenSockets {
 public:
  // 0.0.0.0 and :: are all addresses of either family, where the system has both. Port 0 picks a
  // free one. Sockets don't block, and what they accept has kReceiveBufferBytes and no delay.
  //   kUnavailable: none of them can be listened on; says why
  static absl::StatusOr<ListenSockets> Open(const HostPort& address);

  ListenSockets(ListenSockets&& other) noexcept;
  ListenSockets& operator=(ListenSockets&&) = delete;
  ~ListenSockets();

  int port() const { return port_; }
  const std::vector<int>& descriptors() const { return descriptors_; }

 private:
  ListenSockets() = default;

  std::vector<int> descriptors_;
  int port_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_LISTEN_SOCKETS_H_
