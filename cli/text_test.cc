#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "cli/error_text.h"
#include "cli/proto_text.h"
#include "cli/rpc_status.h"
#include "cli/step_text.h"
#include "cli/text_table.h"
#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "swoosh/v1/error.pb.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {
namespace {

const Palette kPlain(false);

TEST(TextTable, IsAsWideAsItsCellsAndEndsNoLineInSpaces) {
  TextTable table({"ID", "STATE", "NOTE"});
  table.AddRow({"o-1", "größer", ""});
  table.AddRow({"o-100", "x", "y"});
  EXPECT_EQ(table.Render(kPlain),
            "ID     STATE   NOTE\n"
            "o-1    größer\n"
            "o-100  x       y\n");
}

TEST(Printable, LetsNothingReachTheTerminalThatMovesTheCursor) {
  EXPECT_EQ(Printable("a\x1b[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
  EXPECT_EQ(Printable("\xc2\x9bx"), "\\xc2\\x9bx");  // CSI of ISO 6429 in one character
  EXPECT_EQ(Printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(Printable("größer → 😀"), "größer → 😀");
}

TEST(Palette, ColoursOnlyWhenItShall) {
  EXPECT_EQ(Palette(true).Red("x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(kPlain.Red("x"), "x");
}

TEST(ErrorText, SpellsOutGuardsWithTheirValues) {
  absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, v1::GUARD_FALSE, "all guards are false");
  v1::Denial denial;
  v1::EdgeDenial* edge = denial.add_edges();
  edge->set_edge("pay");
  edge->set_guard("context.amount <= 100");
  edge->set_reason("context.amount (250) <= 100 is false");
  denial.add_enabled_events("pay");
  denial.add_enabled_events("failed.*");
  AddDetail(denial, &status);
  EXPECT_EQ(ErrorText(status, "pay", kPlain),
            "error: FAILED_PRECONDITION GUARD_FALSE: all guards are false\n"
            "  edge pay, guard context.amount <= 100\n"
            "    context.amount (250) <= 100 is false\n"
            "  enabled now: pay, failed.*\n");
}

TEST(ErrorText, SuggestsTheEnabledEventThatWasMeant) {
  absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, v1::EVENT_NOT_ENABLED, "no edge takes it");
  v1::Denial denial;
  denial.add_enabled_events("stock.reserved");
  denial.add_enabled_events("cancel");
  denial.add_enabled_events("*");
  AddDetail(denial, &status);
  EXPECT_TRUE(absl::StrContains(ErrorText(status, "cancle", kPlain), "  did you mean cancel?\n"));
  EXPECT_FALSE(absl::StrContains(ErrorText(status, "refund", kPlain), "did you mean"));
}

TEST(ErrorText, ListsFieldViolationsThatTheMessageDoesNotTell) {
  absl::Status status = InvalidField("transitions[0].send_event.event", "must not be empty");
  EXPECT_EQ(ErrorText(status, "", kPlain),
            "error: INVALID_ARGUMENT INVALID_FIELD: transitions[0].send_event.event: must not be "
            "empty\n");
  google::rpc::BadRequest two;
  GetDetail(status, &two);
  auto* second = two.add_field_violations();
  second->set_field("request_id");
  second->set_description("is too long");
  AddDetail(two, &status);
  EXPECT_TRUE(absl::StrContains(ErrorText(status, "", kPlain), "\n  request_id: is too long\n"));
}

TEST(ErrorText, ShowsReasonsOfNewerServers) {
  absl::Status status = absl::UnavailableError("later");
  google::rpc::ErrorInfo info;
  info.set_domain(kErrorDomain);
  info.set_reason("NOT_YET_INVENTED");
  AddDetail(info, &status);
  EXPECT_EQ(CodeAndReason(status), "UNAVAILABLE NOT_YET_INVENTED");
  EXPECT_EQ(CodeAndReason(absl::InternalError("x")), "INTERNAL");
}

TEST(RpcStatus, KeepsDetailsOnTheWayThereAndBack) {
  const absl::Status status = InvalidField("a.b", "is wrong");
  EXPECT_EQ(FromRpcStatus(ToRpcStatus(status)), status);
  EXPECT_EQ(ToRpcStatus(status).details_size(), 2);
}

TEST(RpcStatus, TellsWhatPassesFromWhatDoesNot) {
  const auto error = [](absl::StatusCode code, v1::ErrorReason reason) {
    return MakeError(code, reason, "x");
  };
  EXPECT_TRUE(IsTransient(absl::UnavailableError("connection refused")));
  EXPECT_TRUE(IsTransient(error(absl::StatusCode::kUnavailable, v1::OUTCOME_UNKNOWN)));
  EXPECT_TRUE(IsTransient(error(absl::StatusCode::kResourceExhausted, v1::DISK_NEARLY_FULL)));
  EXPECT_TRUE(IsTransient(absl::InternalError("RST_STREAM")));
  EXPECT_FALSE(IsTransient(error(absl::StatusCode::kInternal, v1::INTERNAL_BUG)));
  EXPECT_FALSE(IsTransient(error(absl::StatusCode::kResourceExhausted, v1::LIMIT_REACHED)));
  EXPECT_FALSE(IsTransient(absl::ResourceExhaustedError("message larger than max")));
  EXPECT_FALSE(IsTransient(error(absl::StatusCode::kFailedPrecondition, v1::GUARD_FALSE)));
  EXPECT_FALSE(IsTransient(absl::OkStatus()));
}

v1::Change ExampleChange() {
  v1::Change change;
  change.set_status(v1::Instance::DONE);
  for (const char* state : {"order", "buying", "shipping"}) change.add_configuration(state);
  change.add_edges("card_charged");
  v1::Emitted* emitted = change.add_emitted();
  emitted->set_name("ship");
  (*emitted->mutable_data()->mutable_struct_value()->mutable_fields())["b"].set_number_value(2);
  (*emitted->mutable_data()->mutable_struct_value()->mutable_fields())["a"].set_number_value(1);
  change.add_emitted()->set_name("tell");
  return change;
}

TEST(StepText, ShowsBeforeAfterEdgesEmittedAndEnabled) {
  v1::Instance after;
  after.mutable_output()->set_string_value("r-1");
  after.add_enabled_events("shipped");
  after.add_enabled_events("cancel");
  EXPECT_EQ(StepText("o-1", "buying/charging", ExampleChange(), after, kPlain),
            "o-1  buying/charging → buying/shipping\n"
            "  edges    card_charged\n"
            "  emitted  ship {\"a\":1,\"b\":2}, tell\n"
            "  status   DONE\n"
            "  output   \"r-1\"\n"
            "  enabled  shipped, cancel\n");
}

v1::Timer ExampleTimer(const std::string& id, const std::string& event, int64_t due_seconds) {
  v1::Timer timer;
  timer.set_id(id);
  timer.set_event(event);
  timer.mutable_due()->set_seconds(due_seconds);
  return timer;
}

TEST(StepText, ShowsWhyAnInstanceIsFaultedAndWhatWaits) {
  v1::Change change = ExampleChange();
  change.set_status(v1::Instance::FAULTED);
  change.mutable_fault()->set_message("an assign:\nno");
  change.clear_emitted();
  change.clear_edges();
  v1::Instance after;
  after.mutable_update_time()->set_seconds(100);
  *after.add_timers() = ExampleTimer("", "tick", 100);
  *after.add_timers() = ExampleTimer("retention", "", 190);
  EXPECT_EQ(StepText("", "buying", change, after, kPlain),
            "buying → buying/shipping\n"
            "  status  FAULTED\n"
            "  fault   an assign:\\x0ano\n"
            "  timers  tick now, retention in 1m30s\n");
  EXPECT_EQ(ChangeSummary(change), "buying/shipping (FAULTED: an assign:\nno)");
  change.set_deleted(true);
  change.clear_configuration();
  EXPECT_EQ(ChangeSummary(change), "deleted");
  EXPECT_EQ(StepText("o", "buying", change, v1::Instance(), kPlain).substr(0, 22),
            "o  buying → deleted\n");
}

TEST(ProtoText, NamesTimersByTheirEventAndTheIdThatSaysMore) {
  EXPECT_EQ(TimerName(ExampleTimer("wait/after/0", "after.wait", 0)), "after.wait");
  EXPECT_EQ(TimerName(ExampleTimer("wait/after/1", "after.wait", 0)), "after.wait (wait/after/1)");
  EXPECT_EQ(TimerName(ExampleTimer("too_late", "after.wait", 0)), "after.wait (too_late)");
  EXPECT_EQ(TimerName(ExampleTimer("r-1", "remind", 0)), "remind (r-1)");
  EXPECT_EQ(TimerName(ExampleTimer("retention", "", 0)), "retention");
}

TEST(ProtoText, ShowsTheFirstOfManyTimers) {
  v1::Instance instance;
  for (int i = 0; i < 12; ++i) *instance.add_timers() = ExampleTimer("", "t", 5);
  const std::string text = TimersText(instance.timers(), google::protobuf::Timestamp());
  EXPECT_EQ(text.substr(0, 16), "t in 5s, t in 5s");
  EXPECT_EQ(text.substr(text.size() - 18), "t in 5s and 2 more");
}

TEST(ProtoText, PrintsTheProtoJsonMapping) {
  v1::SubmitResponse response;
  response.set_request_id("r");
  response.set_index(12);
  EXPECT_EQ(ToJson(response), "{\"requestId\":\"r\",\"index\":\"12\"}");
}

TEST(ProtoText, PrintsAnErrorWhoseDetailsItDoesNotKnow) {
  v1::SubmitResponse response;
  response.mutable_status()->set_code(14);
  response.mutable_status()->set_message("later");
  auto* detail = response.mutable_status()->add_details();
  detail->set_type_url("type.googleapis.com/not.Known");
  detail->set_value("\x0a\x01x");
  EXPECT_EQ(ToJson(response), "{\"status\":{\"code\":14,\"message\":\"later\"}}");
}

TEST(ProtoText, ShowsTimesInUtc) {
  google::protobuf::Timestamp time;
  EXPECT_EQ(TimeText(time), "");
  time.set_seconds(1'717'156'800);
  time.set_nanos(250'000'000);
  EXPECT_EQ(TimeText(time), "2024-05-31 12:00:00.250");
}

}  // namespace
}  // namespace swoosh
