#include "cli/conversion/json_export.h"

#include "cli/machine_file.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

TEST(JsonExport, WritesWhatPutReadsWithTheContextInOrder) {
  absl::StatusOr<MachineFile> file = ParseMachineFile("m.yaml", R"yaml(
name: lamp
retention: 1.5s
context: {z: 1, a: {d: "q\"\\\n\u0001é", c: [1.5, null, true]}, m: []}
root:
  id: lamp
  initial: [dark]
  states:
    - id: dark
      on: [{event: toggle, guard: "context.z < 3", target: [lit], actions: [emit: {name: click, data: "'on'"}]}]
    - {id: lit, type: FINAL}
)yaml");
  ASSERT_TRUE(file.ok()) << file.status();
  file->machine.set_version(3);
  file->machine.set_semantics_version(1);
  file->machine.set_definition_hash("x");
  const std::string text = ExportJson(file->machine);
  EXPECT_EQ(text, R"json({
  "name": "lamp",
  "context": {"a": {"c": [1.5, null, true], "d": "q\"\\\n\u0001é"}, "m": [], "z": 1},
  "root": {
    "id": "lamp",
    "initial": ["dark"],
    "states": [
      {
        "id": "dark",
        "on": [
          {
            "event": "toggle",
            "target": ["lit"],
            "guard": "context.z < 3",
            "actions": [{"emit": {"name": "click", "data": "'on'"}}]
          }
        ]
      },
      {"id": "lit", "type": "FINAL"}
    ]
  },
  "retention": "1.500s"
}
)json");
  const absl::StatusOr<MachineFile> again = ParseMachineFile("m.json", text);
  ASSERT_TRUE(again.ok()) << again.status();
  file->machine.clear_version();
  file->machine.clear_semantics_version();
  file->machine.clear_definition_hash();
  EXPECT_EQ(again->machine.DebugString(), file->machine.DebugString());
}

}  // namespace
}  // namespace swoosh
