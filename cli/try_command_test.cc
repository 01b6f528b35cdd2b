#include "cli/try_command.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cli/program.h"
#include "cli/session.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr char kDoor[] = R"(
name: door
context: {code: "0000", tries: 0}
root:
  id: door
  initial: [locked]
  states:
    - id: locked
      on:
        - {id: unlock, event: unlock, guard: event.data.code == context.code, target: [closed]}
    - id: closed
      entry: [emit: {name: click, data: context.tries}]
      on: [{id: open, event: open, target: [opened]}]
    - {id: opened, type: FINAL}
)";

constexpr char kPatience[] = R"(
name: patience
retention: 2h
root:
  id: patience
  initial: [waiting]
  states:
    - id: waiting
      after: [{id: too_late, delay: 15m, target: [late]}]
      on:
        - {id: ask, event: ask, actions: [send: {id: r1, event: remind, delay: 10m}]}
        - {id: remind, event: remind, actions: [emit: {name: reminder}]}
        - {id: poke, event: poke, actions: [send: {event: echo}]}
        - {id: echo, event: echo, actions: [emit: {name: echoed}]}
        - {id: pay, event: pay, externalGuard: fraud_check, target: [paid]}
        - {id: review, event: pay, externalGuard: reviewed, target: [paid]}
    - id: late
      after: [{id: broken, delay: 1h, actions: [assign: {location: context.no.such, value: "1"}]}]
    - {id: paid, type: FINAL}
)";

class TryCommandTest : public testing::Test {
 protected:
  int Run(std::vector<const char*> arguments, const std::string& input = "", bool typed = false) {
    std::istringstream in(input);
    out_.str("");
    err_.str("");
    Session session(&in, &out_, &err_, /*in_is_terminal=*/typed, /*out_is_terminal=*/false);
    arguments.insert(arguments.begin(), "swooshctl");
    return RunProgram(static_cast<int>(arguments.size()), arguments.data(), &session);
  }

  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  static std::string TextFile(absl::string_view name, absl::string_view text) {
    const std::string path = absl::StrCat(testing::TempDir(), "/", name);
    std::ofstream(path) << text;
    return path;
  }

  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(TryCommandTest, StepsThroughAMachineWithoutAServer) {
  const std::string path = TextFile("door.yaml", kDoor);
  EXPECT_EQ(Run({"try", path.c_str(), "--context", "{\"tries\": 2}"},
                "unlock {\"code\": \"1\"}\n"
                "opne\n"
                "# a comment\n"
                "unlock {\"code\": \"0000\"}\n"
                ":context\n"
                "open\n"),
            0)
      << err();
  EXPECT_TRUE(absl::StartsWith(out(), "door  locked\n")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "FAILED_PRECONDITION GUARD_FALSE")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "locked → closed\n  edges    unlock\n  emitted  click 2\n"))
      << out();
  EXPECT_TRUE(absl::StrContains(out(), "{\"code\":\"0000\",\"tries\":2}\n")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "closed → opened\n  edges   open\n  status  DONE\n"))
      << out();
}

TEST_F(TryCommandTest, PrintsAChangeOrARefusalALineForPrograms) {
  const std::string path = TextFile("door.yaml", kDoor);
  EXPECT_EQ(Run({"try", path.c_str(), "-o", "json"}, "open\nunlock {\"code\": \"0000\"}\n"), 0);
  std::istringstream lines(out());
  std::vector<std::string> read;
  for (std::string line; std::getline(lines, line);) read.push_back(line);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_TRUE(absl::StrContains(read[0], "\"created\":true")) << read[0];
  EXPECT_TRUE(absl::StrContains(read[1], "\"code\":9")) << read[1];
  EXPECT_TRUE(absl::StrContains(read[2], "\"edges\":[\"unlock\"]")) << read[2];
}

TEST_F(TryCommandTest, StopsAtALineThatItCanNotRead) {
  const std::string path = TextFile("door.yaml", kDoor);
  EXPECT_EQ(Run({"try", path.c_str()}, "unlock {code: 1}\nopen\n"), 1);
  EXPECT_TRUE(absl::StrContains(err(), "line 1: data:1:2: expected a key")) << err();
  EXPECT_EQ(Run({"try", path.c_str()}, ":nonsense\n"), 1);
}

TEST_F(TryCommandTest, LetsTimePassAndFiresEachTimerAtItsDeadline) {
  const std::string path = TextFile("patience.yaml", kPatience);
  EXPECT_EQ(Run({"try", path.c_str(), "--at", "+72h"}, "ask\npoke\n:wait 1m\n:wait\n"), 0) << err();
  EXPECT_EQ(out(),
            "patience  waiting\n"
            "  enabled  ask, remind, poke, echo, pay\n"
            "  timers   after.waiting (too_late) in 15m\n"
            "> ask\n"
            "waiting → waiting\n"
            "  edges    ask\n"
            "  enabled  ask, remind, poke, echo, pay\n"
            "  timers   remind (r1) in 10m, after.waiting (too_late) in 15m\n"
            "> poke\n"
            "waiting → waiting\n"
            "  edges    poke\n"
            "  enabled  ask, remind, poke, echo, pay\n"
            "  timers   echo now, remind (r1) in 10m, after.waiting (too_late) in 15m\n"
            "+0  echo  waiting → waiting\n"
            "  edges    echo\n"
            "  emitted  echoed\n"
            "  enabled  ask, remind, poke, echo, pay\n"
            "  timers   remind (r1) in 10m, after.waiting (too_late) in 15m\n"
            "> :wait 1m\n"
            "+1m  waiting\n"
            "> :wait\n"
            "+10m  remind (r1)  waiting → waiting\n"
            "  edges    remind\n"
            "  emitted  reminder\n"
            "  enabled  ask, remind, poke, echo, pay\n"
            "  timers   after.waiting (too_late) in 5m\n"
            "+15m  after.waiting (too_late)  waiting → late\n"
            "  edges   too_late\n"
            "  timers  after.late (broken) in 1h\n"
            "+1h15m  after.late (broken)  late → late\n"
            "  status  FAULTED\n"
            "  fault   instance try: an assign: context.no: is not there (and no edge takes "
            "error.execution)\n"
            "+72h  late\n");
  EXPECT_EQ(Run({"try", path.c_str(), "--at", "+14m", "-o", "json"}), 0) << err();
  EXPECT_FALSE(absl::StrContains(out(), "too_late")) << out();
  EXPECT_EQ(Run({"try", path.c_str(), "--at", "+15m", "-o", "json"}), 0) << err();
  EXPECT_TRUE(absl::StrContains(out(), "\"edges\":[\"too_late\"]")) << out();
}

