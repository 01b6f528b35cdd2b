#ifndef SWOOSH_SERVER_TLS_CREDENTIALS_H_
#define SWOOSH_SERVER_TLS_CREDENTIALS_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/security/server_credentials.h"
#include "server/tls_source.h"

struct grpc_ssl_server_certificate_config;

namespace swoosh {

// Certificates for a gRPC server, each handshake with the newest ones of a source.
//
// gRPC's own FileWatcherCertificateProvider takes a key that is not the certificate's, and then
// fails every handshake; so the files are checked by the source, and gRPC asks for them at each
// handshake.
//
// Must outlive the server. Thread-safe.
class TlsCredentials {
 public:
  // `source` must outlive this.
  explicit TlsCredentials(const TlsSource* source) : source_(source) {}

  // For one server.
  std::shared_ptr<grpc::ServerCredentials> ForServer();

 private:
  // What gRPC calls: gives the newest certificates, when they are not what was given last.
  int Fetch(grpc_ssl_server_certificate_config** config);

  const TlsSource* const source_;
  absl::Mutex mutex_;
  std::shared_ptr<const TlsMaterial> fetched_ ABSL_GUARDED_BY(mutex_);  // what was given last
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_TLS_CREDENTIALS_H_
