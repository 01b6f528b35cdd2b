#include "server/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

int Connect(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return connection;
}

// The whole answer to a request, headers included. The client sends no more.
std::string AskRaw(int port, const std::string& request) {
  const int connection = Connect(port);
  EXPECT_EQ(write(connection, request.data(), request.size()),
            static_cast<ssize_t>(request.size()));
  shutdown(connection, SHUT_WR);
  std::string answer;
  char buffer[4'096];
  for (ssize_t n; (n = read(connection, buffer, sizeof(buffer))) > 0;) answer.append(buffer, n);
  close(connection);
  return answer;
}

std::string Ask(int port, const std::string& method, const std::string& path) {
  return AskRaw(
      port, absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
}

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started =
        HttpServer::Start({"127.0.0.1", 0},
                          {[] { return std::string("m 1\n"); }, [this] { return healthy_.load(); },
                           [this] { return ready_.load(); },
                           [this](HttpConnection* request) { return gateway_(request); }},
                          /*tls=*/nullptr);
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    ASSERT_NE(server_->port(), 0);
  }
  std::string Get(const std::string& path) { return Ask(server_->port(), "GET", path); }

  std::function<int(HttpConnection*)> gateway_;
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

TEST_F(HttpServerTest, OtherMethodsAreRefused) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const std::string answer = Ask(server_->port(), method, "/metrics");
    EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 405 ")) << method << "\n" << answer;
    EXPECT_TRUE(absl::StrContains(answer, "Allow: GET, HEAD\r\n")) << answer;
  }
}

TEST_F(HttpServerTest, ThePageIsAtTheRoot) {
  const std::string answer = Get("/");
  EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "Content-Security-Policy: default-src 'self';")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "\r\nCache-Control: no-cache\r\n")) << answer;
  EXPECT_TRUE(absl::StrContains(answer, "\r\n\r\n<!doctype html>")) << answer;
  EXPECT_TRUE(absl::StartsWith(Get("/page/nothing"), "HTTP/1.1 404 "));
  EXPECT_TRUE(absl::StartsWith(Ask(server_->port(), "POST", "/"), "HTTP/1.1 405 "));
  const size_t etag = answer.find("ETag: ") + 6;
  const std::string known =
      AskRaw(server_->port(),
             absl::StrCat("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: ",
                          answer.substr(etag, answer.find('\r', etag) - etag), "\r\n\r\n"));
  EXPECT_TRUE(absl::StartsWith(known, "HTTP/1.1 304 Not Modified\r\n")) << known;
  EXPECT_TRUE(absl::EndsWith(known, "\r\n\r\n")) << known;
}

TEST_F(HttpServerTest, AnyOtherPathIsForTheGatewayAsItStands) {
  gateway_ = [](HttpConnection* request) {
    HttpAnswer answer;
    answer.code = 404;
    answer.body = absl::StrCat(request->method(), " ", request->path(), " ", request->query());
    return request->Answer(answer);
  };
  for (const char* path :
       {"/page", "/metrics/", "/etc/passwd", "/../BUILD.bazel", "/a%2Fb", "/%00"}) {
    const std::string answer = Get(path);
    EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 404 ")) << path;
    EXPECT_TRUE(absl::EndsWith(answer, absl::StrCat("GET ", path, " "))) << answer;
  }
  EXPECT_TRUE(absl::EndsWith(Ask(server_->port(), "PUT", "/x?a=%41+b"), "PUT /x a=%41+b"));
}

TEST_F(HttpServerTest, ABodyIsReadWholeOrNotAtAll) {
  gateway_ = [](HttpConnection* request) {
    const auto body = request->ReadBody(5);
    HttpAnswer answer;
    answer.body = body.ok() ? *body : body.status().ToString();
    return request->Answer(answer);
  };
  const auto post = [this](const std::string& headers_and_body) {
    return AskRaw(server_->port(), absl::StrCat("POST /x HTTP/1.1\r\n", headers_and_body));
  };
  EXPECT_TRUE(absl::EndsWith(post("Content-Length: 5\r\n\r\n12345"), "\r\n\r\n12345"));
  EXPECT_TRUE(absl::EndsWith(post("\r\n"), "\r\n\r\n"));
  EXPECT_TRUE(absl::StrContains(post("Content-Length: 6\r\n\r\n123456"), "OUT_OF_RANGE"));
  EXPECT_TRUE(absl::StrContains(post("Content-Length: 99999999999999\r\n\r\n"), "OUT_OF_RANGE"));
  EXPECT_TRUE(absl::StrContains(post("Content-Length: 5\r\n\r\n123"), "INVALID_ARGUMENT"));
  const std::string chunked = "Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n";
  EXPECT_TRUE(absl::EndsWith(post(chunked + "2\r\n45\r\n0\r\n\r\n"), "\r\n\r\n12345"));
  EXPECT_TRUE(absl::StrContains(post(chunked + "3\r\n456\r\n0\r\n\r\n"), "OUT_OF_RANGE"));
  EXPECT_TRUE(absl::StrContains(post(chunked + "zz\r\n"), "INVALID_ARGUMENT"));
  EXPECT_TRUE(absl::StartsWith(post("Expect: 100-continue\r\nContent-Length: 1\r\n\r\n1"),
                               "HTTP/1.1 100 Continue\r\n"));
}

