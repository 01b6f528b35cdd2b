#ifndef SWOOSH_SERVER_HTTP_TLS_CONTEXTS_H_
#define SWOOSH_SERVER_HTTP_TLS_CONTEXTS_H_

#include <openssl/ssl.h>

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/tls_source.h"

namespace swoosh {

// What OpenSSL serves HTTP with: TLS 1.2 and 1.3, with the newest files of a source. Where those
// have roots, a client is asked for a certificate; he may show none (probes have none, and are
// served all the same), and one that is none of theirs ends the handshake. Thread-safe.
class TlsContexts {
 public:
  // `source` must outlive this.
  explicit TlsContexts(const TlsSource* source) : source_(source) {}

  bool asks_for_certificates() const { return !source_->paths().roots.empty(); }

  // For one connection, which may keep it. Never null.
  std::shared_ptr<SSL_CTX> Newest();

 private:
  const TlsSource* const source_;
  absl::Mutex mutex_;
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mutex_);  // that newest_ is made of
  std::shared_ptr<SSL_CTX> newest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_TLS_CONTEXTS_H_
