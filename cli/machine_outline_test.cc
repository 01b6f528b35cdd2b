#include "cli/machine_outline.h"

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/machine_file.h"
#include "cli/text_table.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

v1::Machine Parse(absl::string_view yaml) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile("m.yaml", yaml);
  EXPECT_TRUE(file.ok()) << file.status();
  return file->machine;
}

constexpr char kLamp[] = R"(
name: lamp
context: {on: 0}
root:
  id: lamp
  initial: [dark]
  states:
    - id: dark
      exit: [emit: {name: click}]
      on:
        - {event: toggle, guard: "context.on < 3", target: [lit],
           actions: [assign: {location: context.on, value: context.on + 1}]}
    - id: lit
      initial: [dim]
      states:
        - id: dim
          always: [{guard: "context.on > 1", target: [bright]}]
        - id: bright
    - {id: broken, type: final, output: context.on}
)";

TEST(MachineOutline, ShowsStatesEdgesAndActionsAsATree) {
  EXPECT_EQ(MachineOutline(Parse(kLamp), Palette(false)),
            "context {\"on\":0}\n"
            "lamp (starts in dark)\n"
            "  dark\n"
            "    on toggle [context.on < 3] -> lit\n"
            "      do context.on = context.on + 1\n"
            "    exit emit click\n"
            "  lit (starts in dim)\n"
            "    dim\n"
            "      always [context.on > 1] -> bright\n"
            "    bright\n"
            "  broken (final)\n"
            "    output context.on\n");
}

TEST(MachineOutline, CountsStatesWithoutTheRootAndEdgesOfAllKinds) {
  const MachineCounts counts = CountMachine(Parse(kLamp));
  EXPECT_EQ(counts.states, 5);
  EXPECT_EQ(counts.edges, 2);
}

TEST(MachineWarnings, NameStatesThatCanNeverBeEntered) {
  EXPECT_EQ(MachineWarnings(Parse(kLamp)),
            std::vector<std::string>{"state broken can never be entered"});
}

TEST(MachineWarnings, NameEdgesBehindOneThatAlwaysTakesTheEvent) {
  EXPECT_EQ(MachineWarnings(Parse(R"(
name: m
root:
  id: m
  initial: [a]
  states:
    - id: a
      on:
        - {event: "x.*", guard: "true", target: [a]}
        - {event: "x y", target: [a]}
        - {id: second, event: x.z, target: [a]}
        - {event: xz, target: [a]}
      always:
        - {guard: "false", target: [a]}
        - {guard: "true", target: [a]}
)")),
            std::vector<std::string>{
                "edge second is never taken: a/on/1 comes before it and has no guard"});
}

TEST(MachineWarnings, AreNoneForAMachineThatUsesAllItHas) {
  EXPECT_TRUE(MachineWarnings(Parse(R"(
name: m
root:
  id: m
  initial: [p]
  on: [{event: quit, target: [deep]}]
  states:
    - id: p
      type: parallel
      states: [{id: p1}, {id: p2}]
    - id: outer
      initial: [shallow]
      states:
        - {id: shallow, after: [{delay: 1s, target: [late]}]}
        - {id: deep}
    - {id: late}
)"))
                  .empty());
}

}  // namespace
}  // namespace swoosh
