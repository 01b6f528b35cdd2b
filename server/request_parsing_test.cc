#include "server/request_parsing.h"

#include <string>

#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

// The serialised request with `from` replaced by bytes of the same size.
std::string Broken(const v1::SubmitRequest& request, const std::string& from,
                   const std::string& to) {
  std::string bytes = request.SerializeAsString();
  const size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos);
  bytes.replace(at, from.size(), to);
  EXPECT_FALSE(v1::SubmitRequest().ParseFromString(bytes));
  return bytes;
}

std::string FieldNamed(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  google::rpc::BadRequest bad_request;
  EXPECT_TRUE(GetDetail(status, &bad_request));
  return bad_request.field_violations(0).field();
}

TEST(RequestParsingTest, AStringThatIsNotUtf8IsNamedByItsPath) {
  v1::SubmitRequest request;
  request.add_transitions()->mutable_delete_instance()->set_instance_id("good");
  auto* send = request.add_transitions()->mutable_send_event();
  send->set_event("EVENT");
  (*send->mutable_data()->mutable_fields())["k"]
      .mutable_list_value()
      ->add_values()
      ->set_string_value("VALUE");
  EXPECT_EQ(FieldNamed(ExplainParseFailure(Broken(request, "EVENT", "EV\xff\xfeT"),
                                           *v1::SubmitRequest::descriptor())),
            "transitions[1].send_event.event");
  EXPECT_EQ(FieldNamed(ExplainParseFailure(Broken(request, "VALUE", "VAL\xc3("),
                                           *v1::SubmitRequest::descriptor())),
            "transitions[1].send_event.data.fields[0].value.list_value.values[0].string_value");
}

TEST(RequestParsingTest, BytesThatAreNoMessageAreSaidToBe) {
  for (const std::string bytes : {"\x0a", "\x0a\xff\xff\xff\xff\x0f", "\xff\xff\xff", "garbage"}) {
    EXPECT_EQ(FieldNamed(ExplainParseFailure(bytes, *v1::SubmitRequest::descriptor())), "request");
  }
}

}  // namespace
}  // namespace swoosh
