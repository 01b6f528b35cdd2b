#include "cli/conversion/xstate_import.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/machine_file.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

// The definition as YAML would have it, in the text form of protobuf.
std::string Yaml(absl::string_view yaml) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile("m.yaml", yaml);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? file->machine.DebugString() : "";
}

// What is imported: it must compile too. An error's text when it is refused.
std::string Import(absl::string_view json, const XStateImportOptions& options = {}) {
  const absl::StatusOr<v1::Machine> machine = ImportXState("m.json", json, options);
  if (!machine.ok()) return std::string(machine.status().message());
  const absl::Status status = CheckMachineFile({"m.json", *machine, {}});
  EXPECT_TRUE(status.ok()) << status;
  return machine->DebugString();
}

// The states of a machine m: { "id": "m", <body> }.
std::string ImportBody(absl::string_view body) {
  return Import(absl::StrCat("{\"id\": \"m\",\n", body, "}"));
}

TEST(XStateImport, MakesAMachineOfAConfig) {
  EXPECT_EQ(Import(R"({
    "id": "order", "initial": "buying", "context": {"total": 250, "items": ["a"], "note": null},
    "states": {
      "buying": {
        "initial": "cart",
        "entry": ["greet", {"type": "log", "params": {"level": "it's", "n": [1.5, true, null]}}],
        "exit": "leave",
        "on": {"CANCEL": {"target": "cancelled", "guard": "mayCancel", "actions": "note"}},
        "onDone": "paid",
        "after": {"60000": "cancelled", "1500": {"actions": "remind"}},
        "states": {
          "cart": {"on": {"PAY": "charged", "ADD": {"actions": {"type": "add"}}}},
          "charged": {"type": "final", "output": {"ok": true}}
        }
      },
      "paid": {"always": {"target": "done"}},
      "done": {"type": "final"},
      "cancelled": {"type": "final"}
    },
    "output": {"n": 1}
  })"),
            Yaml(R"(
name: order
context: {total: 250, items: [a], note: null}
root:
  id: order
  type: COMPOUND
  initial: [buying]
  states:
    - id: buying
      type: COMPOUND
      initial: [cart]
      entry:
        - emit: {name: greet}
        - emit: {name: log, data: "{'level': 'it\\'s', 'n': [1.5, true, null]}"}
      exit: [emit: {name: leave}]
      on:
        - {event: CANCEL, target: [cancelled], externalGuard: mayCancel, actions: [emit: {name: note}]}
        - {event: done.state.buying, target: [paid]}
      after:
        - {delay: 1.5s, actions: [emit: {name: remind}]}
        - {delay: 60s, target: [cancelled]}
      states:
        - id: cart
          type: ATOMIC
          on:
            - {event: PAY, target: [charged]}
            - {event: ADD, actions: [emit: {name: add}]}
        - {id: charged, type: FINAL, output: "{'ok': true}"}
    - {id: paid, type: ATOMIC, always: [{target: [done]}]}
    - {id: done, type: FINAL, output: "{'n': 1}"}
    - {id: cancelled, type: FINAL, output: "{'n': 1}"}
)"));
}

TEST(XStateImport, ResolvesEveryFormOfTarget) {
  EXPECT_EQ(ImportBody(R"("initial": "a", "on": {"R": ".b", "S": "#m.a.y"}, "states": {
    "a": {"initial": "x", "id": "first",
      "on": {"IN": ".y", "DEEP": "b.z", "ID": "#second", "PATH": "#second.z", "SIB": ["b"]},
      "states": {"x": {}, "y": {}}},
    "b": {"id": "second", "initial": "z", "states": {"z": {}}}
  })"),
            Yaml(R"(
name: m
root:
  id: m
  type: COMPOUND
  initial: [a]
  on: [{event: R, target: [b]}, {event: S, target: [y]}]
  states:
    - id: a
      type: COMPOUND
      initial: [x]
      on:
        - {event: IN, target: [y], internal: true}
        - {event: DEEP, target: [z]}
        - {event: ID, target: [b]}
        - {event: PATH, target: [z]}
        - {event: SIB, target: [b]}
      states: [{id: x, type: ATOMIC}, {id: y, type: ATOMIC}]
    - {id: b, type: COMPOUND, initial: [z], states: [{id: z, type: ATOMIC}]}
)"));
}

