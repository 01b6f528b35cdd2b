#ifndef SWOOSH_SERVER_TLS_FILES_H_
#define SWOOSH_SERVER_TLS_FILES_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace swoosh {

inline constexpr size_t kTlsFileBytesMax = 1'024 * 1'024;

// PEM files, as flags name them.
struct TlsPaths {
  std::string certificate;  // the server's, and after it those between it and the root
  std::string key;          // the server's, not encrypted
  std::string client_ca;    // of whom clients must have a certificate; "" = they need none
};

// What TLS is served with: content that belongs together.
struct TlsMaterial {
  std::string certificate_pem;
  std::string key_pem;
  std::string client_ca_pem;
  absl::Time expiry;  // of the server's certificate
};

// Reads the files, and checks at `now` whatever would else fail at each handshake.
//   kInvalidArgument: one is not PEM, is too large or encrypted; key and certificate don't belong
//     together; the certificate has expired
//   kNotFound, …: one can't be read
absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsPaths& paths, absl::Time now);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_TLS_FILES_H_
