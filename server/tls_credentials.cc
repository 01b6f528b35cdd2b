#include "server/tls_credentials.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/time/clock.h"
#include "core/check.h"
#include "grpc/grpc.h"
#include "grpc/grpc_security.h"
#include "server/log_line.h"

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

std::vector<std::string> PathsOf(const TlsPaths& paths) {
  std::vector<std::string> all = {paths.certificate, paths.key};
  if (!paths.client_ca.empty()) all.push_back(paths.client_ca);
  return all;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsCredentials>> TlsCredentials::Open(const TlsPaths& paths,
                                                                     Metrics* metrics) {
  auto credentials = absl::WrapUnique(new TlsCredentials(paths, metrics));
  absl::MutexLock lock(&credentials->mutex_);
  if (credentials->generation_ == 0) return credentials->loaded_;
  return credentials;
}

TlsCredentials::TlsCredentials(TlsPaths paths, Metrics* metrics)
    : paths_(std::move(paths)), metrics_(metrics) {
  watch_ = std::make_unique<FileWatch>(PathsOf(paths_), kFileWatchInterval, [this] { Load(); });
}

void TlsCredentials::Load() {
  absl::StatusOr<TlsMaterial> read = ReadTlsFiles(paths_, absl::Now());
  if (read.ok()) {
    LogLine(LogLevel::kInfo, "certificate_loaded")
        .With("path", paths_.certificate)
        .With("expiry", absl::FormatTime(read->expiry, absl::UTCTimeZone()));
    metrics_->certificate_reloads_ok.Increment();
    metrics_->certificate_expiry_timestamp_seconds.Set(
        absl::ToDoubleSeconds(read->expiry - absl::UnixEpoch()));
  } else {
    LogLine(LogLevel::kError, "certificate_refused").With("error", read.status().message());
    metrics_->certificate_reloads_failed.Increment();
  }
  absl::MutexLock lock(&mutex_);
  loaded_ = read.status();
  if (!read.ok()) return;
  material_ = *std::move(read);
  ++generation_;
}

std::shared_ptr<grpc::ServerCredentials> TlsCredentials::ForServer() {
  const auto fetch = [](void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<grpc_ssl_certificate_config_reload_status>(
        static_cast<TlsCredentials*>(self)->Fetch(config));
  };
  return std::make_shared<FetchedCredentials>(grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          paths_.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                   : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
          fetch, this)));
}

int TlsCredentials::Fetch(grpc_ssl_server_certificate_config** config) {
  absl::MutexLock lock(&mutex_);
  if (fetched_ == generation_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const grpc_ssl_pem_key_cert_pair pair = {material_.key_pem.c_str(),
                                           material_.certificate_pem.c_str()};
  // gRPC 1.51 wants some roots, also where no client is asked for a certificate and none is used.
  const std::string& roots =
      material_.client_ca_pem.empty() ? material_.certificate_pem : material_.client_ca_pem;
  *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
  fetched_ = generation_;
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

}  // namespace swoosh
