#include "cli/submit_journal.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/submit_checkpoint.h"
#include "cli/submit_input.h"
#include "cli/submit_report.h"
#include "cli/text_file.h"
#include "cli/text_table.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::string TestPath(absl::string_view name) {
  const std::string path =
      absl::StrCat(testing::TempDir(), "/",
                   testing::UnitTest::GetInstance()->current_test_info()->name(), ".", name);
  std::remove(path.c_str());
  return path;
}

std::string Content(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, 1'000'000);
  return text.ok() ? *text : absl::StrCat("no file: ", text.status().message());
}

std::unique_ptr<SubmitJournal> MustOpen(const std::string& checkpoint,
                                        const std::string& responses) {
  absl::StatusOr<std::unique_ptr<SubmitJournal>> journal =
      SubmitJournal::Open(checkpoint, responses);
  EXPECT_TRUE(journal.ok()) << journal.status();
  return *std::move(journal);
}

SubmitLine Line(uint64_t number) {
  SubmitLine line;
  line.end.line = number;
  line.end.bytes = number * 100;
  line.end.chain.fill(static_cast<uint8_t>(number));
  line.request.set_request_id(absl::StrCat("r", number));
  return line;
}

v1::SubmitResponse Accepted(uint64_t index) {
  v1::SubmitResponse response;
  response.set_request_id(absl::StrCat("r", index));
  response.set_index(index);
  return response;
}

v1::SubmitResponse Refused() {
  v1::SubmitResponse response;
  response.mutable_status()->set_code(9);
  return response;
}

TEST(SubmitTotals, CountEachOutcomeApart) {
  SubmitTotals totals;
  v1::SubmitRequest validate;
  validate.set_validate_only(true);
  v1::SubmitResponse duplicate = Accepted(3);
  duplicate.set_duplicate(true);
  totals.Add({}, Accepted(5));
  totals.Add({}, duplicate);
  totals.Add(validate, v1::SubmitResponse());
  totals.Add({}, Refused());
  totals.Add(validate, Refused());
  EXPECT_EQ(totals.accepted, 1u);
  EXPECT_EQ(totals.duplicates, 1u);
  EXPECT_EQ(totals.validated, 1u);
  EXPECT_EQ(totals.refused.at("FAILED_PRECONDITION"), 2u);
  EXPECT_EQ(totals.answered(), 5u);
  EXPECT_EQ(totals.last_index, 5u);
}

TEST(SubmitCheckpoint, ReadsWhatItWrote) {
  SubmitCheckpoint checkpoint;
  checkpoint.place = Line(7).end;
  checkpoint.history_id = "h-1";
  checkpoint.responses_bytes = 123;
  checkpoint.totals.accepted = 4;
  checkpoint.totals.duplicates = 1;
  checkpoint.totals.validated = 2;
  checkpoint.totals.last_index = 9;
  checkpoint.totals.refused["FAILED_PRECONDITION GUARD_FALSE"] = 3;
  const std::string text = EncodeCheckpoint(checkpoint);
  const absl::StatusOr<SubmitCheckpoint> read = DecodeCheckpoint(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(EncodeCheckpoint(*read), text);
  EXPECT_EQ(read->place.chain, checkpoint.place.chain);
  EXPECT_EQ(read->totals.refused, checkpoint.totals.refused);
}

TEST(SubmitCheckpoint, RefusesAnotherFile) {
  const std::string good = EncodeCheckpoint(SubmitCheckpoint());
  for (const std::string& bad :
       {std::string(""), std::string("{}"), std::string("[1]"), good.substr(0, good.size() / 2),
        std::string("{\"format\": 2}"), std::string("{\"format\": \"1\"}")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeCheckpoint(bad).status())) << bad;
  }
}

TEST(SubmitJournal, GoesOnWhereTheCheckpointWasWritten) {
  const std::string checkpoint = TestPath("checkpoint");
  const std::string responses = TestPath("responses");
  {
    const auto journal = MustOpen(checkpoint, responses);
    ASSERT_TRUE(journal->Connected("h").ok());
    ASSERT_TRUE(journal->Answered(Line(1), Accepted(1)).ok());
    ASSERT_TRUE(journal->Answered(Line(2), Refused()).ok());
    ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/true).ok());
    // Answered, but the process ends before it is noted.
    ASSERT_TRUE(journal->Answered(Line(3), Accepted(2)).ok());
  }
  // What a crash may leave: a response that the checkpoint does not cover.
  std::ofstream(responses, std::ios::app) << "{\"requestId\":\"r2\",\"index\":\"2\"}\n";
  const auto journal = MustOpen(checkpoint, responses);
  EXPECT_EQ(journal->answered_before(), 2u);
  EXPECT_EQ(journal->checkpoint().place.line, 2u);
  ASSERT_TRUE(journal->Connected("h").ok());
  ASSERT_TRUE(journal->Answered(Line(3), Accepted(2)).ok());
  ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/true).ok());
  EXPECT_EQ(journal->checkpoint().totals.answered(), 3u);
  EXPECT_EQ(Content(responses),
            "{\"requestId\":\"r1\",\"index\":\"1\"}\n"
            "{\"status\":{\"code\":9}}\n"
            "{\"requestId\":\"r2\",\"index\":\"2\"}\n");
}

