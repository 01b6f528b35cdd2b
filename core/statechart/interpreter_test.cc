#include "core/statechart/interpreter.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "core/errors.h"
#include "core/json_value_for_test.h"
#include "core/struct_value.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "swoosh/v1/guard.pb.h"

namespace swoosh {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

// One instance of a machine, stepped through. `emitted` tells the order in which things were done.
class Chart {
 public:
  // `root` is the root state in JSON, where ' stands for " and `at('x')` for emitting x.
  explicit Chart(const std::string& root, const std::string& context = "{}") {
    v1::Machine definition;
    const std::string json = absl::StrCat(R"({"name":"m","root":)", Unquoted(root), "}");
    const auto parsed = google::protobuf::util::JsonStringToMessage(json, &definition);
    EXPECT_TRUE(parsed.ok()) << parsed.ToString() << "\n" << json;
    auto machine = Machine::Compile("default", definition, 1, "machine");
    EXPECT_TRUE(machine.ok()) << machine.status();
    machine_ = *std::move(machine);
    instance_.id = "i";
    instance_.context = JsonValueForTest(Unquoted(context));
  }

  absl::Status Start() {
    return Step([](Interpreter* interpreter) { return interpreter->Start(); });
  }
  absl::Status Send(const std::string& event, const std::string& data = "null") {
    return Step([&](Interpreter* interpreter) {
      return interpreter->Process(event, JsonValueForTest(Unquoted(data)));
    });
  }
  // Lets `seconds` pass, firing what is due, in order.
  absl::Status Wait(int64_t seconds) {
    const int64_t until_us = now_us_ + seconds * kSecondUs;
    while (!instance_.timers.empty() && instance_.timers.front().key.due_us <= until_us) {
      const Timer timer = instance_.timers.front();
      instance_.timers.erase(instance_.timers.begin());
      now_us_ = timer.key.due_us;
      absl::Status status =
          Step([&](Interpreter* interpreter) { return interpreter->Fire(timer); });
      if (!status.ok()) return status;
    }
    now_us_ = until_us;
    return absl::OkStatus();
  }

  // The active atomic states: "a b".
  std::string active() const {
    return absl::StrJoin(instance_.atomic_states, " ", [this](std::string* out, int state) {
      out->append(machine_->states()[state].id);
    });
  }
  std::string TakeEmitted() { return absl::StrJoin(std::exchange(emitted_, {}), " "); }
  std::string exited() const {
    return absl::StrJoin(trace_->exited, " ", [this](std::string* out, int state) {
      out->append(machine_->states()[state].id);
    });
  }
  std::string edges() const {
    return absl::StrJoin(trace_->edges, " ",
                         [](std::string* out, const Edge* edge) { out->append(edge->id); });
  }
  const Instance& instance() const { return instance_; }
  google::protobuf::RepeatedPtrField<v1::GuardOutcome>& outcomes() { return outcomes_; }

 private:
  static std::string Unquoted(std::string json) {
    return absl::StrReplaceAll(
        json, {{"at(", R"({'emit':{'name':)"}, {")@", "}}"}, {"'", "\""}, {"`", "'"}});
  }

  template <typename Run>
  absl::Status Step(Run run) {
    const Instance before = instance_;
    trace_.emplace();
    StepPlace place;
    place.ns = "default";
    place.actor = "alice";
    place.time_us = now_us_;
    place.index = ++index_;
    uint32_t timers = 0;
    place.timer_count = &timers;
    place.guard_outcomes = &outcomes_;
    Interpreter interpreter(*machine_, place, &instance_, &*trace_);
    absl::Status status = run(&interpreter);
    if (!status.ok()) {
      instance_ = before;
      return status;
    }
    for (const v1::Emitted& each : trace_->emitted) {
      const Value data = *RestoreProtoValue(each.data(), "data");
      emitted_.push_back(data.is_null() ? each.name()
                                        : absl::StrCat(each.name(), "=", ToJsonText(data)));
    }
    return status;
  }