// By default XState v5 neither leaves nor enters the source of a transition to itself or into it.
TEST(XStateImport, ReentersOnlyWhenAsked) {
  EXPECT_EQ(ImportBody(R"("initial": "a", "states": {
    "a": {"initial": "x",
      "on": {
        "SELF": "a", "SELF2": {"target": "a", "reenter": true},
        "IN": {"target": ".y", "reenter": true}, "IN2": {"target": ".y", "reenter": false}},
      "states": {
        "x": {"on": {"LEAF": {"target": "x", "actions": "n"},
                     "LEAF2": {"target": "x", "reenter": true}}},
        "y": {}}}})"),
            Yaml(R"(
name: m
root:
  id: m
  type: COMPOUND
  initial: [a]
  states:
    - id: a
      type: COMPOUND
      initial: [x]
      on:
        - {event: SELF, target: [x], internal: true}
        - {event: SELF2, target: [a]}
        - {event: IN, target: [y]}
        - {event: IN2, target: [y], internal: true}
      states:
        - id: x
          type: ATOMIC
          on:
            - {event: LEAF, actions: [emit: {name: n}]}
            - {event: LEAF2, target: [x]}
        - {id: y, type: ATOMIC}
)"));
}

TEST(XStateImport, KeepsParallelStatesAndHistories) {
  EXPECT_EQ(ImportBody(R"("initial": "p", "states": {
    "p": {"type": "parallel",
      "on": {"OFF": "off"}, "onDone": "off",
      "states": {
        "r": {"initial": "r1", "states": {"r1": {"on": {"X": "r2"}}, "r2": {"type": "final"},
          "rh": {"type": "history"}, "rd": {"history": "deep", "target": "r1"}}},
        "s": {},
        "ph": {"type": "history", "history": true}}},
    "off": {"on": {"ON": "p.ph", "BOTH": {"target": ["#m.p.r.r2", "#m.p.s"]}}}})"),
            Yaml(R"(
name: m
root:
  id: m
  type: COMPOUND
  initial: [p]
  states:
    - id: p
      type: PARALLEL
      on: [{event: OFF, target: [off]}, {event: done.state.p, target: [off]}]
      states:
        - id: r
          type: COMPOUND
          initial: [r1]
          states:
            - {id: r1, type: ATOMIC, on: [{event: X, target: [r2]}]}
            - {id: r2, type: FINAL}
            - {id: rh, type: HISTORY, history: SHALLOW, initial: [r1]}
            - {id: rd, type: HISTORY, history: DEEP, initial: [r1]}
        - {id: s, type: ATOMIC}
        - {id: ph, type: HISTORY, history: SHALLOW, initial: [r, s]}
    - id: off
      type: ATOMIC
      on: [{event: ON, target: [ph]}, {event: BOTH, target: [r2, s]}]
)"));
}

TEST(XStateImport, NamesStatesByTheirKeysAndByTheirPathsWhereKeysRepeat) {
  EXPECT_EQ(ImportBody(R"("initial": "a", "states": {
    "a": {"initial": "idle", "states": {"idle": {}, "m": {}}},
    "b b": {"initial": "idle", "on": {"GO": "a.idle"}, "states": {"idle": {}, "größe": {}}}})"),
            Yaml(R"(
name: m
root:
  id: m
  type: COMPOUND
  initial: [a]
  states:
    - id: a
      type: COMPOUND
      initial: [a.idle]
      states: [{id: a.idle, type: ATOMIC}, {id: a.m, type: ATOMIC}]
    - id: b_b
      type: COMPOUND
      initial: [b_b.idle]
      on: [{event: GO, target: [a.idle]}]
      states: [{id: b_b.idle, type: ATOMIC}, {id: gr__e, type: ATOMIC}]
)"));
}

