#ifndef SWOOSH_SERVER_TLS_CREDENTIALS_H_
#define SWOOSH_SERVER_TLS_CREDENTIALS_H_

#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/security/server_credentials.h"
#include "server/file_watch.h"
#include "server/metrics.h"
#include "server/tls_files.h"

struct grpc_ssl_server_certificate_config;

namespace swoosh {

// Certificates for a gRPC server, read again when the files change. What can't be used is not
// taken: the certificates before it stay in use, and the log and a metric tell. Connections that
// are there keep the ones they were made with.
//
// gRPC's own FileWatcherCertificateProvider takes a key that is not the certificate's, and then
// fails every handshake; so the files are checked here, and gRPC asks for them at each handshake.
//
// Must outlive the server. Thread-safe.
class TlsCredentials {
 public:
  // Reads the files. `metrics` must outlive this.
  //   as ReadTlsFiles
  static absl::StatusOr<std::unique_ptr<TlsCredentials>> Open(const TlsPaths& paths,
                                                              Metrics* metrics);

  // For one server.
  std::shared_ptr<grpc::ServerCredentials> ForServer();

 private:
  TlsCredentials(TlsPaths paths, Metrics* metrics);
  void Load();
  // What gRPC calls: gives the newest certificates, when they are not what was given last.
  int Fetch(grpc_ssl_server_certificate_config** config);

  const TlsPaths paths_;
  Metrics* const metrics_;
  absl::Mutex mutex_;
  TlsMaterial material_ ABSL_GUARDED_BY(mutex_);
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  // of material_; 0: never a good one
  uint64_t fetched_ ABSL_GUARDED_BY(mutex_) = 0;     // the generation given last
  absl::Status loaded_ ABSL_GUARDED_BY(mutex_);      // of the last try
  std::unique_ptr<FileWatch> watch_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_TLS_CREDENTIALS_H_