  std::shared_ptr<const Machine> machine_;
  Instance instance_;
  std::optional<StepTrace> trace_;
  std::vector<std::string> emitted_;
  google::protobuf::RepeatedPtrField<v1::GuardOutcome> outcomes_;
  int64_t now_us_ = 1'000 * kSecondUs;
  uint64_t index_ = 0;
};

constexpr char kRegions[] = R"({'id':'r','initial':['p'],'states':[
  {'id':'p','type':'PARALLEL','entry':[at('+p')@],'exit':[at('-p')@],
   'on':[{'event':'leave','target':['out']},{'event':'self','target':['p']},
         {'event':'both','target':['a2','b2']},{'event':'done.state.p','target':['out']}],
   'states':[
    {'id':'a','initial':['a1'],'entry':[at('+a')@],'exit':[at('-a')@],'states':[
      {'id':'a1','entry':[at('+a1')@],'exit':[at('-a1')@],'on':[{'event':'x','target':['a2']}]},
      {'id':'a2','entry':[at('+a2')@],'exit':[at('-a2')@],
       'on':[{'event':'x','target':['a3']},{'event':'far','target':['b2']}]},
      {'id':'a3','type':'FINAL'}]},
    {'id':'b','initial':['b1'],'entry':[at('+b')@],'exit':[at('-b')@],'states':[
      {'id':'b1','entry':[at('+b1')@],'exit':[at('-b1')@],
       'on':[{'event':'x y','target':['b2']}]},
      {'id':'b2','entry':[at('+b2')@],'exit':[at('-b2')@],'on':[{'event':'x','target':['b3']},
         {'event':'far','target':['b1']}]},
      {'id':'b3','type':'FINAL'}]}]},
  {'id':'out','on':[{'event':'back','target':['p']}]}]})";

TEST(InterpreterTest, AParallelStateEntersItsRegionsInDocumentOrder) {
  Chart chart(kRegions);
  ASSERT_TRUE(chart.Start().ok());
  EXPECT_EQ(chart.active(), "a1 b1");
  EXPECT_EQ(chart.TakeEmitted(), "+p +a +a1 +b +b1");
}

TEST(InterpreterTest, AnEventTakesAnEdgeInEachRegion) {
  Chart chart(kRegions);
  ASSERT_TRUE(chart.Start().ok());
  chart.TakeEmitted();
  ASSERT_TRUE(chart.Send("x").ok());
  EXPECT_EQ(chart.active(), "a2 b2");
  EXPECT_EQ(chart.edges(), "a1/on/0 b1/on/0");
  EXPECT_EQ(chart.TakeEmitted(), "-b1 -a1 +a2 +b2") << "exits in reverse, entries in order";
  ASSERT_TRUE(chart.Send("y").code() == absl::StatusCode::kFailedPrecondition);
}

TEST(InterpreterTest, LeavingAParallelStateExitsAllOfIt) {
  Chart chart(kRegions);
  ASSERT_TRUE(chart.Start().ok());
  chart.TakeEmitted();
  ASSERT_TRUE(chart.Send("leave").ok());
  EXPECT_EQ(chart.active(), "out");
  EXPECT_EQ(chart.TakeEmitted(), "-b1 -b -a1 -a -p");
  EXPECT_EQ(chart.exited(), "b1 b a1 a p");
}

TEST(InterpreterTest, AParallelStateIsDoneWhenAllItsRegionsAre) {
  Chart chart(kRegions);
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("y").ok());
  ASSERT_TRUE(chart.Send("x").ok());
  EXPECT_EQ(chart.active(), "a2 b3") << "one region is not enough";
  ASSERT_TRUE(chart.Send("x").ok());
  EXPECT_EQ(chart.active(), "out");
}

TEST(InterpreterTest, SeveralTargetsEnterOneStateInEachRegion) {
  Chart chart(kRegions);
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("leave").ok());
  ASSERT_TRUE(chart.Send("back").ok());
  chart.TakeEmitted();
  ASSERT_TRUE(chart.Send("both").ok());
  EXPECT_EQ(chart.active(), "a2 b2");
  EXPECT_EQ(chart.TakeEmitted(), "-b1 -b -a1 -a -p +p +a +a2 +b +b2");
}