TEST(XStateImport, OrdersStatesAndDelaysAsJavaScriptDoes) {
  EXPECT_EQ(ImportBody(R"("initial": "z", "states": {
    "z": {"after": {"0.5": "a", "2000": "a", "1000": "a"}}, "10": {}, "a": {}, "9": {}, "01": {}})"),
            Yaml(R"(
name: m
root:
  id: m
  type: COMPOUND
  initial: [z]
  states:
    - {id: "9", type: ATOMIC}
    - {id: "10", type: ATOMIC}
    - id: z
      type: ATOMIC
      after:
        - {delay: 1s, target: [a]}
        - {delay: 2s, target: [a]}
        - {delay: 0.0005s, target: [a]}
    - {id: a, type: ATOMIC}
    - {id: "01", type: ATOMIC}
)"));
}

// XState asks the exact name first, then the longest wildcard, and takes "a" for "a" alone.
TEST(XStateImport, MatchesEventsAsXStateDoes) {
  EXPECT_EQ(ImportBody(R"("initial": "s", "states": {"s": {"on": {
    "a.*": {"actions": "two"}, "a.b.*": {"actions": "three"}, "a": {"actions": "one"},
    "b": {"actions": "four"}}}})"),
            Yaml(R"(
name: m
root:
  id: m
  type: COMPOUND
  initial: [s]
  states:
    - id: s
      type: ATOMIC
      on:
        - {event: a, guard: "event.name == 'a'", actions: [emit: {name: one}]}
        - {event: b, actions: [emit: {name: four}]}
        - {event: a.b.*, actions: [emit: {name: three}]}
        - {event: a.*, actions: [emit: {name: two}]}
)"));
  // A state's own done event is not the event "done".
  const std::string done = ImportBody(R"("initial": "s", "states": {
    "s": {"initial": "f", "on": {"done": {"actions": "x"}}, "states": {"f": {"type": "final"}}}})");
  EXPECT_TRUE(absl::StrContains(done, "event: \"done\"\n      guard: \"event.name == \\'done\\'\""))
      << done;
}

// In XState a state is asked only when nothing inside it takes the event, in any region.
TEST(XStateImport, HoldsAnEdgeBackWhileARegionTakesItsEvent) {
  EXPECT_EQ(
      ImportBody(R"("type": "parallel", "on": {"E": {"actions": "outer"}, "*": {"actions": "any"}},
    "states": {"a": {"on": {"E": {"actions": "inner"}}}, "b": {}})"),
      Yaml(R"yaml(
name: m
root:
  id: m
  type: PARALLEL
  on:
    - {event: E, guard: "!In('a') && event.name == 'E'", actions: [emit: {name: outer}]}
    - {event: "*", guard: "!(event.name == 'E' && In('a'))", actions: [emit: {name: any}]}
  states:
    - {id: a, type: ATOMIC, on: [{event: E, guard: "event.name == 'E'", actions: [emit: {name: inner}]}]}
    - {id: b, type: ATOMIC}
)yaml"));
}

TEST(XStateImport, KnowsTheActionsOfXStateThatAreData) {
  EXPECT_EQ(ImportBody(R"("initial": "s", "states": {"s": {"entry": [
      {"type": "xstate.raise", "event": {"type": "A", "n": 1}},
      {"type": "raise", "params": {"event": "B"}},
      {"type": "xstate.raise", "event": {"type": "C"}, "delay": 1500, "id": "c"},
      {"type": "xstate.cancel", "sendId": "c"},
      {"type": "xstate.emit", "params": {"event": {"type": "D", "x": "y"}}}],
    "on": {"A": {}, "B": {}, "C": {}}}})"),
            Yaml(R"(
name: m
root:
  id: m
  type: COMPOUND
  initial: [s]
  states:
    - id: s
      type: ATOMIC
      entry:
        - raise: {event: A, data: "{'n': 1}"}
        - raise: {event: B}
        - send: {event: C, delay: 1.5s, id: c}
        - cancel: {id: c}
        - emit: {name: D, data: "{'x': 'y'}"}
      on: [{event: A}, {event: B}, {event: C}]
)"));
}