TEST(SubmitJournal, WritesTheCheckpointAtMostOnceASecondUnlessAsked) {
  const std::string path = TestPath("checkpoint");
  const auto journal = MustOpen(path, "");
  ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/false).ok());
  EXPECT_TRUE(absl::StartsWith(Content(path), "no file"));  // no news
  ASSERT_TRUE(journal->Answered(Line(1), Accepted(1)).ok());
  ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/false).ok());
  const std::string first = Content(path);
  EXPECT_TRUE(absl::StrContains(first, "\"lines\":1"));
  ASSERT_TRUE(journal->Answered(Line(2), Accepted(2)).ok());
  ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/false).ok());
  EXPECT_EQ(Content(path), first);
  ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/true).ok());
  EXPECT_TRUE(absl::StrContains(Content(path), "\"lines\":2"));
}

TEST(SubmitJournal, NotesARefusalBeforeItsInstanceCanGoOn) {
  const std::string checkpoint = TestPath("checkpoint");
  const std::string responses = TestPath("responses");
  const auto journal = MustOpen(checkpoint, responses);
  ASSERT_TRUE(journal->Answered(Line(1), Accepted(1)).ok());
  ASSERT_TRUE(journal->Answered(Line(2), Refused()).ok());
  EXPECT_TRUE(absl::StrContains(Content(checkpoint), "\"lines\":2"));
  EXPECT_TRUE(absl::EndsWith(Content(responses), "{\"status\":{\"code\":9}}\n"));
}

TEST(SubmitJournal, RefusesACheckpointOfAnotherHistory) {
  const std::string path = TestPath("checkpoint");
  {
    const auto journal = MustOpen(path, "");
    ASSERT_TRUE(journal->Connected("h-1").ok());
    ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/true).ok());
  }
  const auto journal = MustOpen(path, "");
  EXPECT_TRUE(journal->Connected("h-1").ok());
  EXPECT_TRUE(absl::IsAborted(journal->Connected("h-2")));
}

TEST(SubmitJournal, RefusesResponsesThatLackWhatTheCheckpointCovers) {
  const std::string checkpoint = TestPath("checkpoint");
  const std::string responses = TestPath("responses");
  {
    const auto journal = MustOpen(checkpoint, responses);
    ASSERT_TRUE(journal->Answered(Line(1), Accepted(1)).ok());
    ASSERT_TRUE(journal->WriteCheckpoint(/*now=*/true).ok());
  }
  std::remove(responses.c_str());
  EXPECT_TRUE(absl::IsFailedPrecondition(SubmitJournal::Open(checkpoint, responses).status()));
}

TEST(SubmitJournal, RefusesAFileThatIsNoCheckpoint) {
  const std::string path = TestPath("checkpoint");
  std::ofstream(path) << "precious notes";
  EXPECT_TRUE(absl::IsInvalidArgument(SubmitJournal::Open(path, "").status()));
  EXPECT_EQ(Content(path), "precious notes");
}

SubmitRun ExampleRun() {
  SubmitRun run;
  run.checkpoint.place.line = 1'300;
  run.checkpoint.place.bytes = 500;
  run.bytes_total = 1'000;
  run.checkpoint.totals.accepted = 1'234;
  run.checkpoint.totals.duplicates = 1;
  run.checkpoint.totals.refused["FAILED_PRECONDITION GUARD_FALSE"] = 60;
  run.checkpoint.totals.refused["NOT_FOUND INSTANCE_NOT_FOUND"] = 5;
  run.checkpoint.totals.last_index = 1'240;
  run.answered_before = 300;
  run.elapsed = absl::Seconds(2);
  return run;
}

TEST(SubmitReport, DrawsAsMuchAsFits) {
  EXPECT_EQ(ProgressLine(ExampleRun(), 80),
            "[############............]  50 %  1,300 answered, 65 refused, 500/s");
  EXPECT_EQ(ProgressLine(ExampleRun(), 10), "[#########");
  SubmitRun pipe = ExampleRun();
  pipe.bytes_total = 0;
  EXPECT_EQ(ProgressLine(pipe, 80), "1,300 answered, 65 refused, 500/s");
}

TEST(SubmitReport, SumsUpByReason) {
  EXPECT_EQ(SummaryText(ExampleRun(), Palette(false)),
            "answered                           1,300 requests\n"
            "accepted                           1,234\n"
            "duplicates                         1 accepted before\n"
            "refused                            65\n"
            "  FAILED_PRECONDITION GUARD_FALSE  60\n"
            "  NOT_FOUND INSTANCE_NOT_FOUND     5\n"
            "resumed after                      300\n"
            "last index                         1240\n"
            "time                               2.0 s, 500/s\n");
  EXPECT_EQ(SummaryJson(ExampleRun()),
            "{\"accepted\":1234,\"answered\":1300,\"answeredBefore\":300,\"duplicates\":1,"
            "\"lastIndex\":1240,\"lines\":1300,\"refused\":{\"FAILED_PRECONDITION GUARD_FALSE\":60,"
            "\"NOT_FOUND INSTANCE_NOT_FOUND\":5},\"seconds\":2,\"validated\":0}\n");
}

TEST(SubmitReport, GroupsDigits) {
  EXPECT_EQ(GroupedDigits(0), "0");
  EXPECT_EQ(GroupedDigits(999), "999");
  EXPECT_EQ(GroupedDigits(1'000), "1,000");
  EXPECT_EQ(GroupedDigits(12'345'678), "12,345,678");
}

}  // namespace
}  // namespace swoosh