TEST(InterpreterTest, OfTwoConflictingEdgesTheFirstInDocumentOrderIsTaken) {
  Chart chart(kRegions);
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("x").ok());
  chart.TakeEmitted();
  // a2's edge leaves both regions, b2's only its own: they conflict, and a2 comes first.
  ASSERT_TRUE(chart.Send("far").ok());
  EXPECT_EQ(chart.edges(), "a2/on/1");
  EXPECT_EQ(chart.active(), "a1 b2");
}

TEST(InterpreterTest, ADescendantsEdgePreemptsItsAncestors) {
  Chart chart(R"({'id':'r','initial':['p'],'states':[
    {'id':'p','type':'PARALLEL','on':[{'event':'e','target':['out']}],'states':[
      {'id':'a','on':[{'event':'other','target':['out']}]},
      {'id':'b','initial':['b1'],'states':[
        {'id':'b1','on':[{'event':'e','target':['b2']}]},{'id':'b2'}]}]},
    {'id':'out'}]})");
  ASSERT_TRUE(chart.Start().ok());
  // a asks p, which answers first; b1 is not below a but below p, so p's edge is removed.
  ASSERT_TRUE(chart.Send("e").ok());
  EXPECT_EQ(chart.active(), "a b2");
}

TEST(InterpreterTest, ATargetlessEdgeConflictsWithNothing) {
  Chart chart(R"({'id':'r','initial':['p'],'states':[
    {'id':'p','type':'PARALLEL','states':[
      {'id':'a','initial':['a1'],'states':[
        {'id':'a1','on':[{'event':'e','actions':[at('heard')@]}]}]},
      {'id':'b','initial':['b1'],'states':[
        {'id':'b1','on':[{'event':'e','target':['out']}]}]}]},
    {'id':'out'}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("e").ok());
  EXPECT_EQ(chart.active(), "out");
  EXPECT_EQ(chart.TakeEmitted(), "heard");
}

std::string Player(const std::string& history, const std::string& extra = "") {
  return absl::StrCat(R"({'id':'r','initial':['off'],'states':[
    {'id':'off','on':[{'event':'resume','target':['h']},{'event':'on','target':['play']}]},
    {'id':'play','initial':['song'],'on':[{'event':'stop','target':['off']}],'states':[
      {'id':'h','type':'HISTORY')",
                      history, extra, R"(},
      {'id':'song','initial':['one'],'states':[
        {'id':'one','on':[{'event':'next','target':['two']}]},
        {'id':'two','on':[{'event':'ad','target':['ad2']}]}]},
      {'id':'ad','initial':['ad1'],'states':[{'id':'ad1'},{'id':'ad2'}]}]}]})");
}

TEST(InterpreterTest, ShallowHistoryRemembersTheChild) {
  Chart chart(Player(""));
  ASSERT_TRUE(chart.Start().ok());
  for (const char* event : {"on", "next", "ad", "stop"}) ASSERT_TRUE(chart.Send(event).ok());
  ASSERT_TRUE(chart.Send("resume").ok());
  EXPECT_EQ(chart.active(), "ad1");
}

TEST(InterpreterTest, DeepHistoryRemembersTheDescendants) {
  Chart chart(Player(",'history':'DEEP'"));
  ASSERT_TRUE(chart.Start().ok());
  for (const char* event : {"on", "next", "ad", "stop"}) ASSERT_TRUE(chart.Send(event).ok());
  ASSERT_TRUE(chart.Send("resume").ok());
  EXPECT_EQ(chart.active(), "ad2");
}

TEST(InterpreterTest, HistoryWithoutAValueBeginsWithItsDefaultOrAsItsParent) {
  Chart with_default(Player("", ",'initial':['ad']"));
  ASSERT_TRUE(with_default.Start().ok());
  ASSERT_TRUE(with_default.Send("resume").ok());
  EXPECT_EQ(with_default.active(), "ad1");
  Chart without(Player(""));
  ASSERT_TRUE(without.Start().ok());
  ASSERT_TRUE(without.Send("resume").ok());
  EXPECT_EQ(without.active(), "one");
}

