#ifndef SWOOSH_SERVER_CERTIFICATE_NAMES_H_
#define SWOOSH_SERVER_CERTIFICATE_NAMES_H_

#include <openssl/x509.h>

#include <string>
#include <vector>

namespace swoosh {

// Who a certificate is of, as gRPC tells it: its subject alternative names (DNS names, URIs, mail
// and IP addresses as text), or without any its common name. Pure.
std::vector<std::string> CertificateNames(const X509& certificate);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_CERTIFICATE_NAMES_H_
