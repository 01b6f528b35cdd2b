#include "server/connection_stats.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "grpc/grpc.h"
#include "grpc/support/alloc.h"

namespace swoosh {
namespace {

// gRPC's JSON is compact, has numbers as strings, and no name in it can hold a quote.
std::string Take(char* json) {
  if (json == nullptr) return "";
  std::string text = json;
  gpr_free(json);
  return text;
}

// What follows `"key":"` up to the next quote, behind `*from`, which goes past it. Unset when there
// is none.
std::optional<absl::string_view> NextText(absl::string_view json, absl::string_view key,
                                          size_t* from) {
  const std::string begin = absl::StrCat("\"", key, "\":\"");
  const size_t found = json.find(begin, *from);
  if (found == absl::string_view::npos) return std::nullopt;
  const size_t first = found + begin.size();
  const size_t last = json.find('"', first);
  if (last == absl::string_view::npos) return std::nullopt;
  *from = last;
  return json.substr(first, last - first);
}

// 0 when it is not there, as gRPC leaves zeros out.
int64_t Number(absl::string_view json, absl::string_view key) {
  size_t from = 0;
  int64_t number = 0;
  const std::optional<absl::string_view> text = NextText(json, key, &from);
  return text.has_value() && absl::SimpleAtoi(*text, &number) ? number : 0;
}

}  // namespace

intptr_t NewestGrpcServer() {
  intptr_t newest = 0;
  while (true) {
    const std::string json = Take(grpc_channelz_get_servers(newest + 1));
    const intptr_t before = newest;
    size_t from = 0;
    while (const std::optional<absl::string_view> text = NextText(json, "serverId", &from)) {
      int64_t id = 0;
      if (absl::SimpleAtoi(*text, &id)) newest = std::max<intptr_t>(newest, id);
    }
    if (newest == before) return newest;
  }
}

std::vector<GrpcConnection> ConnectionsOf(intptr_t server, intptr_t first) {
  const std::string json = Take(grpc_channelz_get_server_sockets(server, first, 0));
  std::vector<GrpcConnection> connections;
  size_t from = 0;
  // {"end":true,"socketRef":[{"name":"chttp2 ipv4:127.0.0.1:5","socketId":"9"},...]}
  while (const std::optional<absl::string_view> name = NextText(json, "name", &from)) {
    const std::optional<absl::string_view> text = NextText(json, "socketId", &from);
    int64_t id = 0;
    if (!text.has_value() || !absl::SimpleAtoi(*text, &id)) break;
    connections.push_back(
        {static_cast<intptr_t>(id), std::string(name->substr(name->rfind(' ') + 1))});
  }
  return connections;
}

std::optional<CallCounts> CallCountsOf(intptr_t connection) {
  const std::string json = Take(grpc_channelz_get_socket(connection));
  if (json.empty()) return std::nullopt;
  CallCounts counts;
  counts.gone_without_answer = Number(json, "streamsFailed");
  counts.gone = counts.gone_without_answer + Number(json, "streamsSucceeded");
  counts.messages = Number(json, "messagesReceived");
  counts.begun = Number(json, "streamsStarted");
  return counts;
}

std::string GrpcPeer(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  sockaddr_in6 ipv6 = {};
  if (address.ss_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &address, sizeof(ipv4));
    inet_ntop(AF_INET, &ipv4.sin_addr, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(ipv4.sin_port));
  }
  std::memcpy(&ipv6, &address, sizeof(ipv6));
  if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
    inet_ntop(AF_INET, &ipv6.sin6_addr.s6_addr[12], text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(ipv6.sin6_port));
  }
  inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof(text));
  // As in a URI: brackets and the percent sign before a scope are escaped.
  const std::string scope = ipv6.sin6_scope_id == 0 ? "" : absl::StrCat("%25", ipv6.sin6_scope_id);
  return absl::StrCat("ipv6:%5B", text, scope, "%5D:", ntohs(ipv6.sin6_port));
}

}  // namespace swoosh