TEST(InterpreterTest, DeepHistoryRestoresEveryRegion) {
  Chart chart(R"({'id':'r','initial':['p'],'states':[
    {'id':'p','type':'PARALLEL','on':[{'event':'leave','target':['out']}],'states':[
      {'id':'h','type':'HISTORY','history':'DEEP'},
      {'id':'a','initial':['a1'],'states':[
        {'id':'a1','on':[{'event':'x','target':['a2']}]},{'id':'a2'}]},
      {'id':'b','initial':['b1'],'states':[
        {'id':'b1','on':[{'event':'y','target':['b2']}]},{'id':'b2'}]}]},
    {'id':'out','on':[{'event':'back','target':['h']},{'event':'fresh','target':['p']}]}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("y").ok());
  ASSERT_TRUE(chart.Send("leave").ok());
  ASSERT_TRUE(chart.Send("back").ok());
  EXPECT_EQ(chart.active(), "a1 b2");
  ASSERT_TRUE(chart.Send("leave").ok());
  ASSERT_TRUE(chart.Send("fresh").ok());
  EXPECT_EQ(chart.active(), "a1 b1") << "history counts only for who goes through it";
}

TEST(InterpreterTest, AnInternalEdgeDoesNotLeaveItsState) {
  const std::string root = R"({'id':'r','initial':['c'],'states':[
    {'id':'c','initial':['c1'],'entry':[at('+c')@],'exit':[at('-c')@],
     'on':[{'event':'in','target':['c2'],'internal':true},{'event':'ex','target':['c2']}],
     'states':[{'id':'c1'},{'id':'c2'}]}]})";
  Chart chart(root);
  ASSERT_TRUE(chart.Start().ok());
  chart.TakeEmitted();
  ASSERT_TRUE(chart.Send("in").ok());
  EXPECT_EQ(chart.TakeEmitted(), "");
  ASSERT_TRUE(chart.Send("ex").ok());
  EXPECT_EQ(chart.TakeEmitted(), "-c +c");
}

TEST(InterpreterTest, DoneEventsCarryTheOutput) {
  Chart chart(R"({'id':'r','initial':['c'],'states':[
    {'id':'c','initial':['f'],'states':[{'id':'f','type':'FINAL','output':'{`n`: 7}'}],
     'on':[{'event':'done.state.c','target':['d'],
            'actions':[{'emit':{'name':'got','data':'event.data.n'}}]}]},
    {'id':'d'}]})");
  ASSERT_TRUE(chart.Start().ok());
  EXPECT_EQ(chart.active(), "d");
  EXPECT_EQ(chart.TakeEmitted(), "got=7");
}

TEST(InterpreterTest, AParallelRootIsDoneWithItsRegions) {
  Chart chart(R"({'id':'r','type':'PARALLEL','states':[
    {'id':'a','initial':['a1'],'states':[{'id':'a1','on':[{'event':'x','target':['a2']}]},
      {'id':'a2','type':'FINAL'}]},
    {'id':'b','initial':['b2'],'states':[{'id':'b2','type':'FINAL'}]}]})");
  ASSERT_TRUE(chart.Start().ok());
  EXPECT_EQ(chart.instance().status, v1::Instance::RUNNING);
  ASSERT_TRUE(chart.Send("x").ok());
  EXPECT_EQ(chart.instance().status, v1::Instance::DONE);
}

TEST(InterpreterTest, AnEdgeBetweenTheRegionsOfAParallelRootEntersAllOfThemAgain) {
  Chart chart(R"({'id':'r','type':'PARALLEL','states':[
    {'id':'a','initial':['a1'],'states':[
      {'id':'a1','on':[{'event':'x','target':['a2']}]},
      {'id':'a2','on':[{'event':'across','target':['b2']}]}]},
    {'id':'b','initial':['b1'],'states':[{'id':'b1'},{'id':'b2'}]},
    {'id':'c','initial':['c1'],'states':[{'id':'c1'}]}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("x").ok());
  ASSERT_TRUE(chart.Send("across").ok());
  EXPECT_EQ(chart.active(), "a1 b2 c1");
}

TEST(InterpreterTest, ABranchWhoseGuardFailsIsFalseAndRaisesAnError) {
  Chart chart(R"({'id':'r','initial':['a'],'states':[
    {'id':'a','on':[{'event':'e','actions':[
       {'choose':{'branches':[{'guard':'context.x > 1','actions':[at('first')@]},
                              {'actions':[at('else')@]}]}},
       at('rest')@]},
      {'event':'error.execution','target':['b']}]},
    {'id':'b'}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("e").ok());
  EXPECT_EQ(chart.TakeEmitted(), "else rest") << "SCXML 5.9.1";
  EXPECT_EQ(chart.active(), "b");
}