TEST(XStateImport, LeavesOutOnlyWhatItIsToldTo) {
  constexpr char kConfig[] = R"({"id": "m", "version": "1", "initial": "s", "description": "d",
 "states": {"s": {"tags": ["t"], "meta": {},
  "on": {"E": {"actions": "x", "description": "d"}}}}})";
  EXPECT_EQ(Import(kConfig),
            "m.json:1:13: version: a machine has no place for it; --drop version leaves it out\n"
            "m.json:1:45: description: a machine has no place for it; --drop description leaves it "
            "out\n"
            "m.json:2:19: states.s.tags: a machine has no place for it; --drop tags leaves it out\n"
            "m.json:2:34: states.s.meta: a machine has no place for it; --drop meta leaves it out\n"
            "m.json:3:32: states.s.on.E.description: a machine has no place for it; --drop "
            "description leaves it out");
  XStateImportOptions options;
  options.dropped = {"description", "meta", "tags", "version"};
  options.name = "other";
  EXPECT_EQ(Import(kConfig, options), Yaml(R"(
name: other
root:
  id: other
  type: COMPOUND
  initial: [s]
  states: [{id: s, type: ATOMIC, on: [{event: E, actions: [emit: {name: x}]}]}]
)"));
}

struct Refused {
  const char* state;  // what is in the state s, or, beginning with '"', beside it
  const char* message;
};

