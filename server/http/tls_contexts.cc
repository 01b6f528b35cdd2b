#include "server/http/tls_contexts.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <string>

#include "core/check.h"

namespace swoosh {
namespace {

constexpr unsigned char kAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// Calls `take` with each certificate of the PEM text.
template <typename Take>
void ForEachCertificate(const std::string& pem, Take take) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  while (X509* const certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    take(certificate);
    X509_free(certificate);
  }
  BIO_free(bio);
  ERR_clear_error();  // its end
}

// Source has checked all of it.
void UseOwn(const TlsMaterial& material, SSL_CTX* context) {
  bool is_first = true;
  ForEachCertificate(material.certificate_pem, [&](X509* certificate) {
    const int used = is_first ? SSL_CTX_use_certificate(context, certificate)
                              : static_cast<int>(SSL_CTX_add1_chain_cert(context, certificate));
    SWOOSH_CHECK(used == 1);
    is_first = false;
  });
  BIO* const bio =
      BIO_new_mem_buf(material.key_pem.data(), static_cast<int>(material.key_pem.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  SWOOSH_CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
  EVP_PKEY_free(key);
  BIO_free(bio);
}

void UseRoots(const TlsMaterial& material, SSL_CTX* context) {
  if (material.roots_pem.empty()) return;
  ForEachCertificate(material.roots_pem, [&](X509* certificate) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    SSL_CTX_add_client_CA(context, certificate);
  });
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

std::shared_ptr<SSL_CTX> Make(const TlsMaterial& material) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SWOOSH_CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // No session is resumed: each handshake is with the files as they are then.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(
      context.get(),
      [](SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
         const unsigned char* offered, unsigned int offered_bytes, void*) {
        const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_bytes,
                                                kAlpn, sizeof(kAlpn), offered, offered_bytes);
        return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
      },
      nullptr);
  UseOwn(material, context.get());
  UseRoots(material, context.get());
  return context;
}

}  // namespace

std::shared_ptr<SSL_CTX> TlsContexts::Newest() {
  std::shared_ptr<const TlsMaterial> newest = source_->current();
  absl::MutexLock lock(&mutex_);
  if (material_ != newest) {
    newest_ = Make(*newest);
    material_ = std::move(newest);
  }
  return newest_;
}

}  // namespace swoosh