TEST(InterpreterTest, InSeesTheConfigurationOfOtherRegions) {
  Chart chart(R"({'id':'r','type':'PARALLEL','states':[
    {'id':'a','initial':['a1'],'states':[
      {'id':'a1','on':[{'event':'go','guard':'In(`b2`)','target':['a2']}]},{'id':'a2'}]},
    {'id':'b','initial':['b1'],'states':[
      {'id':'b1','on':[{'event':'open','target':['b2']}]},{'id':'b2'}]}]})");
  ASSERT_TRUE(chart.Start().ok());
  const absl::Status denied = chart.Send("go");
  EXPECT_EQ(ReasonOf(denied), v1::GUARD_FALSE);
  ASSERT_TRUE(chart.Send("open").ok());
  ASSERT_TRUE(chart.Send("go").ok());
  EXPECT_EQ(chart.active(), "a2 b2");
}

TEST(InterpreterTest, ADenialNamesTheEdgesOfAllRegionsOnce) {
  Chart chart(R"({'id':'r','type':'PARALLEL','on':[{'event':'e','guard':'context.x > 3'}],
    'states':[{'id':'a','on':[{'event':'e','guard':'context.x > 1'}]},
              {'id':'b','on':[{'event':'e','guard':'context.x > 2'}]}]})",
              "{'x':1}");
  ASSERT_TRUE(chart.Start().ok());
  v1::Denial denial;
  ASSERT_TRUE(GetDetail(chart.Send("e"), &denial));
  std::vector<std::string> edges;
  for (const v1::EdgeDenial& edge : denial.edges()) edges.push_back(edge.edge());
  EXPECT_EQ(edges, (std::vector<std::string>{"a/on/0", "r/on/0", "b/on/0"}));
}

TEST(InterpreterTest, EventlessEdgesComeBeforeInternalEvents) {
  Chart chart(R"({'id':'r','initial':['a'],'states':[
    {'id':'a','entry':[{'raise':{'event':'e'}}],'always':[{'target':['b']}],
     'on':[{'event':'e','target':['wrong']}]},
    {'id':'b','on':[{'event':'e','target':['c']}]},
    {'id':'c'},{'id':'wrong'}]})");
  ASSERT_TRUE(chart.Start().ok());
  EXPECT_EQ(chart.active(), "c");
}

TEST(InterpreterTest, AMacrostepThatDoesNotEndIsRefused) {
  Chart chart(R"({'id':'r','type':'PARALLEL','states':[
    {'id':'a','initial':['a1'],'states':[
      {'id':'a1','on':[{'event':'go','target':['a2']}]},
      {'id':'a2','always':[{'target':['a3']}]},{'id':'a3','always':[{'target':['a2']}]}]}]})");
  ASSERT_TRUE(chart.Start().ok());
  EXPECT_EQ(ReasonOf(chart.Send("go")), v1::LIMIT_REACHED);
  EXPECT_EQ(chart.active(), "a1");
}

TEST(InterpreterTest, AnAfterEdgeIsTakenOnceItsDelayHasPassed) {
  Chart chart(R"({'id':'r','initial':['a'],'states':[
    {'id':'a','after':[{'delay':'30s','target':['late'],
                        'actions':[{'emit':{'name':'by','data':'event.name'}}]}],
     'on':[{'event':'ok','target':['b']},{'event':'again','target':['a']}]},
    {'id':'b'},{'id':'late'}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Wait(29).ok());
  EXPECT_EQ(chart.active(), "a");
  ASSERT_TRUE(chart.Send("again").ok());
  EXPECT_EQ(chart.instance().timers.size(), 1u) << "leaving takes the timer back";
  ASSERT_TRUE(chart.Wait(29).ok());
  EXPECT_EQ(chart.active(), "a");
  ASSERT_TRUE(chart.Wait(1).ok());
  EXPECT_EQ(chart.active(), "late");
  EXPECT_EQ(chart.TakeEmitted(), "by=\"after.a\"");
}

