#include "server/http/http_error.h"

#include <map>

#include "absl/status/status.h"
#include "core/errors.h"
#include "google/rpc/code.pb.h"
#include "gtest/gtest.h"
#include "server/status_conversion.h"

namespace swoosh {
namespace {

TEST(HttpErrorTest, EachCodeHasTheHttpStatusThatIsDocumentedForIt) {
  // google/rpc/code.proto, "HTTP Mapping".
  const std::map<int, int> expected = {
      {google::rpc::OK, 200},
      {google::rpc::CANCELLED, 499},
      {google::rpc::UNKNOWN, 500},
      {google::rpc::INVALID_ARGUMENT, 400},
      {google::rpc::DEADLINE_EXCEEDED, 504},
      {google::rpc::NOT_FOUND, 404},
      {google::rpc::ALREADY_EXISTS, 409},
      {google::rpc::PERMISSION_DENIED, 403},
      {google::rpc::UNAUTHENTICATED, 401},
      {google::rpc::RESOURCE_EXHAUSTED, 429},
      {google::rpc::FAILED_PRECONDITION, 400},
      {google::rpc::ABORTED, 409},
      {google::rpc::OUT_OF_RANGE, 400},
      {google::rpc::UNIMPLEMENTED, 501},
      {google::rpc::INTERNAL, 500},
      {google::rpc::UNAVAILABLE, 503},
      {google::rpc::DATA_LOSS, 500},
  };
  const auto* codes = google::rpc::Code_descriptor();
  for (int i = 0; i < codes->value_count(); ++i) {
    const int code = codes->value(i)->number();
    EXPECT_EQ(HttpCode(code), expected.at(code)) << codes->value(i)->name();
    EXPECT_NE(HttpPhrase(HttpCode(code)), "Unknown") << codes->value(i)->name();
  }
  EXPECT_EQ(HttpCode(99), 500);
}

TEST(HttpErrorTest, AnErrorOfTheServicesKeepsItsDetails) {
  const grpc::Status status = ToGrpcStatus(InvalidField("transitions", "must not be empty"));
  const HttpAnswer answer = ErrorAnswer(RpcStatusOf(status));
  EXPECT_EQ(answer.code, 400);
  EXPECT_EQ(answer.type, "application/json");
  EXPECT_EQ(answer.body,
            R"({"code":3,"message":"transitions: must not be empty","details":[)"
            R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
            R"("reason":"INVALID_FIELD","domain":"swoosh"},)"
            R"({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":)"
            R"([{"field":"transitions","description":"must not be empty"}]}]})"
            "\n");
}

TEST(HttpErrorTest, WhatGrpcOrTheHttpPortMakesHasNoDetails) {
  EXPECT_EQ(ErrorAnswer(RpcStatusOf({grpc::StatusCode::DEADLINE_EXCEEDED, "too late"})).body,
            "{\"code\":4,\"message\":\"too late\"}\n");
  const HttpAnswer refusal = Refusal(415, google::rpc::INVALID_ARGUMENT, "no");
  EXPECT_EQ(refusal.code, 415);
  EXPECT_EQ(refusal.body, "{\"code\":3,\"message\":\"no\"}\n");
}

}  // namespace
}  // namespace swoosh
