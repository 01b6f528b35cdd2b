#ifndef SWOOSH_SERVER_PEER_ADMISSION_H_
#define SWOOSH_SERVER_PEER_ADMISSION_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace swoosh {

// How many connections there may be, and how fast they may come.
struct ConnectionLimits {
  size_t connections_max = 4'096;
  size_t connections_per_address_max = 1'024;
};

// From one address: as many at once as it may hold, then so many a second.
inline constexpr double kConnectionsPerAddressPerSecond = 64;
// For how long an address gets no new connection once one of its own was cut off.
inline constexpr absl::Duration kAddressPenalty = absl::Seconds(30);
// Addresses that are remembered although they have no connection.
inline constexpr size_t kAddressesRememberedMax = 16'384;

// Who is counted as one: an IPv4 address, also in IPv6's guise, or an IPv6 network of 64 bits.
struct PeerAddress {
  bool is_ipv6 = false;
  uint64_t bits = 0;

  static PeerAddress Of(const sockaddr_storage& address);

  friend bool operator==(const PeerAddress& a, const PeerAddress& b) {
    return a.is_ipv6 == b.is_ipv6 && a.bits == b.bits;
  }
  template <typename H>
  friend H AbslHashValue(H hash, const PeerAddress& address) {
    return H::combine(std::move(hash), address.is_ipv6, address.bits);
  }
};

// Decides which connections come in. Not thread-safe.
class PeerAdmission {
 public:
  enum class Verdict : uint8_t {
    kLetIn,
    kTooMany,             // in all
    kTooManyOfAddress,    // that it holds
    kTooFastFromAddress,  // that it opens
    kPenalty,             // as one of its connections was cut off
  };

  explicit PeerAdmission(const ConnectionLimits& limits) : limits_(limits) {}

  // Whether a connection from `address` comes in at `now`; it counts from then on until Leave().
  Verdict Enter(const PeerAddress& address, absl::Time now);
  void Leave(const PeerAddress& address);
  void Penalise(const PeerAddress& address, absl::Time now);

  size_t connections() const { return connections_; }
  size_t addresses() const { return peers_.size(); }  // that are remembered

 private:
  struct Peer {
    size_t connections = 0;
    double may_open = 0;  // as of `refilled`
    absl::Time refilled;
    absl::Time penalty_end = absl::InfinitePast();
  };
  void ForgetThoseWithoutConnections();

  const ConnectionLimits limits_;
  size_t connections_ = 0;
  absl::flat_hash_map<PeerAddress, Peer> peers_;
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_PEER_ADMISSION_H_
