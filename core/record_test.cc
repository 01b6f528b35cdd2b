#include "core/record.h"

#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {
namespace {

v1::Record SampleRecord() {
  v1::Record record;
  record.set_index(7);
  *record.mutable_hlc() = ToProto(Hlc{1'700'000'000'123'456, 3});
  record.set_previous_hash(std::string(32, 'p'));
  record.set_reducer_version(1);
  record.set_namespace_("default");
  return record;
}

TEST(RecordTest, ReadsBackWhatItWrote) {
  const std::string stored = EncodeRecord(SampleRecord());
  v1::Record read;
  ASSERT_TRUE(DecodeRecord(stored, &read).ok());
  EXPECT_EQ(read.SerializeAsString(), SampleRecord().SerializeAsString());
  EXPECT_EQ(FromProto(read.hlc()), (Hlc{1'700'000'000'123'456, 3}));
}

TEST(RecordTest, TheStateHashAddedLaterIsTheFieldItself) {
  Digest hash;
  hash.fill(0xab);
  std::string stored = EncodeRecord(SampleRecord());
  AppendStateHash(hash, &stored);
  v1::Record with_hash = SampleRecord();
  with_hash.set_state_hash(hash.data(), hash.size());
  EXPECT_EQ(stored, EncodeRecord(with_hash));
}

TEST(RecordTest, MapsAreWrittenInTheOrderOfTheirKeys) {
  v1::Record forward = SampleRecord();
  v1::Record backward = SampleRecord();
  auto& a = *forward.add_changes()->mutable_context()->mutable_fields();
  auto& b = *backward.add_changes()->mutable_context()->mutable_fields();
  for (int i = 0; i < 100; ++i) a["key" + std::to_string(i)].set_number_value(i);
  for (int i = 99; i >= 0; --i) b["key" + std::to_string(i)].set_number_value(i);
  EXPECT_EQ(EncodeRecord(forward), EncodeRecord(backward));
}

TEST(RecordTest, TheStoredFormIsTheDocumentedOne) {
  EXPECT_EQ(absl::BytesToHexString(EncodeRecord(SampleRecord())),
            "01"                                  // format version
            "0807"                                // index
            "120f0a0b0880e2cfaa06108094ef3a1003"  // hlc
            "1a20"
            "7070707070707070707070707070707070707070707070707070707070707070"
            "2001"                  // reducer version
            "2a0764656661756c74");  // namespace
}

TEST(RecordTest, TheLinkIsReadWithoutTheRest) {
  v1::Record record = SampleRecord();
  record.set_request_id("r-1");
  record.set_request_fingerprint(std::string(32, 'f'));
  record.set_actor("alice");
  record.add_changes()->set_instance_id("i");
  std::string stored = EncodeRecord(record);
  AppendStateHash(Digest{}, &stored);
  v1::Record link;
  ASSERT_TRUE(DecodeRecordLink(stored, &link).ok());
  record.clear_hlc();
  record.clear_reducer_version();
  record.clear_actor();
  record.clear_changes();
  EXPECT_EQ(link.SerializeAsString(), record.SerializeAsString());
  for (size_t size = 1; size < stored.size(); ++size) {
    v1::Record whole;
    const bool is_record = DecodeRecord(stored.substr(0, size), &whole).ok();
    EXPECT_EQ(DecodeRecordLink(stored.substr(0, size), &link).ok(), is_record) << size;
  }
}

TEST(RecordTest, ChangesInOneRunAreLeftAsTheyAreStored) {
  v1::Record record = SampleRecord();
  record.add_transitions()->mutable_send_event()->set_instance_id("i");
  for (const char* id : {"i", "j"}) {
    v1::Change* change = record.add_changes();
    change->set_instance_id(id);
    (*change->mutable_context()->mutable_fields())["n"].set_number_value(1);
    (*change->mutable_context()->mutable_fields())["m"].set_string_value("x");
  }
  std::string stored = EncodeRecord(record);
  AppendStateHash(Digest{}, &stored);
  v1::Record beside;
  std::optional<absl::string_view> changes;
  ASSERT_TRUE(DecodeRecordBesideChanges(stored, &beside, &changes).ok());
  v1::Record changes_alone;
  *changes_alone.mutable_changes() = record.changes();
  const std::string encoded = EncodeRecord(changes_alone).substr(1);
  EXPECT_EQ(changes, encoded);
  EXPECT_EQ(ChangesOf(stored), encoded);
  EXPECT_EQ(beside.changes_size(), 0);
  v1::Record whole = beside;
  ASSERT_TRUE(AddChanges(encoded, &whole));
  EXPECT_EQ(EncodeRecord(whole), stored);
  beside.clear_state_hash();
  EXPECT_EQ(EncodeRecord(beside, encoded), EncodeRecord(record));
  EXPECT_FALSE(AddChanges(encoded.substr(1), &whole));

  // With something between two changes there is no one run.
  const std::string apart = absl::StrCat(stored, encoded);
  ASSERT_TRUE(DecodeRecordBesideChanges(apart, &beside, &changes).ok());
  EXPECT_FALSE(changes.has_value());
  EXPECT_EQ(beside.changes_size(), 4);

  record.clear_changes();
  ASSERT_TRUE(DecodeRecordBesideChanges(EncodeRecord(record), &beside, &changes).ok());
  EXPECT_EQ(changes, "");
}

TEST(RecordTest, DamageIsNamed) {
  v1::Record record;
  EXPECT_EQ(DecodeRecord("", &record).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeRecord("\x02\x08\x07", &record).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeRecord("\x01\xff\xff", &record).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace swoosh
