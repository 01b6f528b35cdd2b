#include "server/http/http_gateway.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "server/http/browser_guard.h"
#include "server/http/message_json.h"
#include "server/monotonic_time.h"
#include "server/serving.h"
#include "server/status_conversion.h"

namespace swoosh {
namespace {

HttpAnswer AnswerOf(const absl::Status& error) { return ErrorAnswer(ToRpcStatus(error)); }

HttpAnswer TooMany(absl::string_view what, int count) {
  return AnswerOf(
      MakeError(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
                absl::StrCat("there are ", count, " ", what, " over HTTP, the most at a time")));
}

// What comes from a page of another site. Behind TLS no site can have given its name to this
// server: it has no certificate for it.
std::optional<HttpAnswer> RefuseForeignPage(const HttpConnection& connection) {
  const std::optional<absl::string_view> host = connection.Header("Host");
  if (!connection.is_tls() && host.has_value() && !IsPrivateHost(*host)) {
    return Refusal(403, google::rpc::PERMISSION_DENIED,
                   "the header Host must be an IP address, localhost, a name without a dot, or one "
                   "under .localhost, .local, .internal, .svc or .cluster.local");
  }
  if (connection.Header("Sec-Fetch-Site").value_or("") == "cross-site") {
    return Refusal(403, google::rpc::PERMISSION_DENIED, "a page of another site may not ask");
  }
  return std::nullopt;
}

std::optional<HttpAnswer> RefuseUnknown(const HttpMatch& match, absl::string_view path) {
  if (!match.error.ok()) return AnswerOf(match.error);
  if (match.route != nullptr) return std::nullopt;
  if (match.allow.empty()) {
    return Refusal(404, google::rpc::NOT_FOUND,
                   absl::StrCat("there is no ", absl::CHexEscape(path)));
  }
  HttpAnswer answer = Refusal(405, google::rpc::UNIMPLEMENTED,
                              absl::StrCat("the path takes ", match.allow, " only"));
  answer.headers = absl::StrCat("Allow: ", match.allow, "\r\n");
  return answer;
}

HttpAnswer BodyRefusal(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kOutOfRange: {
      HttpAnswer answer = AnswerOf(InvalidField(
          "body", absl::StrCat("must not exceed ", kHttpBodyBytesMax, " bytes"), v1::TOO_LARGE));
      answer.code = 413;
      return answer;
    }
    case absl::StatusCode::kDeadlineExceeded:
      return Refusal(408, google::rpc::DEADLINE_EXCEEDED, error.message());
    case absl::StatusCode::kCancelled:
      return AnswerOf(DrainingError());
    default:
      return Refusal(400, google::rpc::INVALID_ARGUMENT, error.message());
  }
}

// Fills `request` from a POST's body; an answer if it can't be.
std::optional<HttpAnswer> ReadBodyInto(HttpConnection* connection,
                                       google::protobuf::Message* request) {
  if (!IsJsonType(connection->Header("Content-Type").value_or(""))) {
    return Refusal(415, google::rpc::INVALID_ARGUMENT, "Content-Type must be application/json");
  }
  const absl::StatusOr<std::string> body = connection->ReadBody(kHttpBodyBytesMax);
  if (!body.ok()) return BodyRefusal(body.status());
  const absl::Status status = ReadJson(*body, request);
  if (!status.ok()) return AnswerOf(status);
  return std::nullopt;
}

// As above, from path and query.
std::optional<HttpAnswer> ReadUrlInto(const HttpConnection& connection, Parameters parameters,
                                      google::protobuf::Message* request) {
  absl::StatusOr<Parameters> query = ParseQuery(connection.query());
  absl::Status status = query.status();
  if (status.ok()) {
    std::move(query->begin(), query->end(), std::back_inserter(parameters));
    status = ReadParameters(parameters, request);
  }
  if (!status.ok()) return AnswerOf(status);
  return std::nullopt;
}

// gRPC takes no other value in metadata.
absl::StatusOr<CallIdentity> IdentityOf(const HttpConnection& connection) {
  CallIdentity identity;
  identity.certificate_names = connection.client_names();
  identity.authorization = std::string(connection.Header("Authorization").value_or(""));
  if (!std::all_of(identity.authorization.begin(), identity.authorization.end(),
                   [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); })) {
    return InvalidField("Authorization", "must be printable ASCII");
  }
  return identity;
}

}  // namespace

