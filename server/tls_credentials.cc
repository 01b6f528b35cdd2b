#include "server/tls_credentials.h"

#include <string>
#include <utility>

#include "core/check.h"
#include "grpc/grpc.h"
#include "grpc/grpc_security.h"

namespace swoosh {
namespace {

// What gRPC's C++ API has no name for: credentials whose certificates are fetched.
class FetchedCredentials final : public grpc::ServerCredentials {
 public:
  // Takes `credentials`.
  explicit FetchedCredentials(grpc_server_credentials* credentials) : credentials_(credentials) {}
  ~FetchedCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    SWOOSH_CHECK(false);  // CallAdmission does what one would do.
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* const credentials_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> TlsCredentials::ForServer() {
  const auto fetch = [](void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<grpc_ssl_certificate_config_reload_status>(
        static_cast<TlsCredentials*>(self)->Fetch(config));
  };
  return std::make_shared<FetchedCredentials>(grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          source_->paths().roots.empty()
              ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
              : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
          fetch, this)));
}

int TlsCredentials::Fetch(grpc_ssl_server_certificate_config** config) {
  std::shared_ptr<const TlsMaterial> newest = source_->current();
  absl::MutexLock lock(&mutex_);
  if (fetched_ == newest) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const grpc_ssl_pem_key_cert_pair pair = {newest->key_pem.c_str(),
                                           newest->certificate_pem.c_str()};
  // gRPC 1.51 wants some roots, also where no client is asked for a certificate and none is used.
  const std::string& roots =
      newest->roots_pem.empty() ? newest->certificate_pem : newest->roots_pem;
  *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
  fetched_ = std::move(newest);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

}  // namespace swoosh
