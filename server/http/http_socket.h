#ifndef SWOOSH_SERVER_HTTP_HTTP_SOCKET_H_
#define SWOOSH_SERVER_HTTP_HTTP_SOCKET_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace swoosh {

// How long a peer may let each byte wait that it is to send or to take.
inline constexpr absl::Duration kHttpByteTimeout = absl::Seconds(5);

// One connection's bytes, in clear or through TLS. Deadlines are of MonotonicNow(). After an error
// there is nothing more to be had of it:
//   kDeadlineExceeded: the peer kept it waiting for too long
//   kCancelled: it had to wait for the peer, and the server stops
//   kUnavailable: the peer is gone, or breaks the rules of TLS
// For one thread. SIGPIPE has to be ignored in the process.
class HttpSocket {
 public:
  // Takes `file`, a connected socket that does not block. The server stops once `stop`, a file that
  // outlives this, can be read.
  HttpSocket(int file, int stop) : file_(file), stop_(stop) {}
  // Says goodbye in TLS, if the peer takes it at once, and closes.
  ~HttpSocket();
  HttpSocket(const HttpSocket&) = delete;
  HttpSocket& operator=(const HttpSocket&) = delete;

  // The handshake, as the server. Bytes go through TLS from then on.
  //   kInvalidArgument: the peer began in clear, as HTTP does; a Write is in clear, too
  absl::Status StartTls(SSL_CTX* context, absl::Time deadline);

  bool is_tls() const { return tls_ != nullptr; }
  // Of the client's certificate, if it has shown one: its subject alternative names, or without any
  // its common name. It is verified.
  bool has_client_certificate() const { return has_client_certificate_; }
  const std::vector<std::string>& client_names() const { return client_names_; }

  // How many bytes came, at most `bytes_max`; 0 at their end.
  absl::StatusOr<size_t> Read(char* bytes, size_t bytes_max, absl::Time deadline);
  // All of `text` is given to the kernel.
  absl::Status Write(absl::string_view text, absl::Time deadline);

  // Whether there are bytes that nobody has read: closing then would destroy what was written and
  // has not arrived yet.
  bool HasUnread() const;

 private:
  struct Freer {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };

  // Bytes read or written; 0: none yet, and `wanted` is what to wait for (POLLIN, POLLOUT).
  absl::StatusOr<size_t> TryRead(char* bytes, size_t bytes_max, short* wanted, bool* at_end);
  absl::StatusOr<size_t> TryWrite(absl::string_view text, short* wanted);
  // Whether `result`, of a TLS operation, only means to wait.
  bool WantsMore(int result, short* wanted) const;
  absl::Status Await(short wanted, absl::Time deadline) const;
  void ReadClientCertificate();

  const int file_;
  const int stop_;
  std::unique_ptr<SSL, Freer> tls_;
  bool tls_is_broken_ = false;
  bool has_client_certificate_ = false;
  std::vector<std::string> client_names_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_HTTP_HTTP_SOCKET_H_