// Each is on line 2 of its file.
TEST(XStateImport, RefusesWhatItCannotExpressWithItsPlace) {
  const Refused cases[] = {
      {R"("invoke": {"src": "x"})", "states.s.invoke: an actor can't be imported"},
      {R"("on": {"E": {"target": "nowhere"}})",
       "states.s.on.E.target: there is no state 'nowhere'"},
      {R"("on": {"E": "#nowhere"})",
       "states.s.on.E.target: there is no state with the id 'nowhere'"},
      {R"("on": {"E": {"cond": "x"}})", "states.s.on.E.cond: is XState v4; v5 calls it guard"},
      {R"("on": {"E": {"internal": true}})", "states.s.on.E.internal: is XState v4"},
      {R"("on": {"E": {"target": "t", "colour": 1}})", "states.s.on.E.colour: is not understood"},
      {R"("on": {"E": {"reenter": true}})", "states.s.on.E: reenter does nothing without a target"},
      {R"("on": {"E": {"reenter": 1, "target": "t"}})", "states.s.on.E.reenter: must be true"},
      {R"("on": {"E": null})", "states.s.on.E: must be a target, or a map"},
      {R"("on": {"E": []})", "states.s.on.E: holds no transition"},
      {R"("on": {"E": [{"guard": "g", "target": "t"}, 3]})", "states.s.on.E[1]: must be a target"},
      {R"("on": {"E": {"target": null}})", "states.s.on.E.target: must be the text"},
      {R"("on": {"E": {"target": []}})", "states.s.on.E.target: names no state"},
      {R"("on": {"E": {"target": "t", "guard": {"type": "g", "params": 1}}})",
       "states.s.on.E.guard.params: a guard has a name only"},
      {R"("on": {"E": {"target": "t", "guard": null}})",
       "states.s.on.E.guard: must be the name of a guard"},
      {R"("on": {"E": {"target": "t", "guard": {"type": "xstate.not"}}})",
       "states.s.on.E.guard: xstate.not combines guards"},
      {R"("always": {"actions": "x"})", "states.s.always: does not lead out of its state"},
      {R"("always": {"target": "s", "reenter": true})", "states.s.always: does not lead out"},
      {R"("always": {"target": "t", "guard": "g"})",
       "states.s.always.guard: a named guard is asked of the guard provider when an event comes"},
      {R"("after": {"5": {"target": "t", "guard": "g"}})", "states.s.after.5.guard: a named guard"},
      {R"("entry": {"type": "xstate.raise", "event": "E"}, "on": {"E": {"target": "t", "guard": "g"}})",
       "states.s.on.E.guard: the guard provider decides about clients' events only, and the "
       "machine "
       "itself raises 'E'"},
      {R"("after": {"timeout": "t"})",
       "states.s.after.timeout: a delay is a number of milliseconds"},
      {R"("after": {"-1": "t"})", "states.s.after.-1: a delay is"},
      {R"("after": {"1e3": "t"})", "states.s.after.1e3: a delay is"},
      {R"("after": {"": "t"})", "states.s.after.: a delay is"},
      {R"("after": {"5": ["t", "s"]})", "states.s.after.5: of several transitions"},
      {R"("after": [{"delay": 5}])", "states.s.after: must be a map"},
      {R"("on": {"": "t"})", "states.s.on.: an event without a name"},
      {R"("on": {"ADD ITEM": "t"})", "states.s.on.ADD ITEM: an event's name has 1 to 256 bytes"},
      {R"("on": {"a.*.b": "t"})", "states.s.on.a.*.b: 'a.*.b' can't be an event's name here"},
      {R"("on": {"a..b": "t"})", "states.s.on.a..b: 'a..b' can't be"},
      {R"("on": {"done.*": "t"})", "states.s.on.done.*: 'done.*' would take"},
      {R"("on": {"done.state.x": "t"})",
       "states.s.on.done.state.x: 'done.state.x' is an event that"},
      {R"("on": {"xstate.init": "t"})", "states.s.on.xstate.init: 'xstate.init' is an event that"},
      {R"("on": {"xstate.done.state.m.q": "t"})", "there is no state with the id 'm.q'"},
      {R"("on": "t")", "states.s.on: must be a map"},
      {R"("onDone": "t")", "states.s.onDone: only a compound or parallel state is ever done"},
      {R"("type": "compund")", "states.s.type: must be \"atomic\""},
      {R"("type": "parallel")", "states.s.type: a state of type parallel needs states"},
      {R"("type": "final", "on": {"E": "t"})", "states.s.on: a final state takes no event"},
      {R"("type": "history", "entry": "x")", "states.s.entry: a history state is never active"},
      {R"("history": "wide")", "states.s.history: must be \"shallow\" or \"deep\""},
      {R"("type": "history", "target": "#m")", "does not lie in the history's parent"},
      {R"("target": "t")", "states.s.target: only a state of type history"},
      {R"("initial": "t")", "states.s.initial: only a compound state"},
      {R"("states": {"u": {}})", "states.s.initial: is missing"},
      {R"("initial": {"target": "u", "actions": "x"}, "states": {"u": {}})",
       "states.s.initial: must be the name of a state in it; actions of an initial transition"},
      {R"("initial": "v", "states": {"u": {}})", "states.s.initial: there is no state 'v' in it"},
      {R"("output": 1)", "states.s.output: only a final state has an output"},
      {R"("type": "final", "output": 9007199254740993)",
       "states.s.output: the number 9007199254740993"},
      {R"("entry": null)", "states.s.entry: null: a function, most likely"},
      {R"("entry": [1])", "states.s.entry[0]: must be the name of an action"},
      {R"("entry": {"params": {}})", "states.s.entry: must be the name of an action"},
      {R"("entry": {"type": "a", "exec": "b"})", "states.s.entry.exec: is not understood"},
      {R"("entry": "two words")", "states.s.entry: an action's name has 1 to 256 bytes"},
      {R"("entry": {"type": "xstate.assign"})", "states.s.entry: assign computes in JavaScript"},
      {R"("entry": {"type": "xstate.spawnChild"})", "states.s.entry: the action xstate.spawnChild"},
      {R"("entry": {"type": "xstate.raise"})", "states.s.entry.event: is missing"},
      {R"("entry": {"type": "xstate.raise", "event": "E", "delay": "soon"})",
       "states.s.entry.delay: must be a number of milliseconds"},
      {R"("entry": {"type": "xstate.cancel"})", "states.s.entry.sendId: must be the id"},
      {R"("key": "s")", "states.s.key: stands in a machine's definition"},
      {R"("entri": "x")", "states.s.entri: is not understood (did you mean 'entry'?)"},
      {R"("states": [])", "states.s.states: must be a map of states"},
      {R"("states": {"u": 3})", "states.s.states.u: a state must be a map, not a number"},
      {R"("id": 3)", "states.s.id: must be text"},
      {R"("id": "m")", "states.s: the id 'm' is another state's too"},
  };
  for (const Refused& each : cases) {
    const std::string error = ImportBody(
        absl::StrCat("\"initial\": \"s\", \"states\": {\"s\": {", each.state, "}, \"t\": {}}"));
    EXPECT_TRUE(absl::StartsWith(error, "m.json:2:")) << each.state << "\n" << error;
    EXPECT_TRUE(absl::StrContains(error, each.message)) << each.state << "\n" << error;
  }
}

TEST(XStateImport, RefusesWhatXStateAndScxmlDoDifferently) {
  // Enters a parallel state's regions anew without leaving the state itself.
  EXPECT_TRUE(absl::StrContains(
      ImportBody(R"("initial": "p", "states": {"p": {"type": "parallel", "entry": "x",
        "states": {"a": {"on": {"E": "#m.p.b"}}, "b": {}}}})"),
      "m.json:3:33: states.p.states.a.on.E: enters the regions of the parallel state 'p' anew"));
  // Its regions' being done is counted otherwise.
  EXPECT_TRUE(absl::StrContains(
      ImportBody(R"("initial": "p", "states": {"p": {"type": "parallel", "onDone": "q",
        "states": {"a": {"type": "final"}}}, "q": {}})"),
      "states.p.onDone: its region 'a' is parallel or final"));
  // The end of a delay is an event there.
  EXPECT_TRUE(absl::StrContains(
      ImportBody(R"("initial": "a", "after": {"5": ".b"},
        "states": {"a": {"on": {"*": "b"}}, "b": {}})"),
      "m.json:3:33: states.a.on.*: in XState '*' also takes the end of the delays of 'the root'"));
  // A guard decides which of two edges is taken.
  EXPECT_TRUE(absl::StrContains(
      ImportBody(R"("type": "parallel", "on": {"E": {"actions": "x"}},
        "states": {"a": {"on": {"E": {"guard": "g"}}}, "b": {}})"),
      "on.E: XState does not do it while states.a.on.E is done in another region"));
}

