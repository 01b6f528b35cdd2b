#include "server/certificate_names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include <array>

namespace swoosh {
namespace {

std::string BytesOf(const ASN1_STRING* text) {
  const auto* const bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
  return std::string(bytes, ASN1_STRING_length(text));
}

// "" if it is none.
std::string AddressOf(const std::string& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text = {};
  const bool is_v4 = bytes.size() == sizeof(in_addr);
  if (!is_v4 && bytes.size() != sizeof(in6_addr)) return "";
  inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::string NameOf(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI:
      return BytesOf(name.d.ia5);
    case GEN_IPADD:
      return AddressOf(BytesOf(name.d.iPAddress));
    default:
      return "";
  }
}

std::string CommonName(const X509& certificate) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "";
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return "";
  std::string name(reinterpret_cast<const char*>(utf8), size);
  OPENSSL_free(utf8);
  return name;
}

}  // namespace

std::vector<std::string> CertificateNames(const X509& certificate) {
  std::vector<std::string> names;
  auto* const alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    std::string name = NameOf(*sk_GENERAL_NAME_value(alternatives, i));
    if (!name.empty()) names.push_back(std::move(name));
  }
  GENERAL_NAMES_free(alternatives);
  if (names.empty()) {
    std::string name = CommonName(certificate);
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace swoosh
