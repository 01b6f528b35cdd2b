#include "server/listen_sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace swoosh {
namespace {

constexpr int kBacklog = 4'096;  // the system's own bound may be lower

using AddressList = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

absl::Status ErrnoError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", strerror(errno)));
}

absl::StatusOr<AddressList> Resolve(const std::string& host) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return absl::UnavailableError(absl::StrCat(host, ": ", gai_strerror(error)));
  }
  return AddressList(found, freeaddrinfo);
}

int PortOf(int descriptor) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  in_port_t port;  // at the same place in both families
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(&port, reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_port),
              sizeof(port));
  return ntohs(port);
}

void SetPort(int port, sockaddr_storage* address) {
  const in_port_t number = htons(static_cast<in_port_t>(port));
  std::memcpy(reinterpret_cast<char*>(address) + offsetof(sockaddr_in, sin_port), &number,
              sizeof(number));
}

// `serves_both`: of ::, also IPv4.
absl::StatusOr<int> Listen(sockaddr_storage address, socklen_t length, int port, bool serves_both) {
  SetPort(port, &address);
  const int descriptor = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return ErrnoError("socket");
  const auto set = [descriptor](int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof(value)) == 0;
  };
  // What accept returns has these too.
  const bool is_set =
      set(SOL_SOCKET, SO_REUSEADDR, 1) && set(SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes) &&
      set(IPPROTO_TCP, TCP_NODELAY, 1) &&
      (address.ss_family != AF_INET6 || set(IPPROTO_IPV6, IPV6_V6ONLY, serves_both ? 0 : 1));
  if (!is_set || bind(descriptor, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(descriptor, kBacklog) != 0) {
    const absl::Status error = ErrnoError("listen");
    close(descriptor);
    return error;
  }
  return descriptor;
}

}  // namespace

absl::StatusOr<ListenSockets> ListenSockets::Open(const HostPort& address) {
  ListenSockets sockets;
  sockets.port_ = address.port;
  absl::Status failed = absl::UnavailableError("there is no such address");
  const auto listen_on = [&](const addrinfo& each, bool serves_both) {
    sockaddr_storage storage = {};
    std::memcpy(&storage, each.ai_addr, each.ai_addrlen);
    // Where the first one had any port to choose from, the others take the same.
    const absl::StatusOr<int> descriptor =
        Listen(storage, each.ai_addrlen, sockets.port_, serves_both);
    if (!descriptor.ok()) {
      failed = descriptor.status();
      return false;
    }
    sockets.descriptors_.push_back(*descriptor);
    sockets.port_ = PortOf(*descriptor);
    return true;
  };
  if (address.host == "0.0.0.0" || address.host == "::") {
    const absl::StatusOr<AddressList> any = Resolve("::");
    if (any.ok() && listen_on(**any, /*serves_both=*/true)) return sockets;
  }
  const absl::StatusOr<AddressList> found = Resolve(address.host);
  if (!found.ok()) return found.status();
  for (const addrinfo* each = found->get(); each != nullptr; each = each->ai_next) {
    listen_on(*each, /*serves_both=*/false);
  }
  if (sockets.descriptors_.empty()) return failed;
  return sockets;
}

ListenSockets::ListenSockets(ListenSockets&& other) noexcept
    : descriptors_(std::exchange(other.descriptors_, {})), port_(other.port_) {}

ListenSockets::~ListenSockets() {
  for (const int descriptor : descriptors_) close(descriptor);
}

}  // namespace swoosh
