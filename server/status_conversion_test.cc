#include "server/status_conversion.h"

#include <string>

#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "swoosh/v1/error.pb.h"

namespace swoosh {
namespace {

// What a client unpacks from grpc-status-details-bin.
google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(StatusConversionTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
  EXPECT_EQ(ToRpcStatus(absl::OkStatus()).code(), 0);
  EXPECT_TRUE(FromRpcStatus(google::rpc::Status()).ok());
}

TEST(StatusConversionTest, CodeMessageAndDetailsSurviveBothWays) {
  const absl::Status status =
      InvalidField("transitions[0].send_event.data", "not a number", v1::NUMBER_INEXACT);
  const grpc::Status on_wire = ToGrpcStatus(status);
  EXPECT_EQ(on_wire.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(on_wire.error_message(), "transitions[0].send_event.data: not a number");
  const absl::Status back = FromGrpcStatus(on_wire);
  EXPECT_EQ(back, status);
  EXPECT_EQ(ReasonOf(back), v1::NUMBER_INEXACT);
}

TEST(StatusConversionTest, EveryErrorCarriesAnErrorInfoFirst) {
  const absl::Status bare[] = {absl::InternalError("bug"), absl::DataLossError("bad")};
  const char* reasons[] = {"INTERNAL_BUG", "DATA_DAMAGED"};
  for (int i = 0; i < 2; ++i) {
    const google::rpc::Status details = Details(ToGrpcStatus(bare[i]));
    ASSERT_GE(details.details_size(), 1);
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(details.details(0).UnpackTo(&info));
    EXPECT_EQ(info.domain(), "swoosh");
    EXPECT_EQ(info.reason(), reasons[i]);
  }
  const google::rpc::Status details = Details(ToGrpcStatus(InvalidField("a", "b")));
  ASSERT_EQ(details.details_size(), 2);
  EXPECT_TRUE(details.details(0).Is<google::rpc::ErrorInfo>());
  EXPECT_TRUE(details.details(1).Is<google::rpc::BadRequest>());
}

TEST(StatusConversionTest, WhatExceedsTrailersIsShortenedAndStillNamesTheReason) {
  absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, v1::GUARD_FALSE, std::string(5'000, 'm'));
  v1::Denial denial;
  denial.add_enabled_events("pay");
  for (int i = 0; i < 50; ++i) {
    v1::EdgeDenial* edge = denial.add_edges();
    edge->set_edge("edge" + std::to_string(i));
    edge->set_reason(std::string(4'000, 'r'));
  }
  AddDetail(denial, &status);

  const grpc::Status on_wire = ToGrpcStatus(status);
  EXPECT_LE(on_wire.error_message().size(), kTrailerMessageBytesMax);
  EXPECT_LE(on_wire.error_details().size(), kTrailerDetailsBytesMax);
  const absl::Status back = FromGrpcStatus(on_wire);
  EXPECT_EQ(ReasonOf(back), v1::GUARD_FALSE);
  v1::Denial shortened;
  ASSERT_TRUE(GetDetail(back, &shortened));
  EXPECT_GT(shortened.edges_size(), 0);
  EXPECT_EQ(shortened.edges(0).edge(), "edge0");
  EXPECT_EQ(shortened.enabled_events_size(), 1);

  // In a stream's answer there is room for all of it.
  EXPECT_EQ(FromRpcStatus(ToRpcStatus(status)), status);
}

TEST(StatusConversionTest, AMessageThatIsNotUtf8IsEscaped) {
  const google::rpc::Status message = ToRpcStatus(absl::InternalError("a\xff"));
  EXPECT_EQ(message.message(), "a\\xff");
}

TEST(StatusConversionTest, AnErrorOfGrpcItselfKeepsCodeAndMessage) {
  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "late"));
  EXPECT_EQ(status, absl::DeadlineExceededError("late"));
}

}  // namespace
}  // namespace swoosh
