#include "cli/machine_outline.h"

#include <string>

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

}  // namespace
}  // namespace swoosh
