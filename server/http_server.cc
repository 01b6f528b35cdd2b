#include "server/http_server.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "civetweb.h"

namespace swoosh {
namespace {

// A scrape now and then, and probes: not a web server.
constexpr char kThreads[] = "4";
constexpr char kRequestTimeoutMs[] = "5000";
constexpr char kConnectionsWaitingMax[] = "32";

constexpr absl::Duration kKnockInterval = absl::Milliseconds(20);

constexpr char kTextType[] = "text/plain; charset=utf-8";
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

absl::string_view Phrase(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

void Write(mg_connection* connection, int code, absl::string_view type, absl::string_view body,
           bool with_body) {
  const std::string head =
      absl::StrCat("HTTP/1.1 ", code, " ", Phrase(code), "\r\nContent-Type: ", type,
                   "\r\nContent-Length: ", body.size(), "\r\nCache-Control: no-store\r\n",
                   code == 405 ? "Allow: GET, HEAD\r\n" : "", "Connection: close\r\n\r\n");
  mg_write(connection, head.data(), head.size());
  if (with_body) mg_write(connection, body.data(), body.size());
}

// civetweb resolves no names; this one is always the same.
HostPort Resolved(HostPort address) {
  if (address.host == "localhost") address.host = "127.0.0.1";
  return address;
}

// Connects to the server's own port, and leaves.
void Knock(const HostPort& address) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(address.port);
  if (getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found) != 0) return;
  const int connection = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection >= 0) {
    (void)connect(connection, found->ai_addr, found->ai_addrlen);
    close(connection);
  }
  freeaddrinfo(found);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HostPort& address,
                                                              Handlers handlers) {
  mg_init_library(MG_FEATURES_DEFAULT);
  std::unique_ptr<HttpServer> server(new HttpServer(Resolved(address), std::move(handlers)));
  const std::string port = server->address_.ToString();
  const char* options[] = {"listening_ports",  port.c_str(),           "num_threads",
                           kThreads,           "request_timeout_ms",   kRequestTimeoutMs,
                           "connection_queue", kConnectionsWaitingMax, nullptr};
  mg_callbacks callbacks = {};
  callbacks.begin_request = &HttpServer::OnRequest;
  mg_init_data init = {};
  init.callbacks = &callbacks;
  init.user_data = server.get();
  init.configuration_options = options;
  std::array<char, 256> text = {};
  mg_error_data error = {};
  error.text = text.data();
  error.text_buffer_size = text.size();
  server->context_ = mg_start2(&init, &error);
  if (server->context_ == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("can't listen on ", address.ToString(), " for HTTP: ", text.data()));
  }
  mg_server_port listening = {};
  if (mg_get_server_ports(server->context_, 1, &listening) == 1) {
    server->address_.port = listening.port;
  }
  return server;
}

HttpServer::~HttpServer() {
  if (context_ != nullptr) {
    absl::Notification stopped;
    std::thread stopping([this, &stopped] {
      mg_stop(context_);
      stopped.Notify();
    });
    // civetweb sees that it shall stop when somebody connects, else only every two seconds.
    while (!stopped.WaitForNotificationWithTimeout(kKnockInterval)) Knock(address_);
    stopping.join();
  }
  mg_exit_library();
}

HttpServer::Reply HttpServer::Answer(const std::string& path) const {
  if (path == "/metrics") return {200, handlers_.metrics()};
  if (path == "/healthz") {
    return handlers_.healthy() ? Reply{200, "ok\n"} : Reply{503, "fenced\n"};
  }
  if (path == "/readyz") {
    return handlers_.ready() ? Reply{200, "ready\n"} : Reply{503, "not ready\n"};
  }
  return {404, "there is /metrics, /healthz and /readyz\n"};
}

int HttpServer::OnRequest(mg_connection* connection) {
  const mg_request_info& info = *mg_get_request_info(connection);
  const auto& server = *static_cast<const HttpServer*>(info.user_data);
  const absl::string_view method = info.request_method;
  const std::string path = info.local_uri == nullptr ? "" : info.local_uri;
  if (method != "GET" && method != "HEAD") {
    Write(connection, 405, kTextType, "only GET and HEAD\n", true);
    return 405;
  }
  const Reply reply = server.Answer(path);
  const bool metrics = reply.code == 200 && path == "/metrics";
  Write(connection, reply.code, metrics ? kMetricsType : kTextType, reply.body, method == "GET");
  return reply.code;
}

}  // namespace swoosh
