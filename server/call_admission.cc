#include "server/call_admission.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"
#include "server/in_process_identity.h"

namespace swoosh {
namespace {

constexpr char kAuthorization[] = "authorization";
constexpr absl::string_view kBearer = "bearer ";

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

void AddProperties(const grpc::AuthContext& context, const char* property,
                   std::vector<std::string>* values) {
  for (const grpc::string_ref& value : context.FindPropertyValues(property)) {
    values->emplace_back(value.data(), value.size());
  }
}

Credentials CredentialsOf(const grpc::ServerContextBase& context) {
  Credentials credentials;
  const auto [begin, end] = context.client_metadata().equal_range(kAuthorization);
  for (auto it = begin; it != end; ++it) {
    const absl::string_view value = View(it->second);
    // Two of them, or another scheme, are nobody's: a caller who shows something is told by that.
    const bool first = !credentials.token.has_value();
    credentials.token = first && absl::StartsWithIgnoreCase(value, kBearer)
                            ? std::string(value.substr(kBearer.size()))
                            : std::string();
  }
  credentials.certificate_names = AddedCertificateNames(context);
  if (!credentials.certificate_names.empty()) return credentials;
  const std::shared_ptr<const grpc::AuthContext> connection = context.auth_context();
  // Only what the handshake has verified.
  if (connection == nullptr || !connection->IsPeerAuthenticated()) return credentials;
  AddProperties(*connection, GRPC_X509_SAN_PROPERTY_NAME, &credentials.certificate_names);
  if (credentials.certificate_names.empty()) {
    AddProperties(*connection, GRPC_X509_CN_PROPERTY_NAME, &credentials.certificate_names);
  }
  return credentials;
}

size_t MetadataBytes(const grpc::ServerContextBase& context) {
  constexpr size_t kOverhead = 32;  // RFC 9113, section 6.5.2
  size_t bytes = 0;
  for (const auto& [name, value] : context.client_metadata()) {
    bytes += name.size() + value.size() + kOverhead;
  }
  return bytes;
}

}  // namespace

absl::StatusOr<AdmittedCall> CallAdmission::AdmitStream(const grpc::ServerContextBase& context,
                                                        absl::string_view method,
                                                        v1::Role role) const {
  if (MetadataBytes(context) > kMetadataBytesMax) {
    return MakeError(
        absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED,
        absl::StrCat("the call has more than ", kMetadataBytesMax, " bytes of metadata"));
  }
  return Admit(context, method, role);
}

absl::StatusOr<AdmittedCall> CallAdmission::Admit(const grpc::ServerContextBase& context,
                                                  absl::string_view method, v1::Role role) const {
  AdmittedCall call;
  if (access_ == nullptr) {
    call.grant = Grant::OfEverything();
  } else {
    absl::StatusOr<GrantPtr> grant = access_->Identify(CredentialsOf(context));
    if (!grant.ok()) return grant.status();
    call.grant = *std::move(grant);
    if (absl::Status status = call.grant->CheckMethod(method, role); !status.ok()) return status;
  }
  const absl::StatusOr<const Backend*> backend = serving_->Admit();
  if (!backend.ok()) return backend.status();
  call.backend = *backend;
  return call;
}

}  // namespace swoosh
