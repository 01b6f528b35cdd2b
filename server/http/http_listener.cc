#include "server/http/http_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
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
// Where the process has no files left, until another connection is closed.
constexpr absl::Duration kNoFileWait = absl::Milliseconds(10);

void Set(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof(value));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Open(const HostPort& address) {
  absl::StatusOr<ListenSockets> sockets = ListenSockets::Open(address);
  if (!sockets.ok()) return sockets.status();
  return absl::WrapUnique(new HttpListener(*std::move(sockets)));
}

HttpListener::HttpListener(ListenSockets sockets)
    : sockets_(std::move(sockets)), stopping_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  SWOOSH_CHECK(stopping_ >= 0);
  for (const int socket : sockets_.descriptors()) {
    // The connections that it accepts inherit these.
    Set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT,
        static_cast<int>(absl::ToInt64Milliseconds(kVanishedTimeout)));
    Set(socket, SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
  }
}

HttpListener::~HttpListener() {
  Stop();
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
  std::vector<pollfd> files = {{stopping_, POLLIN, 0}};
  for (const int socket : sockets_.descriptors()) files.push_back({socket, POLLIN, 0});
  while (true) {
    if (poll(files.data(), files.size(), -1) < 0) continue;  // EINTR
    if (files[0].revents != 0) return;
    for (size_t i = 1; i < files.size(); ++i) {
      if (files[i].revents != 0) Accept(files[i].fd, take);
    }
  }
}

void HttpListener::Accept(int socket, const std::function<void(int file)>& take) {
  const int file = accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (file >= 0) {
    take(file);
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    absl::SleepFor(kNoFileWait);
  }
}

}  // namespace swoosh
