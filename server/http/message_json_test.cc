#include "server/http/message_json.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "swoosh/v1/error.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

// "REASON FIELD" of an error that names one; its text if it does not.
std::string ErrorOf(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  if (status.code() != absl::StatusCode::kInvalidArgument || !GetDetail(status, &bad_request)) {
    return status.ToString();
  }
  return absl::StrCat(v1::ErrorReason_Name(ReasonOf(status)), " ",
                      bad_request.field_violations(0).field());
}

std::string ErrorOfJson(const std::string& json) {
  v1::SubmitRequest request;
  return ErrorOf(ReadJson(json, &request));
}

TEST(MessageJsonTest, WhatIsWrittenIsReadAsTheSame) {
  v1::SubmitRequest request;
  request.set_request_id("r-1");
  request.set_view(v1::VIEW_FULL);
  auto* transition = request.add_transitions();
  transition->set_expected_version(9'007'199'254'740'993);  // beyond what a double holds
  auto* send = transition->mutable_send_event();
  send->set_instance_id("a");
  (*send->mutable_data()->mutable_fields())["n"].set_number_value(0.1);
  const auto json = ToJson(request);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_TRUE(absl::StrContains(*json, R"("expectedVersion":"9007199254740993")")) << *json;
  EXPECT_FALSE(absl::StrContains(*json, "\n")) << *json;
  v1::SubmitRequest read;
  ASSERT_TRUE(ReadJson(*json, &read).ok());
  EXPECT_EQ(read.SerializeAsString(), request.SerializeAsString());
}

TEST(MessageJsonTest, NamesOfTheProtoFileAndEnumNamesInAnyCaseAreRead) {
  v1::GetInstanceRequest request;
  ASSERT_TRUE(ReadJson(R"({"instance_id": "a", "view": "view_full"})", &request).ok());
  EXPECT_EQ(request.instance_id(), "a");
  EXPECT_EQ(request.view(), v1::VIEW_FULL);
}

TEST(MessageJsonTest, WhatIsWrongIsNamedByItsPath) {
  EXPECT_EQ(ErrorOfJson(R"({"transitions": [{"sendEvent": {"instanceId": "a", "foo": 1}}]})"),
            "UNKNOWN_FIELD transitions[0].send_event.foo");
  EXPECT_EQ(ErrorOfJson(R"({"foo": 1})"), "UNKNOWN_FIELD foo");
  EXPECT_EQ(ErrorOfJson(R"({"transitions": [{}, {"sendEvent": {"instanceId": 5}}]})"),
            "INVALID_FIELD transitions[1].send_event.instance_id");
  EXPECT_EQ(ErrorOfJson(R"({"view": "nope"})"), "INVALID_FIELD view");
  EXPECT_EQ(ErrorOfJson(R"({"transitions": [{"sendEvent": {}, "createInstance": {}}]})"),
            "INVALID_FIELD transitions[0]");
}

TEST(MessageJsonTest, WhatIsNoJsonObjectIsSaidToBeNone) {
  for (const char* text : {"", " ", "[1]", "null", "{", "{} x", "{\"namespace\": \"\xff\"}",
                           R"({"transitions": [{"sendEvent": {"data": {"a": 1e400}}}]})"}) {
    EXPECT_EQ(ErrorOfJson(text), "INVALID_FIELD request") << text;
  }
}

TEST(MessageJsonTest, BracketsWithoutEndAreRefusedBeforeTheyCostAnything) {
  constexpr size_t kMany = 2'000'000;
  const std::string begin = R"({"transitions": [{"sendEvent": {"data": {"a": )";
  for (const std::string& text :
       {std::string(kMany, '['), begin + std::string(kMany, '['),
        begin + std::string(kMany, '[') + std::string(kMany, ']') + "}}}]}",
        R"({'a"': )" + std::string(kMany, '[') + std::string(kMany, ']') + R"(, '"': 0})"}) {
    EXPECT_EQ(ErrorOfJson(text), "INVALID_FIELD request");
  }
  v1::SubmitRequest request;
  EXPECT_TRUE(ReadJson(begin + R"("[[[[\"{{{{" }}}]})", &request).ok());
  EXPECT_EQ(ErrorOfJson(begin + "\"" + std::string(kMany, '[') + "\"}}}]}").substr(0, 2), "OK")
      << "in a string they are none";
}

TEST(MessageJsonTest, AQueryIsDecodedStrictly) {
  const auto query = ParseQuery("a=1&b=x%20y+z&b=&c&&%C3%A4=%3D");
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(*query, (Parameters{{"a", "1"}, {"b", "x y z"}, {"b", ""}, {"c", ""}, {"ä", "="}}));
  for (const char* wrong : {"a=%", "a=%4", "a=%zz", "%=a", "a=%ff"}) {
    EXPECT_EQ(ErrorOf(ParseQuery(wrong).status()), "INVALID_FIELD URL") << wrong;
  }
  EXPECT_EQ(PercentDecode("a+b%2Fc", /*plus_is_space=*/false).value_or("?"), "a+b/c");
}

TEST(MessageJsonTest, ParametersAreTheFieldsOfTheRequest) {
  v1::WatchRequest watch;
  ASSERT_TRUE(ReadParameters({{"from_index", "7"},
                              {"instanceIds", "a"},
                              {"instance_ids", "b\"\\"},
                              {"initial", "true"}},
                             &watch)
                  .ok());
  EXPECT_EQ(watch.from_index(), 7u);
  ASSERT_EQ(watch.instance_ids_size(), 2);
  EXPECT_EQ(watch.instance_ids(1), "b\"\\");
  EXPECT_TRUE(watch.initial());
  v1::ListInstancesRequest list;
  ASSERT_TRUE(ReadParameters({{"view", "VIEW_BASIC"}, {"status", "done"}}, &list).ok());
  EXPECT_EQ(list.view(), v1::VIEW_BASIC);
  EXPECT_EQ(list.status(), v1::Instance::DONE);
}

TEST(MessageJsonTest, AParameterThatIsWrongIsNamed) {
  const std::vector<std::pair<Parameters, std::string>> cases = {
      {{{"page_size", "x"}}, "INVALID_FIELD page_size"},
      {{{"page_size", ""}}, "INVALID_FIELD page_size"},
      {{{"page_size", "4294967296"}}, "INVALID_FIELD page_size"},
      {{{"page_size", "1"}, {"pageSize", "2"}}, "INVALID_FIELD page_size"},
      {{{"view", "nope"}}, "INVALID_FIELD view"},
      {{{"sort", "up"}}, "UNKNOWN_FIELD sort"},
      {{{"", ""}}, "UNKNOWN_FIELD "},
  };
  for (const auto& [parameters, error] : cases) {
    v1::ListInstancesRequest request;
    EXPECT_EQ(ErrorOf(ReadParameters(parameters, &request)), error);
  }
}

TEST(MessageJsonTest, AnErrorIsWrittenWithItsDetails) {
  v1::Denial denial;
  denial.add_enabled_events("open");
  google::rpc::Status status;
  status.set_code(9);
  status.add_details()->PackFrom(denial);
  EXPECT_EQ(StatusToJson(status),
            R"({"code":9,"details":[{"@type":"type.googleapis.com/swoosh.v1.Denial",)"
            R"("enabledEvents":["open"]}]})");
  auto* unknown = status.add_details();
  unknown->set_type_url("type.googleapis.com/of.another.Program");
  unknown->set_value("x");
  EXPECT_EQ(StatusToJson(status), R"({"code":9})");
}

}  // namespace
}  // namespace swoosh
