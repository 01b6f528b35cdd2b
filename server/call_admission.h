#ifndef SWOOSH_SERVER_CALL_ADMISSION_H_
#define SWOOSH_SERVER_CALL_ADMISSION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "server/access_control.h"
#include "server/grant.h"
#include "server/serving.h"
#include "swoosh/v1/access.pb.h"

namespace swoosh {

// As gRPC counts them: names, values, and 32 bytes for each.
inline constexpr int kMetadataBytesMax = 16 * 1'024;

// A call that may begin: what it works on, and what its caller may do.
struct AdmittedCall {
  const Backend* backend = nullptr;
  GrantPtr grant;
};

// Where every call of Orchestrator and Admin comes in, unary or stream, from a socket or from this
// process' own HTTP gateway: says who calls, whether he may call this method, and whether the
// server takes requests. (grpc.health.v1 and reflection don't come here: they are open.)
// Thread-safe.
class CallAdmission {
 public:
  // `access` is null when the server runs without --auth: then everybody may do everything. Both
  // outlive this.
  CallAdmission(const Serving* serving, const AccessControl* access)
      : serving_(serving), access_(access) {}

  // `method` for people, and the least role that may call it. What the request is about is left to
  // Grant::CheckRequest.
  //   kUnauthenticated: CREDENTIALS_UNKNOWN; kPermissionDenied: ROLE_DENIED; as Serving::Admit
  absl::StatusOr<AdmittedCall> Admit(const grpc::ServerContextBase& context,
                                     absl::string_view method, v1::Role role) const;

  // The same for a call that lasts, and with it its metadata: of those whose client has not
  // acknowledged the server's settings, gRPC takes 16 MiB, packed in a few kilobytes.
  //   as Admit; kResourceExhausted: LIMIT_REACHED, more metadata than kMetadataBytesMax
  absl::StatusOr<AdmittedCall> AdmitStream(const grpc::ServerContextBase& context,
                                           absl::string_view method, v1::Role role) const;

 private:
  const Serving* const serving_;
  const AccessControl* const access_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_CALL_ADMISSION_H_
