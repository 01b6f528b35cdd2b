#include "cli/machine_file.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/message_reader.h"
#include "core/errors.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {
namespace {

v1::Machine MustParse(const std::string& path, absl::string_view text) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile(path, text);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? file->machine : v1::Machine();
}

std::string ErrorOf(const std::string& path, absl::string_view text) {
  return std::string(ParseMachineFile(path, text).status().message());
}

constexpr char kDoorJson[] = R"({
  "name": "door",
  "context": {"tries": 0, "limits": [3, 0.5, null], "owner": {"name": "Zoë"}},
  "root": {
    "id": "door",
    "initial": ["locked"],
    "states": [
      {"id": "locked", "on": [{"event": "unlock", "guard": "event.data.ok", "target": ["open"],
        "actions": [{"assign": {"location": "context.tries", "value": "0"}},
                    {"choose": {"branches": [{"guard": "true", "actions": [{"raise": {"event": "x"}}]}]}}]}]},
      {"id": "open", "type": "final", "output": "context.tries"}
    ]
  }
})";

constexpr char kDoorYaml[] = R"(
name: door
context:
  tries: 0
  limits: [3, 0.5, ~]
  owner: {name: Zoë}
root:
  id: door
  initial: [locked]
  states:
    - id: locked
      on:
        - event: unlock
          guard: event.data.ok
          target: [open]
          actions:
            - assign: {location: context.tries, value: "0"}
            - choose:
                branches:
                  - guard: "true"
                    actions: [raise: {event: x}]
    - {id: open, type: Final, output: context.tries}
)";

TEST(MachineFile, ReadsJsonAndYamlAlike) {
  const v1::Machine json = MustParse("door.json", kDoorJson);
  const v1::Machine yaml = MustParse("door.yaml", kDoorYaml);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(json, yaml))
      << json.DebugString() << yaml.DebugString();
  EXPECT_EQ(json.context().fields().at("tries").number_value(), 0);
  EXPECT_EQ(json.root().states(0).on(0).actions(0).assign().location(), "context.tries");
  EXPECT_EQ(json.root().states(1).type(), v1::StateNode::FINAL);
}

TEST(MachineFile, TellsTheSyntaxByExtensionAndElseByContent) {
  EXPECT_TRUE(ParseMachineFile("door", kDoorJson).ok());
  EXPECT_TRUE(ParseMachineFile("-", kDoorYaml).ok());
  // JSON is YAML too, so only the extension makes this one wrong.
  EXPECT_TRUE(ParseMachineFile("door.yml", "{\"name\": \"door\"}").ok());
  EXPECT_FALSE(ParseMachineFile("door.JSON", "name: door").ok());
}

TEST(MachineFile, TakesEnumNamesInAnyCaseAndKnownNumbers) {
  for (const char* type : {"\"PARALLEL\"", "\"parallel\"", "\"Parallel\"", "3"}) {
    const v1::Machine machine =
        MustParse("m.json", absl::StrCat("{\"root\": {\"type\": ", type, "}}"));
    EXPECT_EQ(machine.root().type(), v1::StateNode::PARALLEL) << type;
  }
}

TEST(MachineFile, TakesFieldsByBothOfTheirNames) {
  const v1::Machine machine =
      MustParse("m.json", R"({"root": {"on": [{"externalGuard": "a"}, {"external_guard": "b"}]}})");
  EXPECT_EQ(machine.root().on(0).external_guard(), "a");
  EXPECT_EQ(machine.root().on(1).external_guard(), "b");
}

TEST(MachineFile, TakesWhatTheServerPrints) {
  const v1::Machine machine = MustParse("m.json", R"({"name": "door", "version": 3,
      "semanticsVersion": 1, "definitionHash": "AQID/w==", "retention": "1.500s", "root": null})");
  EXPECT_EQ(machine.version(), 3u);
  EXPECT_EQ(machine.definition_hash(), std::string("\x01\x02\x03\xff"));
  EXPECT_EQ(machine.retention().nanos(), 500'000'000);
  EXPECT_FALSE(machine.has_root());
}