TEST(InterpreterTest, OfAfterEdgesDueAtOnceTheFirstWhoseGuardHoldsIsTaken) {
  const std::string root = R"({'id':'r','initial':['a'],'states':[
    {'id':'a','after':[{'delay':'10s','guard':'context.retry','target':['b']},
                       {'delay':'10s','target':['c']}]},
    {'id':'b'},{'id':'c'}]})";
  Chart retrying(root, "{'retry':true}");
  ASSERT_TRUE(retrying.Start().ok());
  ASSERT_TRUE(retrying.Wait(10).ok());
  EXPECT_EQ(retrying.active(), "b");
  Chart giving_up(root, "{'retry':false}");
  ASSERT_TRUE(giving_up.Start().ok());
  ASSERT_TRUE(giving_up.Wait(10).ok());
  EXPECT_EQ(giving_up.active(), "c");
}

TEST(InterpreterTest, NoOtherEdgeTakesTheTimerOfAnAfterEdge) {
  Chart chart(R"({'id':'r','initial':['a'],'after':[{'delay':'5s','target':['late']}],'states':[
    {'id':'a','on':[{'event':'*','target':['b']}]},{'id':'b'},{'id':'late'}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Wait(5).ok());
  EXPECT_EQ(chart.active(), "late");
}

TEST(InterpreterTest, ADelayExpressionSeesTheContextAfterTheEntryActions) {
  Chart chart(R"({'id':'r','initial':['a'],'states':[
    {'id':'a','entry':[{'assign':{'location':'context.s','value':'2.5'}}],
     'after':[{'delayExpression':'context.s','target':['b']}]},{'id':'b'}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_EQ(chart.instance().timers.size(), 1u);
  EXPECT_EQ(chart.instance().timers[0].key.due_us, 1'002'500'000);
}

TEST(InterpreterTest, ADelayThatIsNoNumberOfSecondsRaisesAnError) {
  Chart chart(R"({'id':'r','initial':['a'],'states':[
    {'id':'a','on':[{'event':'e','target':['b']}]},
    {'id':'b','after':[{'delayExpression':'context.s','target':['a']}]}]})",
              "{'s':-1}");
  ASSERT_TRUE(chart.Start().ok());
  const absl::Status failed = chart.Send("e");
  EXPECT_EQ(ReasonOf(failed), v1::STEP_FAILED);
  EXPECT_TRUE(absl::StrContains(failed.message(), "-1")) << failed;
}

TEST(InterpreterTest, ADelayedSendComesAndCanBeTakenBack) {
  const std::string root = R"({'id':'r','initial':['a'],'states':[
    {'id':'a','entry':[{'send':{'id':'s','event':'ping','data':'context.n','delay':'3s'}},
                       {'send':{'event':'pong','delay':'4s'}}],
     'on':[{'event':'stop','actions':[{'cancel':{'id':'s'}}]},
           {'event':'ping','actions':[{'emit':{'name':'ping','data':'event.data'}}]},
           {'event':'pong','target':['b']}]},
    {'id':'b'}]})";
  Chart chart(root, "{'n':5}");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Wait(3).ok());
  EXPECT_EQ(chart.TakeEmitted(), "ping=5");
  Chart cancelling(root, "{'n':5}");
  ASSERT_TRUE(cancelling.Start().ok());
  ASSERT_TRUE(cancelling.Send("stop").ok());
  ASSERT_TRUE(cancelling.Wait(10).ok());
  EXPECT_EQ(cancelling.TakeEmitted(), "");
  EXPECT_EQ(cancelling.active(), "b") << "a send without an id is not taken back";
}

TEST(InterpreterTest, ASendOutlivesTheStateThatSentIt) {
  Chart chart(R"({'id':'r','initial':['a'],'states':[
    {'id':'a','exit':[{'send':{'event':'late','delay':'1s'}}],
     'on':[{'event':'e','target':['b']}]},
    {'id':'b','on':[{'event':'late','target':['c']}]},{'id':'c'}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("e").ok());
  ASSERT_TRUE(chart.Wait(1).ok());
  EXPECT_EQ(chart.active(), "c");
}

