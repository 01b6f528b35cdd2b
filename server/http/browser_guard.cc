#include "server/http/browser_guard.h"

#include <arpa/inet.h>

#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace swoosh {
namespace {

// ICANN keeps .internal and .local, the others are no top-level domains; .svc and .cluster.local
// are Kubernetes'.
constexpr absl::string_view kPrivateDomains[] = {".localhost", ".local", ".internal", ".svc"};

bool IsAddress(int family, const std::string& text) {
  in6_addr address;
  return inet_pton(family, text.c_str(), &address) == 1;
}

}  // namespace

bool IsPrivateHost(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) {
    const size_t end = host.find(']');
    return end != absl::string_view::npos && IsAddress(AF_INET6, std::string(host.substr(0, end)));
  }
  std::string name = absl::AsciiStrToLower(host.substr(0, host.find(':')));
  if (IsAddress(AF_INET, name)) return true;
  if (absl::EndsWith(name, ".")) name.pop_back();
  for (const char c : name) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '.' && c != '_') return false;
  }
  if (!absl::StrContains(name, '.')) return !name.empty();
  for (const absl::string_view domain : kPrivateDomains) {
    if (absl::EndsWith(name, domain)) return true;
  }
  return false;
}

bool IsJsonType(absl::string_view content_type) {
  return absl::EqualsIgnoreCase(
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))),
      "application/json");
}

}  // namespace swoosh
