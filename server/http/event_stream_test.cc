#include "server/http/event_stream.h"

#include "absl/status/status.h"
#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(EventStreamTest, AnEventIsOneRecordWithItsIndexAsId) {
  v1::WatchResponse response;
  response.set_index(42);
  // What would end a line of an event.
  (*response.add_changes()->mutable_context()->mutable_fields())["a\nb"].set_string_value("\r\n\n");
  EXPECT_EQ(WatchEvent(response, /*in_initial=*/false).value_or(""),
            "id: 42\n"
            R"(data: {"index":"42","changes":[{"context":{"a\nb":"\r\n\n"}}]})"
            "\n\n");
}

TEST(EventStreamTest, WhatCantBeResumedBehindHasNoId) {
  v1::WatchResponse response;
  response.set_index(42);
  response.add_initial()->set_id("a");
  EXPECT_EQ(WatchEvent(response, /*in_initial=*/true).value_or(""),
            "data: {\"index\":\"42\",\"initial\":[{\"id\":\"a\"}]}\n\n");
}

TEST(EventStreamTest, AWatchGoesOnBehindTheLastEvent) {
  v1::WatchRequest request;
  request.set_from_index(3);
  request.set_initial(true);
  request.set_history_id("h");
  ASSERT_TRUE(ResumeBehind("42", &request).ok());
  EXPECT_EQ(request.from_index(), 43u);
  EXPECT_FALSE(request.initial());
  EXPECT_EQ(request.history_id(), "h");
  ASSERT_TRUE(ResumeBehind("0", &request).ok());
  EXPECT_EQ(request.from_index(), 1u);
}

TEST(EventStreamTest, AnIdThatIsNoIndexIsRefused) {
  for (const char* id : {"x", "-1", "+1", " 1", "1.5", "18446744073709551615",
                         "18446744073709551616", "99999999999999999999"}) {
    v1::WatchRequest request;
    const absl::Status status = ResumeBehind(id, &request);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << id;
    EXPECT_EQ(ReasonOf(status), v1::INVALID_FIELD) << id;
  }
}

TEST(EventStreamTest, TheEndSaysWhy) {
  google::rpc::Status error;
  error.set_code(14);
  error.set_message("draining");
  EXPECT_EQ(StatusEvent(error), "event: status\ndata: {\"code\":14,\"message\":\"draining\"}\n\n");
}

}  // namespace
}  // namespace swoosh
