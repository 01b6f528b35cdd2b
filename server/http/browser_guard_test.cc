#include "server/http/browser_guard.h"

#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(BrowserGuardTest, NamesThatNoSiteCanHaveArePrivate) {
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:7071", "10.1.2.3:80", "[::1]", "[::1]:7071", "[fe80::1]:1",
        "localhost", "LOCALHOST:7071", "localhost.", "a.localhost", "swoosh", "swoosh:7071",
        "swoosh-0.swoosh.default.svc", "swoosh.default.svc.cluster.local:7071", "desk.local",
        "swoosh.corp.internal"}) {
    EXPECT_TRUE(IsPrivateHost(host)) << host;
  }
}

TEST(BrowserGuardTest, NamesThatASiteCanHaveAreNot) {
  for (const char* host :
       {"", ":7071", "evil.com", "evil.com:7071", "127.0.0.1.evil.com", "localhost.evil.com",
        "127.0.0.1.nip.io:7071", "[evil.com]", "[::1", "svc.evil.com", "notlocalhost.com",
        "swoosh default", "127.1", "a/.local", "evil.com.", "."}) {
    EXPECT_FALSE(IsPrivateHost(host)) << host;
  }
}

TEST(BrowserGuardTest, OnlyJsonIsJson) {
  for (const char* type : {"application/json", "Application/JSON",
                           "application/json; charset=utf-8", " application/json ;x"}) {
    EXPECT_TRUE(IsJsonType(type)) << type;
  }
  // The three that a form has, and more.
  for (const char* type : {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain",
                           "text/plain; application/json", "", "application/json5"}) {
    EXPECT_FALSE(IsJsonType(type)) << type;
  }
}

}  // namespace
}  // namespace swoosh
