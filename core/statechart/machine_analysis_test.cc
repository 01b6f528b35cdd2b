#include "core/statechart/machine_analysis.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

std::shared_ptr<const Machine> Compile(const std::string& root) {
  v1::Machine definition;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      absl::StrCat("name: 'm' root { id: 'm' ", root, " }"), &definition));
  auto machine = Machine::Compile("default", definition, 1, "machine");
  EXPECT_TRUE(machine.ok()) << machine.status();
  return machine.ok() ? *machine : nullptr;
}

// "KIND FIELD: MESSAGE" each; notes begin with '('.
std::vector<std::string> Findings(const std::string& root) {
  std::vector<std::string> texts;
  const auto machine = Compile(root);
  if (machine == nullptr) return texts;
  for (const MachineFinding& finding : AnalyzeMachine(*machine)) {
    const bool note = finding.severity == MachineFinding::Severity::kNote;
    texts.push_back(absl::StrCat(note ? "(" : "", FindingKindName(finding.kind), " ", finding.field,
                                 ": ", finding.message));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(MachineAnalysis, IsSilentAboutAMachineThatUsesAllItHas) {
  EXPECT_EQ(Findings(R"(
    initial: 'p'
    on { event: 'quit' target: 'deep' }
    states {
      id: 'p' type: PARALLEL
      states { id: 'p1' on { event: 'x' actions { raise { event: 'y' } } } }
      states { id: 'p2' initial: 'p21'
        states { id: 'p21' on { event: 'y' target: 'p22' guard: 'In(\'p1\')'
}
}
states {
id:
  'p22' type : FINAL
}
}
states {
id:
  'h' type : HISTORY initial : 'p1'
}
}
    states { id: 'outer' initial: 'shallow'
      states { id: 'shallow' after { delay { seconds: 1 } target: 'h' } }
      states { id: 'deep' always { guard: "context.n > 1" target: 'outer' } } })"),
            Texts{});
}

TEST(MachineAnalysis, NamesAStateThatCanNeverBeEnteredAndNotWhatIsInIt) {
  EXPECT_EQ(Findings(R"(
    initial: 'a'
    states { id: 'a' on { event: 'x' target: 'b2' } }
    states { id: 'b' initial: 'b1'
      states { id: 'b1' on { event: 'x' target: 'c' } }
      states { id: 'b2' on { event: 'x' target: 'a' } } }
    states { id: 'c' initial: 'c1' states { id: 'c1' } })"),
            (Texts{"state_unreachable root.states[1].states[0]: state b1 can never be entered",
                   "state_unreachable root.states[2]: state c can never be entered"}));
}

TEST(MachineAnalysis, EntersTheOtherRegionsOfAParallelStateByDefault) {
  EXPECT_EQ(Findings(R"(
    initial: 'a'
    states { id: 'a' on { event: 'x' target: 'r2' } }
    states { id: 'p' type: PARALLEL
      on { event: 'back' target: 'a' }
      states { id: 'r' initial: 'r1' states { id: 'r1' } states { id: 'r2' } }
      states { id: 's' initial: 's1' states { id: 's1' } states { id: 's2' } } })"),
            (Texts{"state_unreachable root.states[1].states[0].states[0]: state r1 can never be "
                   "entered",
                   "state_unreachable root.states[1].states[1].states[1]: state s2 can never be "
                   "entered"}));
}

TEST(MachineAnalysis, NamesEdgesBehindOneThatAlwaysTakesTheEvent) {
  EXPECT_EQ(
      Findings(R"(
    initial: 'a'
    states { id: 'a'
      on { event: 'x.*' guard: 'context.n > 1' target: 'a' }
      on { event: 'x' target: 'a' external_guard: 'ask' }
      on { event: 'x y' target: 'a' }
      on { event: 'x.z' target: 'a' id: 'second' }
      on { event: 'xz' target: 'a' }
      on { event: '*' target: 'a' }
      on { event: '*' guard: 'context.n > 2' target: 'a' }
      always { guard: 'context.n > 3' target: 'b' }
      always { guard: 'context.n > 4' target: 'b' } }
    states { id: 'b'
      always { target: 'a' }
      always { target: 'b' id: 'late' }
      on { event: 'e' target: 'a' id: 'never' } })"),
      (Texts{"edge_never_taken root.states[0].on[3]: edge second is never taken: a/on/2 comes "
             "before it and has no guard",
             "edge_never_taken root.states[0].on[6]: edge a/on/6 is never taken: a/on/5 comes "
             "before it and has no guard",
             "edge_never_taken root.states[1].on[0]: edge never is never taken: before any "
             "event comes, b/always/0 is taken, which has no guard",
             "edge_never_taken root.states[1].always[1]: edge late is never taken: b/always/0 "
             "comes before it and has no guard"}));
}

TEST(MachineAnalysis, NamesGuardsThatAreConstant) {
  EXPECT_EQ(
      Findings(R"(
    initial: 'a'
    states { id: 'a'
      on { event: 'x' guard: '1 > 2' target: 'b' }
      on { event: 'y' guard: '1 < 2' target: 'a' }
      on { event: 'y' target: 'a' }
      entry { choose {
        branches { guard: 'false' actions { emit { name: 'never' } } }
        branches { guard: 'true' actions { emit { name: 'always' } } }
        branches { actions { emit { name: 'else' } } } } } }
    states { id: 'b' })"),
      (Texts{"branch_never_done root.states[0].entry[0].choose.branches[0]: this branch is "
             "never done: its guard is always false",
             "branch_never_done root.states[0].entry[0].choose.branches[2]: this branch is "
             "never done: one before it always is",
             "guard_always_false root.states[0].on[0].guard: edge a/on/0 is never taken: its "
             "guard is always false",
             "(guard_always_true root.states[0].on[1].guard: the guard of edge a/on/1 is "
             "always true",
             "edge_never_taken root.states[0].on[2]: edge a/on/2 is never taken: a/on/1 comes "
             "before it and has no guard",
             "state_unreachable root.states[1]: state b can never be entered"}));
}

TEST(MachineAnalysis, NamesStatesWithoutExit) {
  EXPECT_EQ(
      Findings(R"(
    initial: 'a'
    states { id: 'a' on { event: 'x' target: 'b' } on { event: 'y' target: 'p' } }
    states { id: 'b' on { event: 'comment' actions { emit { name: 'noted' } } } }
    states { id: 'p' type: PARALLEL
      states { id: 'r1' }
      states { id: 'r2' initial: 'r21'
        states { id: 'r21' on { event: 'z' target: 'r22' } }
        states { id: 'r22' } } })"),
      (Texts{"(state_without_exit root.states[1]: state b is not final, and no edge leaves it",
             "(state_without_exit root.states[2].states[0]: state r1 is not final, and no "
             "edge leaves it",
             "(state_without_exit root.states[2].states[1].states[1]: state r22 is not final, "
             "and no edge leaves it"}));
}

TEST(MachineAnalysis, LeavesARegionByAnEdgeOfAnother) {
  EXPECT_EQ(Findings(R"(
    initial: 'p'
    states { id: 'p' type: PARALLEL
      states { id: 'r1' }
      states { id: 'r2' on { event: 'z' target: 'end' } } }
    states { id: 'end' type: FINAL })"),
            Texts{});
}

TEST(MachineAnalysis, NamesWhatTheMachineSendsItselfInVain) {
  EXPECT_EQ(
      Findings(R"(
    initial: 'a'
    states { id: 'a'
      entry { raise { event: 'nobody' } }
      entry { send { event: 'tick.tock' id: 't' delay { seconds: 1 } } }
      exit { cancel { id: 't' } }
      exit { cancel { id: 'u' } }
      on { event: 'tick' target: 'a' } })"),
      (Texts{"event_taken_by_none root.states[0].entry[0].raise.event: no edge takes the event "
             "nobody",
             "cancel_of_nothing root.states[0].exit[1].cancel.id: nothing that is sent has the "
             "id u"}));
}

TEST(MachineAnalysis, NamesEdgesThatWaitForADoneThatNeverComes) {
  EXPECT_EQ(Findings(R"(
    initial: 'a'
    states { id: 'a' initial: 'a1'
      states { id: 'a1' on { event: 'x' target: 'a2' } }
      states { id: 'a2' type: FINAL }
      on { event: 'done.state.a' target: 'b' } }
    states { id: 'b' initial: 'b1'
      states { id: 'b1' }
      on { event: 'done.state.b' target: 'a' id: 'vain' }
      on { event: 'done.state.b e' target: 'a' } })"),
            (Texts{"edge_never_taken root.states[1].on[0]: edge vain is never taken: the machine "
                   "never raises done.state.b"}));
}

TEST(MachineAnalysis, NamesInOfAStateThatCanNeverBeEntered) {
  EXPECT_EQ(Findings(R"(
    initial: 'a'
    states { id: 'a' on { event: 'x' guard: 'In(\'b\') || In(\'a\')' target: 'a'
    }
    }
    states { id: 'b' })"),
            (Texts{"in_never_true root.states[0].on[0].guard: In('b') is never true: the state can "
                   "never be entered",
                   "state_unreachable root.states[1]: state b can never be entered"}));
}

TEST(MachineAnalysis, TellsTheStateAndTheEdge) {
  const auto machine = Compile(R"(
    initial: 'a'
    states { id: 'a' on { event: 'x' guard: 'false' target: 'a' id: 'e' } on { event: 'y' target: 'a' } })");
  ASSERT_NE(machine, nullptr);
  const std::vector<MachineFinding> findings = AnalyzeMachine(*machine);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].state, "a");
  EXPECT_EQ(findings[0].edge, "e");
  EXPECT_EQ(findings[0].kind, MachineFinding::Kind::kGuardAlwaysFalse);
}

}  // namespace
}  // namespace swoosh
