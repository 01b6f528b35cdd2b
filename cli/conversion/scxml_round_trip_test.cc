// What is exported as SCXML comes back as it was.
#include <string>

#include "absl/strings/string_view.h"
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

TEST(ScxmlRoundTrip, KeepsAllThatAMachineHas) {
  ExpectRoundTrip(R"yaml(
name: every
retention: 72h
context: {n: 1, list: [a, "it's <b>"], "a b": {x: null}}
root:
  id: top
  type: COMPOUND
  initial: [work]
  entry: [emit: {name: begun}]
  on: [{id: quit, event: quit, target: [done]}]
  states:
    - id: work
      type: PARALLEL
      states:
        - id: left
          type: COMPOUND
          initial: [l-1]
          exit: [cancel: {id: tick}]
          on: [{event: in, target: [end], internal: true}]
          states:
            - id: l-1
              type: ATOMIC
              entry:
                - send: {id: tick, event: tick, data: context.n, delay: 1.5s}
                - send: {event: tock, delayExpression: context.n * 2}
                - assign: {location: context.n, value: context.n + 1}
              on:
                - event: tick tock
                  guard: "context.n < 3 && event.data != '\"'"
                  actions:
                    - choose:
                        branches:
                          - {guard: context.n > 1, actions: [raise: {event: again}]}
                          - {guard: context.n > 2, actions: [emit: {name: two}]}
                          - actions: [raise: {event: again, data: "{'n': 1}"}]
                - {event: again, target: [end]}
                - {event: go, guard: context.n > 0, target: [end], externalGuard: may}
              after: [{delay: 900s, target: [end]}, {delayExpression: context.n, target: [l-1]}]
            - {id: end, type: FINAL, output: context.n}
        - id: right
          type: ATOMIC
          always: [{guard: In('end'), target: [done]}]
        - {id: back, type: HISTORY, history: DEEP, initial: [l-1, right]}
    - id: rest
      type: ATOMIC
      on: [{event: back, target: [back]}, {event: "*", target: [l-1, right]}]
    - {id: done, type: FINAL}
)yaml");
}

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
    - emit: {name: "it's", data: "{'a': 1,  'b': \"x  y\"} // a comment"}
    - assign: {location: "context['a b']", value: "1  + 1"}
)yaml");
}

}  // namespace
}  // namespace swoosh