struct GoodDuration {
  const char* text;
  int64_t seconds;
  int32_t nanos;
};

TEST(Durations, AreSecondsOrParts) {
  const GoodDuration cases[] = {
      {"900s", 900, 0},
      {"15m", 900, 0},
      {"72h", 259'200, 0},
      {"1h30m", 5'400, 0},
      {"250ms", 0, 250'000'000},
      {"1.5s", 1, 500'000'000},
      {"0s", 0, 0},
      {"10us", 0, 10'000},
      {"1ns", 0, 1},
      {"-1.5s", -1, -500'000'000},
      {"315576000000s", 315'576'000'000, 0},
  };
  for (const GoodDuration& good : cases) {
    const auto duration = ParseDurationText(good.text);
    ASSERT_TRUE(duration.ok()) << good.text << ": " << duration.status();
    EXPECT_EQ(duration->seconds(), good.seconds) << good.text;
    EXPECT_EQ(duration->nanos(), good.nanos) << good.text;
  }
  for (const char* bad : {"", "900", "15 m", "1d", "m", "inf", "-inf", "315576000001s", "1e3s",
                          "99999999999999999999h"}) {
    EXPECT_FALSE(ParseDurationText(bad).ok()) << bad;
  }
}

struct BadFile {
  const char* text;
  const char* error;  // the whole message
};

TEST(MachineFile, RefusesWithTheFieldAndThePlace) {
  const BadFile cases[] = {
      {R"({"root": {"states": [{"id": "a"}, {"id": "b", "onn": []}]}})",
       "m.json:1:47: root.states[1].onn: unknown field (did you mean 'on'?)"},
      {R"({"root": {"on": [{"colour": 1}]}})",
       "m.json:1:19: root.on[0].colour: unknown field; there are id, event, target, guard, "
       "externalGuard, internal, actions, delay, delayExpression"},
      {R"({"root": {"type": "PARALEL"}})",
       "m.json:1:19: root.type: \"PARALEL\" is none of TYPE_UNSPECIFIED, ATOMIC, COMPOUND, "
       "PARALLEL, FINAL, HISTORY (did you mean 'PARALLEL'?)"},
      {R"({"root": {"type": 9}})",
       "m.json:1:19: root.type: 9 is none of TYPE_UNSPECIFIED, ATOMIC, COMPOUND, PARALLEL, FINAL, "
       "HISTORY"},
      {R"({"root": {"on": [{"target": "b"}]}})",
       "m.json:1:29: root.on[0].target: must be a list, as in [\"b\"]"},
      {R"({"root": {"states": {"id": "b"}}})",
       "m.json:1:21: root.states: must be a list, as in [{...}]"},
      {R"({"root": {"initial": [null]}})",
       "m.json:1:23: root.initial[0]: an element of a list can't be null"},
      {R"({"root": {"on": [{"guard": true}]}})",
       "m.json:1:28: root.on[0].guard: must be text: put it in quotes, \"true\""},
      {R"({"root": {"entry": [{"assign": {"value": 0}}]}})",
       "m.json:1:42: root.entry[0].assign.value: must be text: put it in quotes, \"0\""},
      {R"({"root": {"entry": [{"assign": {}, "raise": {}}]}})",
       "m.json:1:45: root.entry[0].raise: can't stand beside assign; only one of them is allowed"},
      {R"({"root": {"after": [{"delay": 900}]}})",
       "m.json:1:31: root.after[0].delay: must be text with a unit, as in \"900s\", \"15m\" or "
       "\"1h30m\", not 900"},
      {R"({"root": {"after": [{"delay": "15 min"}]}})",
       "m.json:1:31: root.after[0].delay: \"15 min\" is no duration such as \"900s\", \"15m\", "
       "\"72h\", \"1h30m\" or \"250ms\""},
      {R"({"root": {"on": [{"internal": "yes"}]}})",
       "m.json:1:31: root.on[0].internal: must be true or false, not \"yes\""},
      {R"({"context": {"a": {"b": [1, 9007199254740993]}}})",
       "m.json:1:29: context.a.b[1]: the number 9007199254740993 is 2^53 or beyond, where a double "
       "can't hold every integer; write it as text"},
      {R"({"context": []})", "m.json:1:13: context: must be a map, not a list"},
      {R"({"context": {"a": 1, "a": 2}})", "m.json:1:22: the key \"a\" stands twice"},
      {R"({"root": {"on": [{"externalGuard": "a", "external_guard": "b"}]}})",
       "m.json:1:41: root.on[0].external_guard: stands twice, as externalGuard and as "
       "external_guard"},
      {R"({"version": -1})",
       "m.json:1:13: version: must be a whole number from 0, of 32 bits, not -1"},
      {R"({"version": 1.5})",
       "m.json:1:13: version: must be a whole number from 0, of 32 bits, not 1.5"},
      {R"({"version": "1"})",
       "m.json:1:13: version: must be a whole number from 0, of 32 bits, not \"1\""},
      {R"({"definitionHash": "?"})",
       "m.json:1:20: definitionHash: must be bytes in base64, not \"?\""},
      {R"([])", "m.json:1:1: must be a map, not a list"},
      {R"({"name": "door")", "m.json:1:16: expected ',' or '}'"},
  };
  for (const BadFile& bad : cases) EXPECT_EQ(ErrorOf("m.json", bad.text), bad.error) << bad.text;
}

TEST(MachineFile, ReadsYamlAsStrictly) {
  const BadFile cases[] = {
      {"root:\n  states:\n    - id: a\n      onn: []\n",
       "m.yaml:4:7: root.states[0].onn: unknown field (did you mean 'on'?)"},
      {"root:\n  on:\n    - target: b\n",
       "m.yaml:3:15: root.on[0].target: must be a list, as in [\"b\"]"},
      {"root:\n  on:\n    - guard: true\n",
       "m.yaml:3:14: root.on[0].guard: must be text: put it in quotes, \"true\""},
      {"context:\n  id: 0x20000000000000\n",
       "m.yaml:2:7: context.id: the number 9007199254740992 is 2^53 or beyond, where a double "
       "can't hold every integer; write it as text"},
      {"name: a\nname: b\n", "m.yaml:2:1: the key \"name\" stands twice"},
  };
  for (const BadFile& bad : cases) EXPECT_EQ(ErrorOf("m.yaml", bad.text), bad.error) << bad.text;
}

TEST(MachineFile, LocatesTheMistakesThatTheCompilerFinds) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile("m.json", R"({
  "name": "m",
  "root": {"id": "r", "initial": ["a"], "states": [
    {"id": "a", "on": [
      {"event": "go", "target": ["nowhere"]}]}
  ]}
})");
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::Status status = CheckMachineFile(*file);
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(absl::StartsWith(status.message(), "m.json:5:")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "root.states[0].on[0].target")) << status;
  EXPECT_EQ(ReasonOf(status), v1::INVALID_DEFINITION);
}

TEST(MachineFile, LeavesErrorsOfOtherFieldsAsTheyAre) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile("m.json", "{\"name\": \"m\"}");
  ASSERT_TRUE(file.ok());
  const absl::Status other = InvalidField("request_id", "is too long");
  EXPECT_EQ(LocateError(*file, "transitions[0].register_machine.machine", other), other);
  const absl::Status root =
      LocateError(*file, "transitions[0].register_machine.machine",
                  InvalidField("transitions[0].register_machine.machine.root", "must be there"));
  EXPECT_EQ(root.message(), "m.json: root: must be there");
}

TEST(MachineFile, AcceptsTheExamplesOfThisRepository) {
  for (const char* path : {"examples/machines/door.json", "examples/machines/order.json",
                           "examples/machines/review.yaml"}) {
    const absl::StatusOr<MachineFile> file = ReadMachineFile(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_TRUE(CheckMachineFile(*file).ok()) << CheckMachineFile(*file);
  }
}

TEST(MachineFile, NamesAFileThatIsNotThere) {
  const absl::Status status = ReadMachineFile("no/such/machine.json").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_TRUE(absl::StartsWith(status.message(), "no/such/machine.json: ")) << status;
}

}  // namespace
}  // namespace swoosh
