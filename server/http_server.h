#ifndef SWOOSH_SERVER_HTTP_SERVER_H_
#define SWOOSH_SERVER_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/options.h"

struct mg_connection;
struct mg_context;

namespace swoosh {

// What monitoring asks for over HTTP, with GET or HEAD:
//   /metrics  Prometheus' text format
//   /healthz  200 as long as the process works as it should; else 503: restart it
//   /readyz   200 as long as it takes requests; else 503: send them elsewhere
// Anything else is 404, other methods 405.
class HttpServer {
 public:
  // Called on the server's threads, several at the same time.
  struct Handlers {
    std::function<std::string()> metrics;
    std::function<bool()> healthy;
    std::function<bool()> ready;
  };

  // Listens on `address`; port 0 picks a free one.
  //   kUnavailable: it can't; the message says why.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HostPort& address,
                                                           Handlers handlers);
  // Finishes what is being answered.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return address_.port; }

 private:
  struct Reply {
    int code = 200;
    std::string body;
  };

  HttpServer(HostPort address, Handlers handlers)
      : address_(std::move(address)), handlers_(std::move(handlers)) {}

  static int OnRequest(mg_connection* connection);
  Reply Answer(const std::string& path) const;

  HostPort address_;
  const Handlers handlers_;
  mg_context* context_ = nullptr;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_SERVER_H_
