#include "server/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/small_file.h"

namespace swoosh {
namespace {

template <typename Object, void (*Free)(Object*)>
struct Freer {
  void operator()(Object* object) const { Free(object); }
};
using Bio = std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;

absl::Status Bad(const std::string& path, absl::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

Bio Open(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Nobody is there to type a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<std::vector<Certificate>> ParseCertificates(const std::string& path,
                                                           const std::string& pem) {
  std::vector<Certificate> certificates;
  const Bio bio = Open(pem);
  while (Certificate each{PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)}) {
    certificates.push_back(std::move(each));
  }
  // Only what ends for lack of another one has ended well.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) return Bad(path, "holds a certificate that is damaged");
  if (certificates.empty()) return Bad(path, "holds no certificate in PEM");
  return certificates;
}

absl::StatusOr<absl::Time> ExpiryOf(const X509& certificate) {
  std::tm fields = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &fields) != 1) {
    return absl::InvalidArgumentError("its time of expiry can't be read");
  }
  return absl::FromTM(fields, absl::UTCTimeZone());
}

// Whether certificate and key can be used; when the certificate expires.
absl::StatusOr<absl::Time> CheckOwn(const TlsPaths& paths, const TlsMaterial& material,
                                    absl::Time now) {
  auto certificates = ParseCertificates(paths.certificate, material.certificate_pem);
  if (!certificates.ok()) return certificates.status();
  X509& own = *certificates->front();
  const Bio key_bio = Open(material.key_pem);
  const Key key{PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr)};
  if (key == nullptr) return Bad(paths.key, "holds no private key in PEM, or an encrypted one");
  if (X509_check_private_key(&own, key.get()) != 1) {
    return Bad(paths.key, absl::StrCat("is not the key of ", paths.certificate));
  }
  absl::StatusOr<absl::Time> expiry = ExpiryOf(own);
  if (!expiry.ok()) return Bad(paths.certificate, expiry.status().message());
  if (*expiry <= now) {
    return Bad(paths.certificate, absl::StrCat("has expired at ", absl::FormatTime(*expiry)));
  }
  return expiry;
}

}  // namespace

absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsPaths& paths, absl::Time now) {
  TlsMaterial material;
  const std::pair<const std::string*, std::string*> files[] = {
      {&paths.certificate, &material.certificate_pem},
      {&paths.key, &material.key_pem},
      {&paths.roots, &material.roots_pem}};
  for (const auto& [path, content] : files) {
    if (path->empty()) continue;
    absl::StatusOr<std::string> read = ReadSmallFile(*path, kTlsFileBytesMax);
    if (!read.ok()) return read.status();
    *content = *std::move(read);
  }
  if (!paths.certificate.empty()) {
    const absl::StatusOr<absl::Time> expiry = CheckOwn(paths, material, now);
    if (!expiry.ok()) return expiry.status();
    material.expiry = *expiry;
  }
  if (!paths.roots.empty()) {
    const auto roots = ParseCertificates(paths.roots, material.roots_pem);
    if (!roots.ok()) return roots.status();
  }
  return material;
}

}  // namespace swoosh
