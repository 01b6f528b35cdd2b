#include "server/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

// The whole answer to `method path`, headers included.
std::string Ask(int port, const std::string& method, const std::string& path) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request =
      absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(write(connection, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4'096];
  for (ssize_t n; (n = read(connection, buffer, sizeof(buffer))) > 0;) answer.append(buffer, n);
  close(connection);
  return answer;
}

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = HttpServer::Start(
        {"127.0.0.1", 0}, {[] { return std::string("m 1\n"); }, [this] { return healthy_.load(); },
                           [this] { return ready_.load(); }});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    ASSERT_NE(server_->port(), 0);
  }
  std::string Get(const std::string& path) { return Ask(server_->port(), "GET", path); }

  std::atomic<bool> healthy_{true};
  std::atomic<bool> ready_{false};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, MetricsAreInPrometheusTextFormat) {
  const std::string answer = Get("/metrics");
  EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "text/plain; version=0.0.4")) << answer;
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\nm 1\n")) << answer;
}

TEST_F(HttpServerTest, HealthAndReadinessFollowTheServer) {
  EXPECT_TRUE(absl::StrContains(Get("/healthz"), " 200 "));
  EXPECT_TRUE(absl::StrContains(Get("/readyz"), " 503 "));
  ready_ = true;
  EXPECT_TRUE(absl::StrContains(Get("/readyz"), " 200 "));
  healthy_ = false;
  EXPECT_TRUE(absl::StrContains(Get("/healthz"), " 503 "));
}

TEST_F(HttpServerTest, OtherMethodsAndPathsAreRefused) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const std::string answer = Ask(server_->port(), method, "/metrics");
    EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 405 ")) << method << "\n" << answer;
    EXPECT_TRUE(absl::StrContains(answer, "Allow: GET, HEAD\r\n")) << answer;
  }
  for (const char* path : {"/", "/metrics/", "/etc/passwd", "/../BUILD.bazel"}) {
    EXPECT_TRUE(absl::StartsWith(Get(path), "HTTP/1.1 404 ")) << path;
  }
}

TEST_F(HttpServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  const std::string answer = Ask(server_->port(), "HEAD", "/metrics");
  EXPECT_TRUE(absl::StrContains(answer, "Content-Length: 4\r\n")) << answer;
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, AnAddressInUseIsNamed) {
  const auto second = HttpServer::Start({"127.0.0.1", server_->port()}, {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(second.status().message(), absl::StrCat(server_->port())))
      << second.status();
}

TEST(HttpServerAddressTest, LocalhostIsUnderstood) {
  const auto server = HttpServer::Start({"localhost", 0}, {});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_NE((*server)->port(), 0);
}

}  // namespace
}  // namespace swoosh
