#include "server/http_server.h"

#include <unistd.h>

#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/http/http_error.h"
#include "server/page/page.h"

namespace swoosh {
namespace {

constexpr char kTextType[] = "text/plain; charset=utf-8";
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

bool IsForProbes(absl::string_view path) { return path == "/healthz" || path == "/readyz"; }

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HostPort& address,
                                                              Handlers handlers, TlsContexts* tls) {
  absl::StatusOr<std::unique_ptr<HttpListener>> listener = HttpListener::Open(address);
  if (!listener.ok()) {
    return absl::UnavailableError(absl::StrCat("can't listen on ", address.ToString(),
                                               " for HTTP: ", listener.status().message()));
  }
  auto server = absl::WrapUnique(new HttpServer(*std::move(listener), std::move(handlers), tls));
  HttpServer* const self = server.get();
  self->listener_->Start([self](int file) {
    const absl::Status status = self->threads_.TryPost([self, file] { self->Serve(file); });
    if (!status.ok()) close(file);
  });
  return server;
}

HttpServer::~HttpServer() {
  listener_->Stop();
  threads_.Stop();
}

void HttpServer::Serve(int file) {
  HttpConnection connection(file, listener_->stopping());
  const absl::Status status = connection.Begin(tls_ == nullptr ? nullptr : tls_->Newest().get());
  if (status.ok()) {
    Answer(&connection);
  } else if (absl::IsInvalidArgument(status)) {
    connection.Answer(Refusal(400, google::rpc::INVALID_ARGUMENT, status.message()));
  } else if (absl::IsOutOfRange(status)) {
    connection.Answer(Refusal(431, google::rpc::INVALID_ARGUMENT, status.message()));
  }
}

HttpAnswer HttpServer::AnswerFromProcess(absl::string_view path) const {
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

int HttpServer::Answer(HttpConnection* connection) {
  const absl::string_view path = connection->path();
  if (tls_ != nullptr && tls_->asks_for_certificates() && !connection->has_client_certificate() &&
      !IsForProbes(path)) {
    return connection->Answer(Refusal(401, google::rpc::UNAUTHENTICATED,
                                      "this server serves clients with a certificate only"));
  }
  const bool is_page = IsPagePath(path);
  if (!is_page && path != "/metrics" && !IsForProbes(path)) return handlers_.gateway(connection);
  if (connection->method() != "GET" && connection->method() != "HEAD") {
    return connection->Answer({405, kTextType, "only GET and HEAD\n", "Allow: GET, HEAD\r\n"});
  }
  if (is_page) {
    return connection->Answer(AnswerFromPage(path, connection->Header("If-None-Match").value_or(""),
                                             connection->Header("Accept-Encoding").value_or("")));
  }
  return connection->Answer(AnswerFromProcess(path));
}

}  // namespace swoosh
