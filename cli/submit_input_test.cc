#include "cli/submit_input.h"

#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::string TestFile(absl::string_view content) {
  const std::string path =
      absl::StrCat(testing::TempDir(), "/",
                   testing::UnitTest::GetInstance()->current_test_info()->name(), ".jsonl");
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::unique_ptr<SubmitInput> MustOpen(const std::string& path, const char* ns = "default") {
  absl::StatusOr<std::unique_ptr<SubmitInput>> input = SubmitInput::Open(path, ns);
  EXPECT_TRUE(input.ok()) << input.status();
  return *std::move(input);
}

SubmitLine MustRead(SubmitInput* input) {
  absl::StatusOr<std::optional<SubmitLine>> line = input->Next();
  EXPECT_TRUE(line.ok()) << line.status();
  EXPECT_TRUE(line->has_value());
  return line.ok() && line->has_value() ? **line : SubmitLine();
}

bool AtEnd(SubmitInput* input) {
  const auto line = input->Next();
  return line.ok() && !line->has_value();
}

constexpr char kSend[] = R"({"transitions":[{"sendEvent":{"instanceId":"a","event":"e"}}]})";

TEST(SubmitInput, ReadsARequestALineAndPassesOverBlankOnes) {
  const std::string text = absl::StrCat(kSend, "\n\n  \r\n", kSend, "\r\n", kSend);
  const auto input = MustOpen(TestFile(text));
  EXPECT_EQ(input->bytes_total(), text.size());
  EXPECT_EQ(MustRead(input.get()).end.line, 1u);
  EXPECT_EQ(MustRead(input.get()).end.line, 4u);
  const SubmitLine last = MustRead(input.get());
  EXPECT_EQ(last.end.line, 5u);
  EXPECT_EQ(last.end.bytes, text.size());
  EXPECT_EQ(last.request.transitions(0).send_event().event(), "e");
  EXPECT_TRUE(AtEnd(input.get()));
}

TEST(SubmitInput, MakesTheSameRequestIdsOfTheSameFileAndOthersOfAnother) {
  const std::string text = absl::StrCat(kSend, "\n", kSend, "\n");
  std::vector<std::string> ids;
  for (int run = 0; run < 2; ++run) {
    const auto input = MustOpen(TestFile(text));
    ids.push_back(MustRead(input.get()).request.request_id());
    ids.push_back(MustRead(input.get()).request.request_id());
  }
  EXPECT_EQ(ids[0], ids[2]);
  EXPECT_EQ(ids[1], ids[3]);
  EXPECT_NE(ids[0], ids[1]);  // Equal lines, at other places.
  EXPECT_LE(ids[0].size(), 128u);
  const auto other = MustOpen(TestFile(absl::StrCat("\n", kSend, "\n")));
  EXPECT_NE(MustRead(other.get()).request.request_id(), ids[0]);
}

TEST(SubmitInput, KeepsWhatARequestSaysItself) {
  const std::string path = TestFile(R"({"requestId":"mine","namespace":"own"})"
                                    "\n{}\n");
  const auto input = MustOpen(path, "given");
  const SubmitLine own = MustRead(input.get());
  EXPECT_EQ(own.request.request_id(), "mine");
  EXPECT_EQ(own.request.namespace_(), "own");
  EXPECT_EQ(MustRead(input.get()).request.namespace_(), "given");
}

TEST(SubmitInput, NamesTheLineThatIsNoRequest) {
  const std::pair<std::string, std::string> cases[] = {
      {"{\"transition\": []}",
       "line 2: 1:2: transition: unknown field (did you mean 'transitions'?)"},
      {"not json", "line 2: 1:1: expected a value"},
      {"{} {}", "line 2: 1:4: something follows"},
      {"{\"requestId\": \"" + std::string(5'000'000, 'x') + "\"}", "line 2: the request has 50000"},
      {std::string(kSubmitLineBytesMax + 2, ' '), "line 2: longer than"},
  };
  for (const auto& [line, error] : cases) {
    const auto input = MustOpen(TestFile(absl::StrCat(kSend, "\n", line, "\n")));
    MustRead(input.get());
    const absl::Status status = input->Next().status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_TRUE(absl::StrContains(status.message(), error)) << status;
  }
}

TEST(SubmitInput, GoesOnFromAPlaceOfTheSameFileOnly) {
  const std::string text = absl::StrCat(kSend, "\n\n", kSend, "\n", kSend, "\n");
  const auto first = MustOpen(TestFile(text));
  MustRead(first.get());
  const SubmitPlace place = MustRead(first.get()).end;
  const std::string next_id = MustRead(first.get()).request.request_id();

  const auto second = MustOpen(TestFile(text));
  ASSERT_TRUE(second->SkipTo(place).ok());
  EXPECT_EQ(MustRead(second.get()).request.request_id(), next_id);

  const std::string changed = absl::StrCat(kSend, "\n \n", kSend, "\n", kSend, "\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(MustOpen(TestFile(changed))->SkipTo(place)));
  EXPECT_TRUE(absl::IsFailedPrecondition(MustOpen(TestFile(kSend))->SkipTo(place)));
}

TEST(SubmitInput, TellsThatAPipeHasNothingYet) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const auto input = MustOpen(absl::StrCat("/dev/fd/", ends[0]));
  EXPECT_EQ(input->bytes_total(), 0u);
  EXPECT_FALSE(input->WaitForLine(absl::Milliseconds(1)));
  const std::string half(kSend, 10);
  ASSERT_EQ(write(ends[1], half.data(), half.size()), 10);
  EXPECT_FALSE(input->WaitForLine(absl::Milliseconds(1)));
  const std::string rest = absl::StrCat(kSend + 10, "\n");
  ASSERT_GT(write(ends[1], rest.data(), rest.size()), 0);
  EXPECT_TRUE(input->WaitForLine(absl::Seconds(10)));
  EXPECT_EQ(MustRead(input.get()).end.line, 1u);
  close(ends[1]);
  EXPECT_TRUE(input->WaitForLine(absl::Seconds(10)));
  EXPECT_TRUE(AtEnd(input.get()));
  close(ends[0]);
}

TEST(SubmitInput, RefusesWhatCanNotBeRead) {
  EXPECT_TRUE(absl::IsNotFound(SubmitInput::Open("no/such/file", "default").status()));
  EXPECT_FALSE(SubmitInput::Open(testing::TempDir(), "default").ok());
}

TEST(Touches, AreWhatARequestDependsOn) {
  v1::SubmitRequest request;
  request.add_transitions()->mutable_register_machine()->mutable_machine()->set_name("m");
  request.add_transitions()->mutable_create_instance()->set_instance_id("i");
  request.mutable_transitions(1)->mutable_create_instance()->set_machine("n");
  request.add_transitions()->mutable_send_event()->set_instance_id("j");
  request.add_transitions()->mutable_delete_instance()->set_instance_id("k");
  std::vector<std::string> touches;
  for (const Touch& touch : TouchesOf(request)) {
    touches.push_back(absl::StrCat(touch.changes ? "changes " : "reads ", touch.name));
  }
  EXPECT_EQ(touches,
            (std::vector<std::string>{"changes machine default m", "changes instance default i",
                                      "reads machine default n", "changes instance default j",
                                      "changes instance default k"}));
  request.set_namespace_("x");
  EXPECT_EQ(TouchesOf(request)[3].name, "instance x j");
}

}  // namespace
}  // namespace swoosh
