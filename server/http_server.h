#ifndef SWOOSH_SERVER_HTTP_SERVER_H_
#define SWOOSH_SERVER_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/http/http_connection.h"
#include "server/http/http_listener.h"
#include "server/http/tls_contexts.h"
#include "server/options.h"
#include "server/worker_pool.h"

namespace swoosh {

// A thread is kept as long as its connection: those of the gateway, and some that are always left
// for monitoring, and for connections on which no request has come yet.
inline constexpr int kHttpGatewayThreads = 96;
inline constexpr int kHttpOtherThreads = 16;
// Accepted connections that wait for a thread; those beyond are closed.
inline constexpr int kHttpConnectionsWaitingMax = 128;

// The HTTP port. What monitoring asks for, and the page, are answered here, to GET and HEAD, 405 to
// others:
//   /metrics  Prometheus' text format
//   /healthz  200 as long as the process works as it should; else 503: restart it
//   /readyz   200 as long as it takes requests; else 503: send them elsewhere
//   / and /page/  the page for people (server/page)
// Anything else is for the gateway.
//
// With TLS, the port speaks nothing else. Where clients are to have a certificate, those without
// are answered /healthz and /readyz only, since probes have none.
class HttpServer {
 public:
  // Called on the server's threads, several at the same time.
  struct Handlers {
    std::function<std::string()> metrics;
    std::function<bool()> healthy;
    std::function<bool()> ready;
    // Answers the request, and returns the HTTP status. Keeps no more than
    // kHttpGatewayThreads of the threads.
    std::function<int(HttpConnection*)> gateway;
  };

  // Listens on `address`; port 0 picks a free one. `tls` is null for a server without TLS, else it
  // outlives this.
  //   kUnavailable: it can't; the message says why.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HostPort& address,
                                                           Handlers handlers, TlsContexts* tls);
  // Finishes what is being answered, but waits for no client.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return listener_->port(); }

 private:
  HttpServer(std::unique_ptr<HttpListener> listener, Handlers handlers, TlsContexts* tls)
      : listener_(std::move(listener)), handlers_(std::move(handlers)), tls_(tls) {}

  void Serve(int file);
  int Answer(HttpConnection* connection);
  HttpAnswer AnswerFromProcess(absl::string_view path) const;

  const std::unique_ptr<HttpListener> listener_;
  const Handlers handlers_;
  TlsContexts* const tls_;
  WorkerPool threads_{"http", kHttpGatewayThreads + kHttpOtherThreads, kHttpConnectionsWaitingMax};
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_SERVER_H_
