#ifndef SWOOSH_SERVER_TLS_FILES_H_
#define SWOOSH_SERVER_TLS_FILES_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace swoosh {

inline constexpr size_t kTlsFileBytesMax = 1'024 * 1'024;

// PEM files, as flags name them. "" = there is none: of certificate and key together, of the roots,
// or of all.
struct TlsPaths {
  std::string certificate;  // our own, and after it those between it and the root
  std::string key;          // our own, not encrypted
  std::string roots;        // of whom the other side must have a certificate
};

// What TLS is spoken with: content that belongs together.
struct TlsMaterial {
  std::string certificate_pem;
  std::string key_pem;
  std::string roots_pem;
  absl::Time expiry = absl::InfiniteFuture();  // of our own certificate
};

// Reads the files, and checks at `now` whatever would else fail at each handshake.
//   kInvalidArgument: one is not PEM, is too large or encrypted; key and certificate don't belong
//     together; the certificate has expired
//   kNotFound, …: one can't be read
absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsPaths& paths, absl::Time now);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_TLS_FILES_H_
