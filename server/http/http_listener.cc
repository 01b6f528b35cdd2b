#include "server/http/http_listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "server/serial_thread.h"

namespace swoosh {
namespace {

// A peer that has vanished, so that nothing is acknowledged any more, is let go after so long; the
// kernel's own patience is a quarter of an hour.
constexpr absl::Duration kVanishedTimeout = absl::Seconds(20);
// What the kernel holds for a reader who does not keep up, in place of its own megabytes.
constexpr int kSendBufferBytes = 256 * 1'024;
// Connections that wait to be accepted.
constexpr int kBacklog = 1'024;
// Where the process has no files left, until another connection is closed.
constexpr absl::Duration kNoFileWait = absl::Milliseconds(10);

void Set(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof(value));
}

// A new socket that listens on `address`; -1, and errno tells.
int ListenOn(const addrinfo& address) {
  const int socket =
      ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (socket < 0) return -1;
  Set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  // The connections that it accepts inherit these.
  Set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  Set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT,
      static_cast<int>(absl::ToInt64Milliseconds(kVanishedTimeout)));
  Set(socket, SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
  if (bind(socket, address.ai_addr, address.ai_addrlen) == 0 && listen(socket, kBacklog) == 0) {
    return socket;
  }
  const int error = errno;
  close(socket);
  errno = error;
  return -1;
}

int PortOf(int socket) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  SWOOSH_CHECK(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  // It stands at the same place for both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Open(const std::string& host,
                                                                 int port) {
  auto listener = absl::WrapUnique(new HttpListener);
  listener->stopping_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  SWOOSH_CHECK(listener->stopping_ >= 0);
  if (absl::Status status = listener->Bind(host, port); !status.ok()) return status;
  return listener;
}

absl::Status HttpListener::Bind(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  for (const addrinfo* each = found; each != nullptr && socket_ < 0; each = each->ai_next) {
    socket_ = ListenOn(*each);
  }
  const std::string why = socket_ < 0 ? std::generic_category().message(errno) : "";
  freeaddrinfo(found);
  if (socket_ < 0) return absl::UnavailableError(why);
  port_ = PortOf(socket_);
  return absl::OkStatus();
}

HttpListener::~HttpListener() {
  Stop();
  if (socket_ >= 0) close(socket_);
  close(stopping_);
}

void HttpListener::Start(std::function<void(int file)> take) {
  thread_ = std::thread([this, take = std::move(take)] {
    NameThisThread("http-accept");
    Run(take);
  });
}

void HttpListener::Stop() {
  SWOOSH_CHECK(eventfd_write(stopping_, 1) == 0);
  if (thread_.joinable()) thread_.join();
}

void HttpListener::Run(const std::function<void(int file)>& take) const {
  while (true) {
    pollfd files[] = {{socket_, POLLIN, 0}, {stopping_, POLLIN, 0}};
    if (poll(files, 2, -1) < 0) continue;  // EINTR
    if (files[1].revents != 0) return;
    const int file = accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (file >= 0) {
      take(file);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      absl::SleepFor(kNoFileWait);
    }
  }
}

}  // namespace swoosh