TEST(XStateImport, RefusesWhatIsNoConfig) {
  EXPECT_EQ(Import("[]"), "m.json:1:1: an XState config is a map, not a list");
  EXPECT_EQ(Import("{"), "m.json:1:2: expected a key in double quotes");
  EXPECT_EQ(Import("{\"states\": {}}"),
            "m.json:1:1: id: is missing: give the machine a name with --name");
  EXPECT_EQ(Import("{\"id\": \"m\", \"context\": 1}"), "m.json:1:24: context: must be a map");
  EXPECT_EQ(
      Import("{\"id\": \"m\", \"context\": {\"a\": {\"b\": 9007199254740993}}}"),
      "m.json:1:36: context.a.b: the number 9007199254740993 is 2^53 or beyond, where a double "
      "can't hold every integer; write it as text");
}

TEST(XStateImport, TellsTheFirstOfManyRefusalsInTheOrderOfTheText) {
  std::string states;
  for (int i = 0; i < 30; ++i)
    absl::StrAppend(&states, i == 0 ? "" : ",\n", "\"s", i, "\": {\"x\": 1}");
  const std::vector<std::string> lines = absl::StrSplit(
      ImportBody(absl::StrCat("\"initial\": \"s0\", \"states\": {", states, "}")), '\n');
  ASSERT_EQ(lines.size(), 21u);
  EXPECT_TRUE(absl::StartsWith(lines[0], "m.json:2:")) << lines[0];
  EXPECT_TRUE(absl::StartsWith(lines[19], "m.json:21:")) << lines[19];
  EXPECT_EQ(lines[20], "m.json: and 10 more");
}

}  // namespace
}  // namespace swoosh
