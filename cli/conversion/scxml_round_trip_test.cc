// What is exported as SCXML comes back as it was.
#include <string>

#include "absl/strings/string_view.h"
#include "cli/conversion/machine_for_test.h"
#include "cli/conversion/scxml_export.h"
#include "cli/conversion/scxml_import.h"
#include "cli/machine_file.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

void ExpectRoundTrip(absl::string_view yaml) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile("m.yaml", yaml);
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<std::string> scxml = ExportScxml(file->machine);
  ASSERT_TRUE(scxml.ok()) << scxml.status();
  const absl::StatusOr<v1::Machine> again = ImportScxml("m.scxml", *scxml);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->DebugString(), file->machine.DebugString()) << *scxml;
}

TEST(ScxmlRoundTrip, KeepsAllThatAMachineHas) { ExpectRoundTrip(kMachineWithEverything); }

TEST(ScxmlRoundTrip, KeepsARootThatIsTheDocument) {
  ExpectRoundTrip(R"yaml(
name: plain
root:
  id: other
  type: COMPOUND
  initial: [a]
  states: [{id: a, type: ATOMIC, on: [{event: x, target: [b]}]}, {id: b, type: FINAL}]
)yaml");
}

TEST(ScxmlRoundTrip, KeepsAParallelRootAndOneWithoutStates) {
  ExpectRoundTrip(R"yaml(
name: both
root:
  id: both
  type: PARALLEL
  states: [{id: a, type: ATOMIC, on: [{event: x, target: [b]}]}, {id: b, type: ATOMIC}]
)yaml");
  ExpectRoundTrip(R"yaml(
name: one
root: {id: one, type: ATOMIC, on: [{event: x y.* *, actions: [emit: {name: "e<&>"}]}]}
)yaml");
}

TEST(ScxmlRoundTrip, KeepsTextsAsTheyAre) {
  ExpectRoundTrip(R"yaml(
name: texts
context: {"a'b\"c": "line\nline\ttab \u00e9 ' \\ <&>", n: -1.5e-7, big: 9007199254740991}
root:
  id: texts
  type: ATOMIC
  entry:
    - emit: {name: "it's", data: "{'a': 1,\n 'b': \"x  y\"} // a comment"}
    - assign: {location: "context['a b']", value: "1  +\t1"}
)yaml");
}

}  // namespace
}  // namespace swoosh
