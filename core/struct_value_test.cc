#include "core/struct_value.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/deterministic.h"
#include "core/errors.h"
#include "core/json_value_for_test.h"
#include "core/wire_writer.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

constexpr char kField[] = "transitions[0].send_event.data";

google::protobuf::Struct StructOf(const std::string& json) {
  google::protobuf::Struct message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  EXPECT_TRUE(status.ok()) << json << ": " << status.ToString();
  return message;
}

// Expects a refusal whose violation names `field`, and whose reason is `reason`.
void ExpectRefused(const google::protobuf::Struct& message, const std::string& field,
                   const std::string& description, v1::ErrorReason reason = v1::INVALID_FIELD) {
  const auto value = FromStruct(message, kField);
  ASSERT_FALSE(value.ok()) << message.ShortDebugString();
  EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(value.status()), reason);
  google::rpc::BadRequest detail;
  ASSERT_TRUE(GetDetail(value.status(), &detail));
  ASSERT_EQ(detail.field_violations_size(), 1);
  EXPECT_EQ(detail.field_violations(0).field(), field);
  EXPECT_NE(detail.field_violations(0).description().find(description), std::string::npos)
      << detail.field_violations(0).description();
  EXPECT_NE(value.status().message().find(field), std::string::npos);
}

std::string NestedLists(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

TEST(StructValueTest, JsonGoesThroughUnchanged) {
  const char* const kTexts[] = {
      "{}", R"({"a":null,"b":true,"c":-0.5,"d":"é","e":[1,[],{}],"f":{"g":{"h":0}}})",
      R"({"n":9007199254740991,"m":-9007199254740991,"x":0.1})"};
  for (const char* text : kTexts) {
    const auto value = FromStruct(StructOf(text), kField);
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(*value, JsonValueForTest(text));
    google::protobuf::Struct back;
    (*back.mutable_fields())["old"].set_bool_value(true);
    ToStruct(*value, &back);
    EXPECT_EQ(*FromStruct(back, kField), *value) << text;
  }
}

TEST(StructValueTest, EveryKindGoesThroughAsAValueMessage) {
  for (const char* text : {"null", "false", "1.5", "\"\"", "[null]", "{\"a\":{}}"}) {
    google::protobuf::Value message;
    ToProtoValue(JsonValueForTest(text), &message);
    const auto value = FromProtoValue(message, "data");
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(ToJsonText(*value), text);
  }
}

TEST(StructValueTest, IntegersThatMayBeRoundedAreRefusedByPath) {
  ExpectRefused(StructOf(R"({"items":[0,1,2,{"price":9007199254740993}]})"),
                "transitions[0].send_event.data.items[3].price", "9007199254740992 is beyond 2^53",
                v1::NUMBER_INEXACT);
  ExpectRefused(StructOf(R"({"a b":-9007199254740992})"), "transitions[0].send_event.data['a b']",
                "is beyond 2^53", v1::NUMBER_INEXACT);
  ExpectRefused(StructOf(R"({"":1e300})"), "transitions[0].send_event.data['']",
                "1e+300 is beyond 2^53", v1::NUMBER_INEXACT);
}

// An expression may compute such numbers; what was recorded must be readable.
TEST(StructValueTest, RecordedNumbersAreRestoredWhateverTheirSize) {
  const Value value = JsonValueForTest(R"({"a":9007199254740992,"b":[1e300,-1e17]})");
  google::protobuf::Value message;
  ToProtoValue(value, &message);
  EXPECT_FALSE(FromStruct(message.struct_value(), kField).ok());
  EXPECT_EQ(*RestoreStruct(message.struct_value(), kField), value);
  EXPECT_EQ(*RestoreProtoValue(message, kField), value);
  message.set_number_value(std::numeric_limits<double>::infinity());
  EXPECT_FALSE(RestoreProtoValue(message, kField).ok());
}

TEST(StructValueTest, NumbersThatAreNotFiniteAreRefused) {
  for (const double number :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    google::protobuf::Struct message;
    (*message.mutable_fields())["n"].set_number_value(number);
    ExpectRefused(message, "transitions[0].send_event.data.n", "not a finite number");
  }
}

TEST(StructValueTest, MinusZeroBecomesZero) {
  google::protobuf::Struct message;
  (*message.mutable_fields())["n"].set_number_value(-0.0);
  const auto value = FromStruct(message, kField);
  ASSERT_TRUE(value.ok());
  EXPECT_FALSE(std::signbit(value->Find("n")->as_number()));
}

TEST(StructValueTest, AValueWithoutKindIsRefused) {
  google::protobuf::Struct message;
  (*message.mutable_fields())["list"].mutable_list_value()->add_values();
  ExpectRefused(message, "transitions[0].send_event.data.list[0]", "without a kind");
}

TEST(StructValueTest, InvalidUtf8IsRefusedInKeysAndStrings) {
  google::protobuf::Struct in_string;
  (*in_string.mutable_fields())["s"].set_string_value("a\xff");
  ExpectRefused(in_string, "transitions[0].send_event.data.s", "not valid UTF-8");
  google::protobuf::Struct in_key;
  (*in_key.mutable_fields())["a\xff"].set_bool_value(true);
  ExpectRefused(in_key, "transitions[0].send_event.data['a\\xff']", "key is not valid UTF-8");
}

TEST(StructValueTest, NestingIsBounded) {
  EXPECT_TRUE(FromStruct(StructOf("{\"a\":" + NestedLists(kValueDepthMax - 1) + "}"), kField).ok());
  std::string path = "transitions[0].send_event.data.a";
  for (int i = 1; i < kValueDepthMax; ++i) path += "[0]";
  ExpectRefused(StructOf("{\"a\":" + NestedLists(kValueDepthMax) + "}"), path, "nest more than");
}

std::string Serialised(const google::protobuf::Struct& message) {
  std::string bytes;
  AppendDeterministic(message, 0, &bytes);
  return bytes;
}

TEST(StructValueTest, WritesTheBytesThatProtobufMakesOfTheMessage) {
  const std::string long_text(300, 'x');
  for (const std::string& json : std::vector<std::string>{
           "{}", R"({"":""})",
           R"({"b":true,"a":false,"n":null,"zero":0,"pi":3.25,"least":-1e-300,"é":"ü"})",
           R"({"list":[1,"two",[],[[null]],{"k":{}}],"map":{"b":{"c":[{"d":1}]},"a":[]}})",
           absl::StrCat(R"({")", long_text, R"(":")", long_text, R"(","k":[")", long_text,
                        R"("]})"),
           absl::StrCat(R"({"a":)", NestedLists(kValueDepthMax - 1), "}")}) {
    const absl::StatusOr<Value> value = FromStruct(StructOf(json), kField);
    ASSERT_TRUE(value.ok()) << json;
    google::protobuf::Struct message;
    ToStruct(*value, &message);
    WireWriter writer;
    WriteStruct(*value, &writer);
    EXPECT_EQ(writer.bytes(), Serialised(message)) << json;
  }
}

// What is accepted must be readable again from the log and by every client: protobuf refuses
// messages that nest more than 100 deep.
TEST(StructValueTest, TheDeepestValueSurvivesTheDeepestMessages) {
  Value value = Value::Number(1);
  for (int i = 0; i < kValueDepthMax; ++i) value = Value::OfMap({{"k", value}});
  v1::SubmitRequest request;
  ToStruct(
      value,
      request.add_transitions()->mutable_register_machine()->mutable_machine()->mutable_context());
  v1::SubmitRequest request_read;
  EXPECT_TRUE(request_read.ParseFromString(request.SerializeAsString()));
  v1::Record record;
  ToProtoValue(value, record.add_changes()->add_emitted()->mutable_data());
  v1::Record record_read;
  EXPECT_TRUE(record_read.ParseFromString(record.SerializeAsString()));
  v1::SubmitResponse response;
  ToStruct(value, response.add_results()->mutable_instance()->mutable_context());
  v1::SubmitResponse response_read;
  EXPECT_TRUE(response_read.ParseFromString(response.SerializeAsString()));
}

}  // namespace
}  // namespace swoosh
