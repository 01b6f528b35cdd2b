#include "server/http/event_stream.h"

#include <string>

#include "absl/status/status.h"
#include "core/errors.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::string EventsOf(const v1::WatchResponse& response, bool in_initial) {
  return WatchEvents(response, &in_initial).value_or("");
}

TEST(EventStreamTest, AnEventIsOneRecordWithItsIndexAsId) {
  v1::WatchResponse response;
  response.set_index(42);
  // What would end a line of an event.
  (*response.add_changes()->mutable_context()->mutable_fields())["a\nb"].set_string_value("\r\n\n");
  EXPECT_EQ(EventsOf(response, /*in_initial=*/false),
            "id: 42\n"
            R"(data: {"index":"42","changes":[{"context":{"a\nb":"\r\n\n"}}]})"
            "\n\n");
}

TEST(EventStreamTest, ResponsesThatCameTogetherAreAnEventEach) {
  v1::WatchResponse response;
  response.set_index(42);
  response.add_following()->set_index(43);
  response.add_following()->set_index(44);
  EXPECT_EQ(EventsOf(response, /*in_initial=*/false),
            "id: 42\ndata: {\"index\":\"42\"}\n\n"
            "id: 43\ndata: {\"index\":\"43\"}\n\n"
            "id: 44\ndata: {\"index\":\"44\"}\n\n");
}

TEST(EventStreamTest, WhatCantBeResumedBehindHasNoId) {
  v1::WatchResponse response;
  response.set_index(42);
  response.add_initial()->set_id("a");
  bool in_initial = true;
  EXPECT_EQ(WatchEvents(response, &in_initial).value_or(""),
            "data: {\"index\":\"42\",\"initial\":[{\"id\":\"a\"}]}\n\n");
  EXPECT_TRUE(in_initial);
  response.Clear();
  response.set_index(42);
  response.set_initial_complete(true);
  response.add_following()->set_index(43);
  EXPECT_EQ(WatchEvents(response, &in_initial).value_or(""),
            "id: 42\ndata: {\"index\":\"42\",\"initialComplete\":true}\n\n"
            "id: 43\ndata: {\"index\":\"43\"}\n\n");
  EXPECT_FALSE(in_initial);
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