TEST_F(HttpServerTest, AStreamHasAnEndOfItsOwnInHttp11) {
  gateway_ = [](HttpConnection* request) {
    EXPECT_TRUE(request->BeginStream("text/x"));
    EXPECT_TRUE(request->WriteStream("0123456789abcdef"));
    EXPECT_TRUE(request->WriteStream(""));
    request->EndStream();
    return 200;
  };
  const std::string answer = Get("/x");
  EXPECT_TRUE(absl::StrContains(answer, "Transfer-Encoding: chunked\r\n")) << answer;
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")) << answer;
  const std::string old = AskRaw(server_->port(), "GET /x HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(absl::StrContains(old, "chunked")) << old;
  EXPECT_TRUE(absl::EndsWith(old, "\r\n\r\n0123456789abcdef")) << old;
}

TEST_F(HttpServerTest, APeerThatVanishedIsNotWaitedForLong) {
  int patience_ms = 0;
  gateway_ = [&](HttpConnection* request) {
    // The server's end of the connection is a socket of this process.
    for (int file = 0; file < 1'024; ++file) {
      sockaddr_in own = {};
      sockaddr_in peer = {};
      socklen_t own_size = sizeof(own);
      socklen_t peer_size = sizeof(peer);
      socklen_t size = sizeof(patience_ms);
      if (getpeername(file, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 &&
          getsockname(file, reinterpret_cast<sockaddr*>(&own), &own_size) == 0 &&
          ntohs(own.sin_port) == server_->port()) {
        getsockopt(file, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, &size);
      }
    }
    return request->Answer({});
  };
  Get("/x");
  EXPECT_EQ(patience_ms, 20'000);
}

TEST_F(HttpServerTest, AReaderThatIsGoneIsNoticed) {
  absl::Notification noticed;
  gateway_ = [&noticed](HttpConnection* request) {
    const std::string much(64 * 1'024, 'x');
    request->BeginStream("text/x");
    while (request->WriteStream(much)) {
    }
    noticed.Notify();
    return 200;
  };
  const int connection = Connect(server_->port());
  const std::string request = "GET /x HTTP/1.1\r\n\r\n";
  ASSERT_GT(write(connection, request.data(), request.size()), 0);
  char c = 0;
  ASSERT_EQ(read(connection, &c, 1), 1);
  close(connection);
  noticed.WaitForNotification();
}

TEST_F(HttpServerTest, MonitoringIsAnsweredWhileTheGatewayHasAllItsThreads) {
  absl::Notification leave;
  std::atomic<int> inside{0};
  gateway_ = [&](HttpConnection* request) {
    ++inside;
    leave.WaitForNotification();
    return request->Answer({});
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < kHttpGatewayThreads; ++i) {
    clients.emplace_back([this] { Get("/x"); });
  }
  while (inside < kHttpGatewayThreads) absl::SleepFor(absl::Milliseconds(2));
  for (const char* path : {"/healthz", "/metrics"}) {
    EXPECT_TRUE(absl::StartsWith(Get(path), "HTTP/1.1 200 OK\r\n")) << path;
  }
  leave.Notify();
  for (std::thread& client : clients) client.join();
}

TEST_F(HttpServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  const std::string answer = Ask(server_->port(), "HEAD", "/metrics");
  EXPECT_TRUE(absl::StrContains(answer, "Content-Length: 4\r\n")) << answer;
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, AnAddressInUseIsNamed) {
  const auto second = HttpServer::Start({"127.0.0.1", server_->port()}, {}, nullptr);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(second.status().message(), absl::StrCat(server_->port())))
      << second.status();
}

TEST(HttpServerAddressTest, LocalhostIsUnderstood) {
  const auto server = HttpServer::Start({"localhost", 0}, {}, nullptr);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_NE((*server)->port(), 0);
}

}  // namespace
}  // namespace swoosh
