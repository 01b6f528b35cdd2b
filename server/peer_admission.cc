#include "server/peer_admission.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace swoosh {

PeerAddress PeerAddress::Of(const sockaddr_storage& address) {
  PeerAddress peer;
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, &address, sizeof(ipv6));
    if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
      std::memcpy(&peer.bits, &ipv6.sin6_addr.s6_addr[12], 4);
    } else {
      peer.is_ipv6 = true;
      std::memcpy(&peer.bits, &ipv6.sin6_addr, sizeof(peer.bits));
    }
  } else if (address.ss_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &address, sizeof(ipv4));
    peer.bits = ipv4.sin_addr.s_addr;
  }
  return peer;
}

PeerAdmission::Verdict PeerAdmission::Enter(const PeerAddress& address, absl::Time now) {
  if (connections_ >= limits_.connections_max) return Verdict::kTooMany;
  if (peers_.size() >= kAddressesRememberedMax + limits_.connections_max) {
    ForgetThoseWithoutConnections();
  }
  const auto may_open_most = static_cast<double>(limits_.connections_per_address_max);
  const auto [it, is_new] = peers_.try_emplace(address);
  Peer& peer = it->second;
  if (is_new) {
    peer.may_open = may_open_most;
    peer.refilled = now;
  }
  if (now < peer.penalty_end) return Verdict::kPenalty;
  if (peer.connections >= limits_.connections_per_address_max) return Verdict::kTooManyOfAddress;
  peer.may_open += absl::ToDoubleSeconds(now - peer.refilled) * kConnectionsPerAddressPerSecond;
  peer.may_open = std::min(peer.may_open, may_open_most);
  peer.refilled = now;
  if (peer.may_open < 1) return Verdict::kTooFastFromAddress;
  peer.may_open -= 1;
  ++peer.connections;
  ++connections_;
  return Verdict::kLetIn;
}

void PeerAdmission::Leave(const PeerAddress& address) {
  const auto it = peers_.find(address);
  SWOOSH_CHECK(it != peers_.end() && it->second.connections > 0);
  --it->second.connections;
  --connections_;
}

void PeerAdmission::Penalise(const PeerAddress& address, absl::Time now) {
  peers_[address].penalty_end = now + kAddressPenalty;
}

void PeerAdmission::ForgetThoseWithoutConnections() {
  absl::erase_if(peers_, [](const auto& peer) { return peer.second.connections == 0; });
}

}  // namespace swoosh
