#include "server/http/routes.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::string MethodOf(absl::string_view verb, absl::string_view path) {
  const HttpMatch match = MatchRoute(verb, path);
  return match.route == nullptr ? absl::StrCat("none, allow ", match.allow) : match.route->method;
}

TEST(RoutesTest, EachRouteLeadsToARealCallOfItsTypes) {
  for (const HttpRoute& route : HttpRoutes()) {
    // "/swoosh.v1.Orchestrator/GetState" is swoosh.v1.Orchestrator.GetState.
    const std::string name =
        absl::StrReplaceAll(absl::string_view(route.method).substr(1), {{"/", "."}});
    const auto* method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
    ASSERT_NE(method, nullptr) << name;
    EXPECT_EQ(method->input_type(), route.request->GetDescriptor()) << name;
    EXPECT_EQ(method->output_type(), route.response->GetDescriptor()) << name;
    EXPECT_EQ(method->server_streaming(), route.is_stream) << name;
    EXPECT_FALSE(method->client_streaming()) << name;
  }
}

TEST(RoutesTest, NothingThatOperatesTheServerIsReached) {
  std::set<absl::string_view> admin;
  for (const HttpRoute& route : HttpRoutes()) {
    if (absl::StrContains(route.method, "Admin")) admin.insert(route.method);
  }
  EXPECT_EQ(admin, std::set<absl::string_view>{"/swoosh.v1.Admin/GetStatus"});
}

TEST(RoutesTest, APathLeadsToItsCallAndFillsItsFields) {
  EXPECT_EQ(MethodOf("GET", "/v1/state"), "/swoosh.v1.Orchestrator/GetState");
  EXPECT_EQ(MethodOf("HEAD", "/v1/state"), "/swoosh.v1.Orchestrator/GetState");
  EXPECT_EQ(MethodOf("POST", "/v1/submit"), "/swoosh.v1.Orchestrator/Submit");
  EXPECT_EQ(MethodOf("GET", "/v1/instances"), "/swoosh.v1.Orchestrator/ListInstances");
  EXPECT_EQ(MethodOf("GET", "/v1/instances/a/history"), "/swoosh.v1.Orchestrator/ListRecords");
  const HttpMatch match = MatchRoute("GET", "/v1/instances/a%2Fb+c");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(absl::string_view(match.route->method), "/swoosh.v1.Orchestrator/GetInstance");
  EXPECT_EQ(match.path_fields, (Parameters{{"instance_id", "a/b+c"}}));
  EXPECT_EQ(MatchRoute("GET", "/v1/instances/..").path_fields, (Parameters{{"instance_id", ".."}}))
      << "which is an id as any other";
}

TEST(RoutesTest, AnotherVerbIsToldWhichThereAre) {
  EXPECT_EQ(MethodOf("POST", "/v1/state"), "none, allow GET, HEAD");
  EXPECT_EQ(MethodOf("GET", "/v1/submit"), "none, allow POST");
  EXPECT_EQ(MethodOf("HEAD", "/v1/submit"), "none, allow POST");
  EXPECT_EQ(MethodOf("get", "/v1/state"), "none, allow GET, HEAD");
}

TEST(RoutesTest, AnotherPathIsNone) {
  for (const char* path : {"", "/", "*", "/v1", "/v1/", "/v1/state/", "//v1/state", "/V1/state",
                           "/v1/%73tate", "/v1/instances/a/b", "/v1/../v1/state", "/v2/state"}) {
    EXPECT_EQ(MethodOf("GET", path), "none, allow ") << path;
  }
  EXPECT_FALSE(MatchRoute("GET", "/v1/instances/%ff").error.ok());
}

}  // namespace
}  // namespace swoosh
