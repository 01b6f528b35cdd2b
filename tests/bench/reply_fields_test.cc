#include "tests/bench/reply_fields.h"

#include <string>

#include "gtest/gtest.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

std::string Reply(uint64_t index) {
  v1::SubmitResponse reply;
  reply.set_request_id("r");
  reply.set_index(index);
  reply.mutable_hlc()->set_counter(300);
  reply.set_record_hash(std::string(32, '\xff'));
  reply.add_results()->mutable_instance()->set_version(index);
  return reply.SerializeAsString();
}

TEST(ReplyFieldsTest, FindsANumberAmongOtherFields) {
  EXPECT_EQ(VarintField(Reply(1), {2}), 1u);
  EXPECT_EQ(VarintField(Reply(uint64_t{1} << 63), {2}), uint64_t{1} << 63);
}

TEST(ReplyFieldsTest, FindsANumberInANestedMessage) {
  const uint32_t hlc = v1::SubmitResponse::kHlcFieldNumber;
  const uint32_t counter = v1::Hlc::kCounterFieldNumber;
  EXPECT_EQ(VarintField(Reply(7), {hlc, counter}), 300u);
  EXPECT_EQ(VarintField(Reply(7), {14, 1}), 0u);
}

TEST(ReplyFieldsTest, WhatIsAbsentIsZero) {
  EXPECT_EQ(VarintField("", {2}), 0u);
  EXPECT_EQ(VarintField(v1::SubmitResponse().SerializeAsString(), {2}), 0u);
}

TEST(ReplyFieldsTest, SeesWhetherThereIsAnError) {
  EXPECT_FALSE(HasField(Reply(1), v1::SubmitResponse::kStatusFieldNumber));
  v1::SubmitResponse refused;
  refused.mutable_status()->set_code(9);
  EXPECT_TRUE(HasField(refused.SerializeAsString(), v1::SubmitResponse::kStatusFieldNumber));
}

TEST(ReplyFieldsTest, WhatIsNoMessageHasNoNumber) {
  const std::string whole = Reply(5);
  for (const std::string& bytes : {std::string("\x12\x7f", 2), std::string("\xff\xff"),
                                   std::string("\x0b"), whole.substr(1, 1)}) {
    EXPECT_EQ(VarintField(bytes, {2}), std::nullopt);
    EXPECT_FALSE(HasField(bytes, 2));
  }
}

}  // namespace
}  // namespace swoosh
