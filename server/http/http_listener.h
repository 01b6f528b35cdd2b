#ifndef SWOOSH_SERVER_HTTP_HTTP_LISTENER_H_
#define SWOOSH_SERVER_HTTP_HTTP_LISTENER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace swoosh {

// A port that connections are accepted on, by a thread of its own.
class HttpListener {
 public:
  // Listens on `host`, an address or a name, and `port`; 0 picks a free one.
  //   kUnavailable: it can't; the message says why
  static absl::StatusOr<std::unique_ptr<HttpListener>> Open(const std::string& host, int port);
  // As Stop().
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  int port() const { return port_; }

  // Calls `take` for each connection, on the listener's thread: a socket that does not block, to be
  // closed by whoever takes it. Once.
  void Start(std::function<void(int file)> take);

  // A file that can be read once Stop() was called.
  int stopping() const { return stopping_; }
  // Accepts no more, and returns when no `take` runs. Idempotent.
  void Stop();

 private:
  HttpListener() = default;
  absl::Status Bind(const std::string& host, int port);
  void Run(const std::function<void(int file)>& take) const;

  int port_ = 0;
  int socket_ = -1;
  int stopping_ = -1;
  std::thread thread_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_LISTENER_H_