TEST(InterpreterTest, ADelayedEventThatEnablesNothingIsDiscarded) {
  Chart chart(R"({'id':'r','entry':[{'send':{'event':'nobody','delay':'1s'}}]})");
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Wait(1).ok());
  EXPECT_TRUE(chart.instance().timers.empty());
}

TEST(InterpreterTest, TooManyTimersFailTheStep) {
  Chart chart(R"({'id':'r','on':[{'event':'e','actions':[{'send':{'event':'x','delay':'9s'}}]}]})");
  ASSERT_TRUE(chart.Start().ok());
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(chart.Send("e").ok());
  EXPECT_EQ(ReasonOf(chart.Send("e")), v1::LIMIT_REACHED);
  EXPECT_EQ(chart.instance().timers.size(), 1'000u);
}

constexpr char kGuarded[] = R"({'id':'r','initial':['a'],'states':[
  {'id':'a','on':[{'id':'risky','event':'go','guard':'event.data.sum > 10','externalGuard':'risk',
                   'target':['b']},
                  {'id':'plain','event':'go','target':['c']}]},
  {'id':'b'},{'id':'c'}]})";

TEST(InterpreterTest, AnExternalGuardWithoutAnOutcomeIsAskedFor) {
  Chart chart(kGuarded);
  ASSERT_TRUE(chart.Start().ok());
  const absl::Status status = chart.Send("go", "{'sum':11}");
  EXPECT_EQ(ReasonOf(status), v1::GUARD_UNANSWERED);
  v1::GuardOutcome question;
  ASSERT_TRUE(GetDetail(status, &question));
  EXPECT_EQ(question.edge(), "risky");
  EXPECT_EQ(question.guard(), "risk");
  v1::EvaluateRequest request;
  ASSERT_TRUE(GetDetail(status, &request));
  EXPECT_EQ(request.instance().configuration(1), "a");
  EXPECT_EQ(request.data().fields().at("sum").number_value(), 11);
  EXPECT_EQ(request.actor(), "alice");
}

TEST(InterpreterTest, AnExternalGuardIsNotAskedWhereTheExpressionIsFalse) {
  Chart chart(kGuarded);
  ASSERT_TRUE(chart.Start().ok());
  ASSERT_TRUE(chart.Send("go", "{'sum':9}").ok());
  EXPECT_EQ(chart.active(), "c");
}

TEST(InterpreterTest, AnOutcomeDecides) {
  for (const bool allowed : {true, false}) {
    Chart chart(kGuarded);
    ASSERT_TRUE(chart.Start().ok());
    v1::GuardOutcome& outcome = *chart.outcomes().Add();
    outcome.set_edge("risky");
    outcome.set_guard("risk");
    outcome.set_allowed(allowed);
    ASSERT_TRUE(chart.Send("go", "{'sum':11}").ok());
    EXPECT_EQ(chart.active(), allowed ? "b" : "c");
  }
}

TEST(InterpreterTest, AnEdgeWithAnExternalGuardIsForClientsEventsOnly) {
  Chart chart(R"({'id':'r','initial':['a'],'states':[
    {'id':'a','initial':['f'],'states':[{'id':'f','type':'FINAL'}],
     'on':[{'event':'*','externalGuard':'g','target':['wrong']}]},
    {'id':'wrong'}]})");
  ASSERT_TRUE(chart.Start().ok());
  EXPECT_EQ(chart.active(), "f");
}

TEST(InterpreterTest, AnUnhandledErrorFailsTheStepAndAHandledOneDoesNot) {
  const std::string handler = R"(,{'event':'error.execution','target':['b']})";
  for (const bool handled : {false, true}) {
    Chart chart(absl::StrCat(R"({'id':'r','initial':['a'],'states':[
      {'id':'a','on':[{'event':'e','actions':[
         {'assign':{'location':'context.x','value':'context.missing'}}]})",
                             handled ? handler : "", "]},{'id':'b'}]}"));
    ASSERT_TRUE(chart.Start().ok());
    const absl::Status status = chart.Send("e");
    EXPECT_EQ(status.ok(), handled) << status;
    EXPECT_EQ(chart.active(), handled ? "b" : "a");
  }
}

}  // namespace
}  // namespace swoosh
