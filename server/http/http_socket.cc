#include "server/http/http_socket.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "server/certificate_names.h"
#include "server/monotonic_time.h"

namespace swoosh {
namespace {

absl::Status Gone() { return absl::UnavailableError("the peer is gone"); }

bool IsToWait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

HttpSocket::~HttpSocket() {
  if (tls_ != nullptr && !tls_is_broken_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
  close(file_);
}

absl::Status HttpSocket::StartTls(SSL_CTX* context, absl::Time deadline) {
  tls_.reset(SSL_new(context));
  if (tls_ == nullptr || SSL_set_fd(tls_.get(), file_) != 1) return Gone();
  while (true) {
    ERR_clear_error();
    const int result = SSL_accept(tls_.get());
    if (result == 1) break;
    short wanted = 0;
    if (WantsMore(result, &wanted)) {
      const absl::Status status = Await(wanted, deadline);
      if (status.ok()) continue;
      tls_is_broken_ = true;
      return status;
    }
    const bool is_clear = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    ERR_clear_error();
    tls_is_broken_ = true;
    if (!is_clear) return absl::UnavailableError("the TLS handshake failed");
    tls_ = nullptr;
    return absl::InvalidArgumentError("this port takes TLS only: ask for https://");
  }
  ReadClientCertificate();
  return absl::OkStatus();
}

void HttpSocket::ReadClientCertificate() {
  X509* const certificate = SSL_get1_peer_certificate(tls_.get());
  if (certificate == nullptr) return;
  has_client_certificate_ = SSL_get_verify_result(tls_.get()) == X509_V_OK;
  if (has_client_certificate_) client_names_ = CertificateNames(*certificate);
  X509_free(certificate);
}

absl::StatusOr<size_t> HttpSocket::Read(char* bytes, size_t bytes_max, absl::Time deadline) {
  while (true) {
    short wanted = 0;
    bool at_end = false;
    const absl::StatusOr<size_t> read = TryRead(bytes, bytes_max, &wanted, &at_end);
    if (!read.ok() || *read > 0 || at_end) return read;
    if (const absl::Status status = Await(wanted, deadline); !status.ok()) return status;
  }
}

absl::Status HttpSocket::Write(absl::string_view text, absl::Time deadline) {
  while (!text.empty()) {
    short wanted = 0;
    const absl::StatusOr<size_t> written = TryWrite(text, &wanted);
    if (!written.ok()) return written.status();
    text.remove_prefix(*written);
    if (*written > 0) {
      // Also of a peer that takes a little at a time.
      if (MonotonicNow() <= deadline) continue;
      return absl::DeadlineExceededError("the peer takes too little");
    }
    const absl::Time patience = std::min(deadline, MonotonicNow() + kHttpByteTimeout);
    if (const absl::Status status = Await(wanted, patience); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool HttpSocket::HasUnread() const {
  char byte = 0;
  return (tls_ != nullptr && SSL_pending(tls_.get()) > 0) ||
         recv(file_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

absl::StatusOr<size_t> HttpSocket::TryRead(char* bytes, size_t bytes_max, short* wanted,
                                           bool* at_end) {
  if (tls_ == nullptr) {
    const ssize_t read = recv(file_, bytes, bytes_max, MSG_DONTWAIT);
    *wanted = POLLIN;
    *at_end = read == 0;
    if (read < 0 && !IsToWait()) return Gone();
    return static_cast<size_t>(std::max<ssize_t>(read, 0));
  }
  ERR_clear_error();
  size_t read = 0;
  const int result = SSL_read_ex(tls_.get(), bytes, bytes_max, &read);
  if (result == 1) return read;
  if (WantsMore(result, wanted)) return 0;
  *at_end = SSL_get_error(tls_.get(), result) == SSL_ERROR_ZERO_RETURN;
  if (*at_end) return 0;
  ERR_clear_error();
  tls_is_broken_ = true;
  return Gone();
}

absl::StatusOr<size_t> HttpSocket::TryWrite(absl::string_view text, short* wanted) {
  if (tls_ == nullptr) {
    const ssize_t sent = send(file_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    *wanted = POLLOUT;
    if (sent < 0 && !IsToWait()) return Gone();
    return static_cast<size_t>(std::max<ssize_t>(sent, 0));
  }
  ERR_clear_error();
  size_t written = 0;
  const int result = SSL_write_ex(tls_.get(), text.data(), text.size(), &written);
  if (result == 1) return written;
  if (WantsMore(result, wanted)) return 0;
  ERR_clear_error();
  tls_is_broken_ = true;
  return Gone();
}

bool HttpSocket::WantsMore(int result, short* wanted) const {
  const int error = SSL_get_error(tls_.get(), result);
  *wanted = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

absl::Status HttpSocket::Await(short wanted, absl::Time deadline) const {
  while (true) {
    const absl::Duration left = deadline - MonotonicNow();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError("the peer keeps the server waiting");
    }
    pollfd files[] = {{file_, wanted, 0}, {stop_, POLLIN, 0}};
    // Rounded up, so that it is not called in vain.
    const auto timeout_ms = static_cast<int>(absl::ToInt64Milliseconds(left)) + 1;
    const int ready = poll(files, 2, timeout_ms);
    if (ready < 0 && errno != EINTR) return Gone();
    if (ready <= 0) continue;
    if (files[0].revents != 0) return absl::OkStatus();
    return absl::CancelledError("the server stops");
  }
}

}  // namespace swoosh
