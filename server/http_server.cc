#include "server/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "civetweb.h"
#include "server/page/page.h"

namespace swoosh {
namespace {

// A peer that has vanished, so that nothing is acknowledged any more, is let go after so long; the
// kernel's own patience is a quarter of an hour.
constexpr absl::Duration kVanishedTimeout = absl::Seconds(20);
// What the kernel holds for a reader who does not keep up, in place of its own megabytes.
constexpr int kSendBufferBytes = 256 * 1'024;

constexpr absl::Duration kKnockInterval = absl::Milliseconds(20);

constexpr char kTextType[] = "text/plain; charset=utf-8";
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

// civetweb resolves no names; this one is always the same.
HostPort Resolved(HostPort address) {
  if (address.host == "localhost") address.host = "127.0.0.1";
  return address;
}

// Whether `socket` listens at `port`.
bool ListensAt(int socket, int port) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return false;
  }
  sockaddr_in6 address = {};  // as long as any; the port stands where it does for IPv4
  size = sizeof(address);
  return getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         ntohs(address.sin6_port) == port;
}

// civetweb shows no socket, and has no setting for this. What one that listens has, the connections
// that it accepts inherit. Without effect where /proc is not there.
void BoundConnections(int port) {
  const int timeout_ms = static_cast<int>(absl::ToInt64Milliseconds(kVanishedTimeout));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    int file = -1;
    if (!absl::SimpleAtoi(entry.path().filename().native(), &file) || !ListensAt(file, port)) {
      continue;
    }
    setsockopt(file, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    setsockopt(file, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof(kSendBufferBytes));
  }
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
  const std::string threads = absl::StrCat(kHttpGatewayThreads + kHttpOtherThreads);
  const std::string timeout_ms = absl::StrCat(absl::ToInt64Milliseconds(kHttpByteTimeout));
  const std::string waiting = absl::StrCat(kHttpConnectionsWaitingMax);
  const char* options[] = {"listening_ports",
                           port.c_str(),
                           "num_threads",
                           threads.c_str(),
                           "request_timeout_ms",
                           timeout_ms.c_str(),
                           "connection_queue",
                           waiting.c_str(),
                           "decode_url",
                           "no",
                           nullptr};
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
  BoundConnections(server->address_.port);
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

HttpAnswer HttpServer::Answer(absl::string_view path) const {
  HttpAnswer answer;
  answer.type = kTextType;
  if (path == "/metrics") {
    answer.type = kMetricsType;
    answer.body = handlers_.metrics();
  } else if (path == "/healthz") {
    const bool healthy = handlers_.healthy();
    answer.code = healthy ? 200 : 503;
    answer.body = healthy ? "ok\n" : "fenced\n";
  } else {
    const bool ready = handlers_.ready();
    answer.code = ready ? 200 : 503;
    answer.body = ready ? "ready\n" : "not ready\n";
  }
  return answer;
}

int HttpServer::OnRequest(mg_connection* raw) {
  const auto& server = *static_cast<const HttpServer*>(mg_get_request_info(raw)->user_data);
  HttpConnection connection(raw);
  const absl::string_view path = connection.path();
  const bool is_page = IsPagePath(path);
  if (!is_page && path != "/metrics" && path != "/healthz" && path != "/readyz") {
    return server.handlers_.gateway(&connection);
  }
  if (connection.method() != "GET" && connection.method() != "HEAD") {
    return connection.Answer({405, kTextType, "only GET and HEAD\n", "Allow: GET, HEAD\r\n"});
  }
  if (is_page) {
    return connection.Answer(AnswerFromPage(path, connection.Header("If-None-Match").value_or(""),
                                            connection.Header("Accept-Encoding").value_or("")));
  }
  return connection.Answer(server.Answer(path));
}

}  // namespace swoosh
