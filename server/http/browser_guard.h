#ifndef SWOOSH_SERVER_HTTP_BROWSER_GUARD_H_
#define SWOOSH_SERVER_HTTP_BROWSER_GUARD_H_

#include "absl/strings/string_view.h"

// A page of any site runs in the browser of somebody who can reach this server, and may not use it.
// It can't read answers, since none has a CORS header; it can't submit, since a form has no JSON;
// and what is left is here. Programs are not concerned. Thread-safe.
namespace swoosh {

// Whether no site can have given its own name to this server's address (DNS rebinding): `host`, the
// value of the header, is an IP address, localhost, a name without a dot, or one under a domain
// that is never public: localhost, local, internal, svc, cluster.local. With or without a port.
bool IsPrivateHost(absl::string_view host);

// Whether a value of Content-Type is JSON, whatever its parameters.
bool IsJsonType(absl::string_view content_type);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_BROWSER_GUARD_H_