int HttpGateway::Handle(HttpConnection* connection) {
  if (const auto refusal = RefuseForeignPage(*connection)) return connection->Answer(*refusal);
  HttpMatch match = MatchRoute(connection->method(), connection->path());
  if (const auto refusal = RefuseUnknown(match, connection->path())) {
    return connection->Answer(*refusal);
  }
  const HttpRoute& route = *match.route;
  const Places::Taken place(route.is_stream ? &watches_ : &calls_);
  if (!place.ok()) {
    return connection->Answer(route.is_stream ? TooMany("watches", kHttpWatchesMax)
                                              : TooMany("calls", kHttpCallsMax));
  }
  const absl::StatusOr<CallIdentity> identity = IdentityOf(*connection);
  if (!identity.ok()) return connection->Answer(AnswerOf(identity.status()));
  const std::unique_ptr<google::protobuf::Message> request(route.request->New());
  const std::optional<HttpAnswer> refusal =
      route.verb == "POST" ? ReadBodyInto(connection, request.get())
                           : ReadUrlInto(*connection, std::move(match.path_fields), request.get());
  if (refusal.has_value()) return connection->Answer(*refusal);
  if (!route.is_stream) return Call(route, *identity, *request, connection);
  auto* watch = google::protobuf::DynamicCastToGenerated<v1::WatchRequest>(request.get());
  watch->set_batched(true);  // an event each all the same, in one piece
  if (const auto id = connection->Header("Last-Event-ID"); id.has_value() && !id->empty()) {
    const absl::Status status = ResumeBehind(*id, watch);
    if (!status.ok()) return connection->Answer(AnswerOf(status));
  }
  return Watch(route, *identity, *watch, connection);
}

int HttpGateway::Call(const HttpRoute& route, const CallIdentity& identity,
                      const google::protobuf::Message& request, HttpConnection* connection) {
  const std::unique_ptr<google::protobuf::Message> response(route.response->New());
  const grpc::Status status =
      services_->Call(route.method, identity, request, kHttpCallTimeout, response.get());
  if (!status.ok()) return connection->Answer(ErrorAnswer(RpcStatusOf(status)));
  const absl::StatusOr<std::string> json = ToJson(*response);
  if (!json.ok()) return connection->Answer(AnswerOf(json.status()));
  HttpAnswer answer;
  answer.type = kJsonType;
  answer.body = *json + "\n";
  return connection->Answer(answer);
}

int HttpGateway::Watch(const HttpRoute& route, const CallIdentity& identity,
                       const v1::WatchRequest& request, HttpConnection* connection) {
  InProcessStream stream(services_, route.method, identity, request);
  v1::WatchResponse response;
  // The first response, if only a bookmark, comes at once; an error has its own HTTP status.
  InProcessStream::Event event = stream.Next(kHttpCallTimeout, &response);
  if (event == InProcessStream::Event::kEnd) {
    return connection->Answer(ErrorAnswer(RpcStatusOf(stream.status())));
  }
  bool connected = connection->BeginStream(kEventStreamType);
  if (connection->method() == "HEAD") return 200;
  connected = connected && connection->WriteStream(kEventStreamBegin);
  bool in_initial = request.initial();
  for (; connected && event != InProcessStream::Event::kEnd;
       event = stream.Next(kEventStreamSilence, &response)) {
    if (event == InProcessStream::Event::kTimeout) {
      connected = connection->WriteStream(kEventStreamKeepAlive);
      continue;
    }
    const absl::StatusOr<std::string> text = WatchEvents(std::move(response), &in_initial);
    connected =
        connection->WriteStream(text.ok() ? *text : StatusEvent(ToRpcStatus(text.status())));
    if (!text.ok()) break;
  }
  if (!connected) return 200;
  if (event == InProcessStream::Event::kEnd) {
    connection->WriteStream(StatusEvent(RpcStatusOf(stream.status())));
  }
  connection->EndStream();
  return 200;
}

void HttpGateway::Drain(absl::Duration timeout) {
  const absl::Time deadline = MonotonicNow() + timeout;
  calls_.AwaitAllFree(timeout);
  watches_.AwaitAllFree(std::max(absl::ZeroDuration(), deadline - MonotonicNow()));
}

}  // namespace swoosh