TEST_F(TryCommandTest, TellsWhatTimeItIsAndWhatWaits) {
  const std::string path = TextFile("patience.yaml", kPatience);
  EXPECT_EQ(Run({"try", path.c_str()}, ":wait 14m\n:timers\n:state\n:wait 2h\n:state\n:timers\n"),
            0)
      << err();
  EXPECT_TRUE(absl::StrContains(out(),
                                "TIMER                     DUE IN  DUE\n"
                                "after.waiting (too_late)  1m      2"))
      << out();
  EXPECT_TRUE(absl::StrContains(out(), "timers   after.waiting (too_late) in 1m\n")) << out();
  EXPECT_TRUE(absl::StrContains(out(), ", +14m\n")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "fault    instance try: an assign: ")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "no timer waits\n")) << out();
  EXPECT_EQ(Run({"try", path.c_str()}, ":wait 1h30m\n:wait\n"), 1);
  EXPECT_EQ(err(), "error: line 2: no timer waits; :wait 72h lets time pass\n");
  EXPECT_EQ(Run({"try", path.c_str()}, ":wait later\n"), 1);
  EXPECT_EQ(Run({"try", path.c_str(), "--at", "+1m"}, ":wait 2m\n"), 1);
  EXPECT_EQ(err(), "error: --at: +1m is past: it is +2m now\n");
  for (const char* at : {"soon", "+0s", "-1h", "+900000h"}) {
    EXPECT_EQ(Run({"try", path.c_str(), "--at", at}), 2) << at;
  }
}

TEST_F(TryCommandTest, EndsAWaitWhoseTimersSetOneAnotherForEver) {
  const std::string path = TextFile("ticker.yaml", R"(
name: ticker
root:
  id: ticker
  initial: [on]
  states: [{id: on, after: [{delay: 1s, target: [on]}]}]
)");
  EXPECT_EQ(Run({"try", path.c_str(), "--at", "+720h", "-o", "json"}), 1);
  EXPECT_TRUE(absl::StrContains(err(), "10000 timers have fired, and it is +2h46m40s only"))
      << err();
}

TEST_F(TryCommandTest, AnswersExternalGuardsAsItIsTold) {
  const std::string path = TextFile("patience.yaml", kPatience);
  EXPECT_EQ(Run({"try", path.c_str(), "--guard", "fraud_check=false", "--guard", "reviewed=true",
                 "--at", "+3h"},
                "pay\npay\n"),
            0)
      << err();
  EXPECT_TRUE(absl::StrContains(out(),
                                "waiting → paid\n  edges   review\n  status  DONE\n"
                                "  timers  retention in 2h\n"))
      << out();
  EXPECT_TRUE(absl::StrContains(out(), "INSTANCE_NOT_RUNNING")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "+2h  retention  paid → deleted\n")) << out();
  EXPECT_TRUE(absl::EndsWith(out(), "+3h  deleted\n")) << out();

  EXPECT_EQ(Run({"try", path.c_str()}, "pay\n:guard fraud_check=true\npay\n"), 0) << err();
  EXPECT_TRUE(absl::StrContains(out(), "UNAVAILABLE GUARD_UNANSWERED")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "--guard NAME=true")) << out();
  EXPECT_TRUE(absl::StrContains(out(), "waiting → paid\n  edges   pay\n")) << out();

  EXPECT_EQ(Run({"try", path.c_str(), "--guard", "fraud_check=perhaps"}), 2);
  EXPECT_EQ(Run({"try", path.c_str(), "--guard", "fraud_check"}), 2);
}

TEST_F(TryCommandTest, AsksWhoTypesForExternalGuards) {
  const std::string path = TextFile("patience.yaml", kPatience);
  EXPECT_EQ(Run({"try", path.c_str()}, "pay\nwhat?\ndeny\nallow\n:quit\n", /*typed=*/true), 0);
  EXPECT_TRUE(
      absl::StrContains(out(),
                        "> external guard fraud_check of edge pay: allow or deny? "
                        "external guard fraud_check of edge pay: allow or deny? "
                        "external guard reviewed of edge review: allow or deny? waiting → paid\n"))
      << out();
  // Nobody answers.
  EXPECT_EQ(Run({"try", path.c_str()}, "pay\n", /*typed=*/true), 0);
  EXPECT_TRUE(absl::StrContains(out(), "GUARD_UNANSWERED")) << out();
}

}  // namespace
}  // namespace swoosh
