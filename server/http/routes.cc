#include "server/http/routes.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "swoosh/v1/admin.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

template <typename Request, typename Response>
HttpRoute Route(absl::string_view verb, absl::string_view path, const char* method,
                bool is_stream = false) {
  return {verb,     path, method, &Request::default_instance(), &Response::default_instance(),
          is_stream};
}

// Whether the path is one of the pattern's; then adds what stands for its braces.
absl::StatusOr<bool> MatchPath(absl::string_view pattern, absl::string_view path,
                               Parameters* fields) {
  const std::vector<absl::string_view> expected = absl::StrSplit(pattern, '/');
  const std::vector<absl::string_view> segments = absl::StrSplit(path, '/');
  if (expected.size() != segments.size()) return false;
  Parameters found;
  for (size_t i = 0; i < expected.size(); ++i) {
    absl::string_view field = expected[i];
    if (!absl::ConsumePrefix(&field, "{")) {
      if (segments[i] != expected[i]) return false;
      continue;
    }
    absl::ConsumeSuffix(&field, "}");
    absl::StatusOr<std::string> value = PercentDecode(segments[i], /*plus_is_space=*/false);
    if (!value.ok()) return value.status();
    found.emplace_back(std::string(field), *std::move(value));
  }
  *fields = std::move(found);
  return true;
}

}  // namespace

absl::Span<const HttpRoute> HttpRoutes() {
  static const auto* const kRoutes = new std::vector<HttpRoute>{
      Route<v1::GetStateRequest, v1::StateSummary>("GET", "/v1/state",
                                                   "/swoosh.v1.Orchestrator/GetState"),
      Route<v1::ListInstancesRequest, v1::ListInstancesResponse>(
          "GET", "/v1/instances", "/swoosh.v1.Orchestrator/ListInstances"),
      Route<v1::GetInstanceRequest, v1::Instance>("GET", "/v1/instances/{instance_id}",
                                                  "/swoosh.v1.Orchestrator/GetInstance"),
      Route<v1::ListRecordsRequest, v1::ListRecordsResponse>(
          "GET", "/v1/instances/{instance_id}/history", "/swoosh.v1.Orchestrator/ListRecords"),
      Route<v1::ListMachinesRequest, v1::ListMachinesResponse>(
          "GET", "/v1/machines", "/swoosh.v1.Orchestrator/ListMachines"),
      Route<v1::GetMachineRequest, v1::Machine>("GET", "/v1/machines/{name}",
                                                "/swoosh.v1.Orchestrator/GetMachine"),
      Route<v1::ListRecordsRequest, v1::ListRecordsResponse>("GET", "/v1/records",
                                                             "/swoosh.v1.Orchestrator/ListRecords"),
      Route<v1::GetStatusRequest, v1::ServerStatus>("GET", "/v1/status",
                                                    "/swoosh.v1.Admin/GetStatus"),
      Route<v1::SubmitRequest, v1::SubmitResponse>("POST", "/v1/submit",
                                                   "/swoosh.v1.Orchestrator/Submit"),
      Route<v1::WatchRequest, v1::WatchResponse>(
          "GET", "/v1/watch", "/swoosh.v1.Orchestrator/Watch", /*is_stream=*/true),
  };
  return *kRoutes;
}

HttpMatch MatchRoute(absl::string_view verb, absl::string_view path) {
  HttpMatch match;
  if (verb == "HEAD") verb = "GET";
  for (const HttpRoute& route : HttpRoutes()) {
    const absl::StatusOr<bool> matches = MatchPath(route.path, path, &match.path_fields);
    if (!matches.ok()) match.error = matches.status();
    if (!matches.value_or(false)) continue;
    match.allow = route.verb == "GET" ? "GET, HEAD" : std::string(route.verb);
    if (route.verb == verb) match.route = &route;
    break;
  }
  return match;
}

}  // namespace swoosh
