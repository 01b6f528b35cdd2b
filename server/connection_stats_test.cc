#include "server/connection_stats.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::string PeerOf(int family, const char* text, int port, uint32_t scope = 0) {
  sockaddr_storage storage = {};
  if (family == AF_INET) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1);
    std::memcpy(&storage, &address, sizeof(address));
  } else {
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<in_port_t>(port));
    address.sin6_scope_id = scope;
    EXPECT_EQ(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    std::memcpy(&storage, &address, sizeof(address));
  }
  return GrpcPeer(storage);
}

// tests/connection_limits_test.py shows that gRPC writes them so.
TEST(ConnectionStatsTest, WritesAddressesAsGrpcDoes) {
  EXPECT_EQ(PeerOf(AF_INET, "192.0.2.1", 50'000), "ipv4:192.0.2.1:50000");
  EXPECT_EQ(PeerOf(AF_INET6, "::ffff:192.0.2.1", 7), "ipv4:192.0.2.1:7");
  EXPECT_EQ(PeerOf(AF_INET6, "2001:db8::1", 65'535), "ipv6:%5B2001:db8::1%5D:65535");
  EXPECT_EQ(PeerOf(AF_INET6, "fe80::1", 7, 2), "ipv6:%5Bfe80::1%252%5D:7");
}

TEST(ConnectionStatsTest, ThereIsNothingAboutWhatIsNotThere) {
  EXPECT_EQ(NewestGrpcServer(), 0);
  EXPECT_TRUE(ConnectionsOf(1, 0).empty());
  EXPECT_FALSE(CallCountsOf(1).has_value());
}

}  // namespace
}  // namespace swoosh
