#include "server/peer_admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

using Verdict = PeerAdmission::Verdict;

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1);

PeerAddress Ipv4(const char* text) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1);
  sockaddr_storage storage = {};
  std::memcpy(&storage, &address, sizeof(address));
  return PeerAddress::Of(storage);
}

PeerAddress Ipv6(const char* text) {
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
  sockaddr_storage storage = {};
  std::memcpy(&storage, &address, sizeof(address));
  return PeerAddress::Of(storage);
}

TEST(PeerAddressTest, IsAnIpv4AddressOrANetworkOf64Bits) {
  EXPECT_EQ(Ipv4("192.0.2.1"), Ipv4("192.0.2.1"));
  EXPECT_FALSE(Ipv4("192.0.2.1") == Ipv4("192.0.2.2"));
  EXPECT_EQ(Ipv4("192.0.2.1"), Ipv6("::ffff:192.0.2.1"));
  EXPECT_EQ(Ipv6("2001:db8:0:1::1"), Ipv6("2001:db8:0:1:ffff::2"));
  EXPECT_FALSE(Ipv6("2001:db8:0:1::1") == Ipv6("2001:db8:0:2::1"));
  EXPECT_FALSE(Ipv4("0.0.0.0") == Ipv6("::"));
}

TEST(PeerAdmissionTest, BoundsTheConnectionsInAllAndOfAnAddress) {
  PeerAdmission admission({.connections_max = 3, .connections_per_address_max = 2});
  const PeerAddress a = Ipv4("192.0.2.1");
  const PeerAddress b = Ipv4("192.0.2.2");
  EXPECT_EQ(admission.Enter(a, kNow), Verdict::kLetIn);
  EXPECT_EQ(admission.Enter(a, kNow), Verdict::kLetIn);
  EXPECT_EQ(admission.Enter(a, kNow), Verdict::kTooManyOfAddress);
  EXPECT_EQ(admission.Enter(b, kNow), Verdict::kLetIn);
  EXPECT_EQ(admission.Enter(b, kNow), Verdict::kTooMany);
  EXPECT_EQ(admission.connections(), 3u);
  admission.Leave(a);
  EXPECT_EQ(admission.Enter(b, kNow), Verdict::kLetIn);
}

TEST(PeerAdmissionTest, BoundsHowFastAnAddressComes) {
  PeerAdmission admission({.connections_max = 100, .connections_per_address_max = 10});
  const PeerAddress a = Ipv4("192.0.2.1");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(admission.Enter(a, kNow), Verdict::kLetIn) << i;
    admission.Leave(a);
  }
  EXPECT_EQ(admission.Enter(a, kNow), Verdict::kTooFastFromAddress);
  EXPECT_EQ(admission.Enter(Ipv4("192.0.2.2"), kNow), Verdict::kLetIn) << "others do come in";
  const absl::Time later = kNow + absl::Seconds(1.5 / kConnectionsPerAddressPerSecond);
  EXPECT_EQ(admission.Enter(a, later), Verdict::kLetIn);
  admission.Leave(a);
  EXPECT_EQ(admission.Enter(a, later), Verdict::kTooFastFromAddress);
}

TEST(PeerAdmissionTest, AnAddressWithAPenaltyWaitsAndKeepsItsConnections) {
  PeerAdmission admission({.connections_max = 100, .connections_per_address_max = 10});
  const PeerAddress a = Ipv4("192.0.2.1");
  EXPECT_EQ(admission.Enter(a, kNow), Verdict::kLetIn);
  admission.Penalise(a, kNow);
  EXPECT_EQ(admission.connections(), 1u);
  const absl::Time end = kNow + kAddressPenalty;
  EXPECT_EQ(admission.Enter(a, end - absl::Milliseconds(1)), Verdict::kPenalty);
  EXPECT_EQ(admission.Enter(Ipv4("192.0.2.2"), kNow), Verdict::kLetIn);
  EXPECT_EQ(admission.Enter(a, end), Verdict::kLetIn);
}

TEST(PeerAdmissionTest, ForgetsAddressesWithoutConnectionsWhenThereAreVeryMany) {
  PeerAdmission admission({.connections_max = 2, .connections_per_address_max = 1});
  const PeerAddress held = {false, 1};
  EXPECT_EQ(admission.Enter(held, kNow), Verdict::kLetIn);
  for (uint64_t i = 2; i < 3 * kAddressesRememberedMax; ++i) {
    const PeerAddress each = {true, i};
    ASSERT_EQ(admission.Enter(each, kNow), Verdict::kLetIn);
    admission.Leave(each);
    ASSERT_LE(admission.addresses(), kAddressesRememberedMax + 2);
  }
  EXPECT_EQ(admission.Enter(held, kNow), Verdict::kTooManyOfAddress) << "it is not forgotten";
}

}  // namespace
}  // namespace swoosh
