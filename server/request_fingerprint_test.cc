#include "server/request_fingerprint.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/canonical.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

v1::SubmitRequest Parse(const std::string& json) {
  v1::SubmitRequest request;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &request);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return request;
}

Digest Of(const std::string& json) { return RequestFingerprint(Parse(json).transitions()); }

std::string Event(const std::string& data) {
  return R"({"transitions":[{"sendEvent":{"instanceId":"i","event":"e","data":)" + data + "}}]}";
}

// An entry of Struct.fields as it stands on the wire: the field's tag and size, then the entry.
std::string WireEntry(const std::string& key, double number) {
  google::protobuf::Struct one;
  (*one.mutable_fields())[key].set_number_value(number);
  return one.SerializeAsString();
}

TEST(RequestFingerprint, TheOrderOfAMapOnTheWireDoesNotMatter) {
  std::vector<std::string> entries;
  for (int i = 0; i < 40; ++i) entries.push_back(WireEntry("key" + std::to_string(i), i));
  std::vector<Digest> digests;
  for (int turn = 0; turn < 5; ++turn) {
    std::string wire;
    for (const std::string& entry : entries) wire += entry;
    v1::SubmitRequest request = Parse(Event("{}"));
    ASSERT_TRUE(
        request.mutable_transitions(0)->mutable_send_event()->mutable_data()->ParseFromString(
            wire));
    ASSERT_EQ(request.transitions(0).send_event().data().fields_size(), 40);
    digests.push_back(RequestFingerprint(request.transitions()));
    std::rotate(entries.begin(), entries.begin() + 7 + turn, entries.end());
  }
  for (const Digest& digest : digests) EXPECT_EQ(digest, digests.front());
}

TEST(RequestFingerprint, EveryDifferenceInContentShows) {
  const std::vector<std::string> contents = {
      R"({"transitions":[]})",
      R"({"transitions":[{}]})",
      R"({"transitions":[{},{}]})",
      Event("{}"),
      Event(R"({"a":1})"),
      Event(R"({"a":"1"})"),
      Event(R"({"a":2})"),
      Event(R"({"b":1})"),
      Event(R"({"a":1,"b":1})"),
      Event(R"({"a":[1,2]})"),
      Event(R"({"a":[2,1]})"),
      Event(R"({"a":[[1],2]})"),
      Event(R"({"a":{"b":1}})"),
      Event(R"({"a":null})"),
      Event(R"({"a":false})"),
      R"({"transitions":[{"sendEvent":{"instanceId":"i","event":"e"}}]})",
      R"({"transitions":[{"sendEvent":{"instanceId":"ie","event":""}}]})",
      R"({"transitions":[{"expectedVersion":0,"sendEvent":{"instanceId":"i","event":"e"}}]})",
      R"({"transitions":[{"expectedVersion":7,"sendEvent":{"instanceId":"i","event":"e"}}]})",
      R"({"transitions":[{"createInstance":{"instanceId":"i"}}]})",
      R"({"transitions":[{"createInstance":{"instanceId":"i","allowExisting":true}}]})",
      R"({"transitions":[{"deleteInstance":{"instanceId":"i"}}]})",
      R"({"transitions":[{"sendEvent":{"instanceId":"i","event":"e"}},
                         {"sendEvent":{"instanceId":"j","event":"e"}}]})",
      R"({"transitions":[{"sendEvent":{"instanceId":"j","event":"e"}},
                         {"sendEvent":{"instanceId":"i","event":"e"}}]})"};
  for (size_t i = 0; i < contents.size(); ++i) {
    EXPECT_EQ(Of(contents[i]), Of(contents[i]));
    for (size_t j = 0; j < i; ++j) {
      EXPECT_NE(Of(contents[i]), Of(contents[j])) << contents[i] << "\n" << contents[j];
    }
  }
}

TEST(RequestFingerprint, WhatIsNoContentDoesNotMatter) {
  v1::SubmitRequest request = Parse(Event("{}"));
  const Digest digest = RequestFingerprint(request.transitions());
  request.set_view(v1::VIEW_FULL);
  request.set_request_id("r");
  EXPECT_EQ(RequestFingerprint(request.transitions()), digest);
}

TEST(RequestFingerprint, AnUnknownFieldShows) {
  v1::SubmitRequest request = Parse(Event("{}"));
  const Digest digest = RequestFingerprint(request.transitions());
  v1::SendEvent* send = request.mutable_transitions(0)->mutable_send_event();
  send->GetReflection()->MutableUnknownFields(send)->AddVarint(900, 1);
  EXPECT_NE(RequestFingerprint(request.transitions()), digest);
}

// The form is in stored records: it must be the same in every release. This is it, by hand.
TEST(RequestFingerprint, TheFormHoldsForGood) {
  const Digest digest = Of(
      R"({"transitions":[{"expectedVersion":"258","sendEvent":
          {"instanceId":"i","event":"e","data":{"b":1,"a":true}}}]})");
  const std::string end("\0\0", 2);  // no more fields; no unknown ones
  const std::string number_value =
      std::string("\2\1") + std::string("\x3f\xf0\0\0\0\0\0\0", 8) + end;
  const std::string bool_value = std::string("\4\1") + std::string("\0\0\0\0\0\0\0\1", 8) + end;
  const std::string entry_a = std::string("\1\1\1a") + "\2\1" + bool_value + end;
  const std::string entry_b = std::string("\1\1\1b") + "\2\1" + number_value + end;
  const std::string data = std::string("\1\2") + entry_a + entry_b + end;
  const std::string send = std::string("\1\1\1i") + "\2\1\1e" + "\3\1" + data + end;
  const std::string transition =
      std::string("\1\1") + std::string("\0\0\0\0\0\0\1\2", 8) + "\4\1" + send + end;
  EXPECT_EQ(ToHex(digest), ToHex(Sha256("swoosh.fingerprint.1" + transition)));
}

}  // namespace
}  // namespace swoosh
