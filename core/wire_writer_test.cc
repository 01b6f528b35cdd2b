#include "core/wire_writer.h"

#include <string>

#include "google/protobuf/struct.pb.h"
#include "gtest/gtest.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

TEST(WireWriterTest, WritesWhatProtobufReads) {
  for (const uint64_t number : {uint64_t{1}, uint64_t{127}, uint64_t{128}, UINT64_MAX}) {
    WireWriter writer;
    writer.WriteVarintField(v1::Change::kPreviousVersionFieldNumber, number);
    const size_t before = writer.size();
    writer.WriteDoubleField(google::protobuf::Value::kNumberValueFieldNumber, -2.5);
    writer.WriteMessageField(v1::Emitted::kDataFieldNumber, before);
    writer.WriteBytesField(v1::Emitted::kNameFieldNumber, "told");
    writer.WriteMessageField(v1::Change::kEmittedFieldNumber, before);
    writer.WriteBytesField(v1::Change::kInstanceIdFieldNumber, "");
    v1::Change change;
    ASSERT_TRUE(change.ParseFromArray(writer.bytes().data(), static_cast<int>(writer.size())));
    EXPECT_EQ(change.previous_version(), number);
    ASSERT_EQ(change.emitted_size(), 1);
    EXPECT_EQ(change.emitted(0).name(), "told");
    EXPECT_EQ(change.emitted(0).data().number_value(), -2.5);
  }
}

TEST(WireWriterTest, GrowsBeforeWhatWasWritten) {
  WireWriter writer;
  std::string expected;
  for (size_t size = 0; size < 3'000; size += 7) {
    const std::string id(size, static_cast<char>('a' + size % 26));
    writer.WriteBytesField(v1::Change::kEdgesFieldNumber, id);
    v1::Change change;
    change.add_edges(id);
    expected.insert(0, change.SerializeAsString());
    ASSERT_EQ(writer.bytes(), expected);
  }
  const std::string large(100'000, 'x');
  writer.WriteBytesField(v1::Change::kEdgesFieldNumber, large);
  v1::Change change;
  change.add_edges(large);
  EXPECT_EQ(writer.bytes(), change.SerializeAsString() + expected);
}

}  // namespace
}  // namespace swoosh
