#ifndef SWOOSH_SERVER_HTTP_HTTP_LISTENER_H_
#define SWOOSH_SERVER_HTTP_HTTP_LISTENER_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "server/listen_sockets.h"
#include "server/options.h"

namespace swoosh {

// A port that connections are accepted on, by a thread of its own.
class HttpListener {
 public:
  // As ListenSockets::Open.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Open(const HostPort& address);
  // As Stop().
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  int port() const { return sockets_.port(); }

  // Calls `take` for each connection, on the listener's thread: a socket that does not block, to be
  // closed by whoever takes it. Once.
  void Start(std::function<void(int file)> take);

  // A file that can be read once Stop() was called.
  int stopping() const { return stopping_; }
  // Accepts no more, and returns when no `take` runs. Idempotent.
  void Stop();

 private:
  explicit HttpListener(ListenSockets sockets);
  void Run(const std::function<void(int file)>& take) const;
  static void Accept(int socket, const std::function<void(int file)>& take);

  const ListenSockets sockets_;
  const int stopping_;
  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_LISTENER_H_
