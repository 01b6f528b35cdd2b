#include "core/statechart/machine.h"

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "core/errors.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

v1::Machine FromJson(const std::string& json) {
  v1::Machine machine;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &machine);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return machine;
}

std::string WithRoot(const std::string& root) { return R"({"name":"m","root":)" + root + "}"; }

TEST(MachineTest, NumbersStatesInDocumentOrder) {
  const auto machine = Machine::Compile("default", FromJson(WithRoot(R"({
    "id":"r","initial":["a"],"states":[
      {"id":"a","initial":["a2"],"states":[{"id":"a1"},{"id":"a2"}]},
      {"id":"b"}]})")),
                                        1, "machine");
  ASSERT_TRUE(machine.ok()) << machine.status();
  EXPECT_EQ((*machine)->FindState("r"), 0);
  EXPECT_EQ((*machine)->FindState("a"), 1);
  EXPECT_EQ((*machine)->FindState("a2"), 3);
  EXPECT_EQ((*machine)->FindState("b"), 4);
  EXPECT_EQ((*machine)->FindState("c"), -1);
  EXPECT_EQ((*machine)->states()[1].end, 4);
  EXPECT_TRUE((*machine)->IsDescendant(3, 1));
  EXPECT_FALSE((*machine)->IsDescendant(4, 1));
}

TEST(MachineTest, DomainsAreThoseOfTheStandard) {
  const auto compiled = Machine::Compile("default", FromJson(WithRoot(R"({
    "id":"r","initial":["a"],
    "on":[{"event":"e","target":["a1"]}],
    "states":[
      {"id":"a","initial":["a1"],
       "on":[{"event":"in","target":["a1"],"internal":true},
             {"event":"out","target":["a1"]},
             {"event":"self","target":["a"]}],
       "states":[{"id":"a1","on":[{"event":"next","target":["a2"]},
                                  {"event":"far","target":["b"]},
                                  {"event":"none"}]},
                 {"id":"a2"}]},
      {"id":"b"}]})")),
                                         1, "machine");
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const auto& states = (*compiled)->states();
  EXPECT_EQ(states[0].on[0].domain, 0);
  EXPECT_EQ(states[1].on[0].domain, 1);  // internal
  EXPECT_EQ(states[1].on[1].domain, 0);  // external
  EXPECT_EQ(states[1].on[2].domain, 0);  // to itself
  EXPECT_EQ(states[2].on[0].domain, 1);
  EXPECT_EQ(states[2].on[1].domain, 0);
  EXPECT_EQ(states[2].on[2].domain, -1);  // targetless
}

TEST(MachineTest, EventDescriptorsMatchByTokens) {
  EventDescriptors events;
  events.prefixes = {"failed", "a.b"};
  EXPECT_TRUE(events.Match("failed"));
  EXPECT_TRUE(events.Match("failed.lint"));
  EXPECT_FALSE(events.Match("failedlint"));
  EXPECT_TRUE(events.Match("a.b.c"));
  EXPECT_FALSE(events.Match("a"));
  events.any = true;
  EXPECT_TRUE(events.Match("whatever"));
}

TEST(MachineTest, TheSameDefinitionHasTheSameHashInAnySpelling) {
  const auto a = Machine::Compile(
      "default", FromJson(R"({"name":"m","context":{"x":1,"y":2},"root":{"id":"r"}})"), 1, "m");
  const auto b = Machine::Compile(
      "default", FromJson(R"({"version":9,"context":{"y":2.0,"x":1e0},"root":{"id":"r"},
                              "name":"m"})"),
      2, "m");
  const auto c = Machine::Compile(
      "default", FromJson(R"({"name":"m","context":{"x":1,"y":3},"root":{"id":"r"}})"), 1, "m");
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
  EXPECT_EQ((*a)->definition_hash(), (*b)->definition_hash());
  EXPECT_NE((*a)->definition_hash(), (*c)->definition_hash());
}

TEST(MachineTest, AnEntryReadsBackAsTheSameMachine) {
  const auto machine =
      Machine::Compile("ns", FromJson(R"({"name":"m","context":{"x":[1,{"a":"b"}]},"root":{
        "id":"r","initial":["a"],"states":[
        {"id":"a","on":[{"event":"go","guard":"context.x[0] == 1","target":["f"],
                         "actions":[{"emit":{"name":"hi","data":"context.x"}}]}]},
        {"id":"f","type":"FINAL","output":"context.x"}]}})"),
                       3, "machine");
  ASSERT_TRUE(machine.ok()) << machine.status();
  const std::string key = MachineKey("ns", "m", 3);
  const auto read = DecodeMachine(key, EncodeMachine(**machine));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)->version(), 3u);
  EXPECT_EQ((*read)->definition(), (*machine)->definition());
  EXPECT_EQ((*read)->ToProto(true).SerializeAsString(),
            (*machine)->ToProto(true).SerializeAsString());
  EXPECT_FALSE(DecodeMachine(MachineKey("ns", "other", 3), EncodeMachine(**machine)).ok());
  EXPECT_FALSE(DecodeMachine(key, EncodeMachine(**machine).substr(1)).ok());
}

struct BadDefinition {
  const char* name;
  const char* json;
  const char* field;  // of the violation
  v1::ErrorReason reason;
  const char* words;  // in the description
};

class BadDefinitionTest : public testing::TestWithParam<BadDefinition> {};

TEST_P(BadDefinitionTest, IsRefusedNamingTheField) {
  const auto machine = Machine::Compile("default", FromJson(GetParam().json), 1, "machine");
  ASSERT_FALSE(machine.ok());
  EXPECT_EQ(machine.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(machine.status()), GetParam().reason) << machine.status();
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(GetDetail(machine.status(), &bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), GetParam().field);
  EXPECT_TRUE(absl::StrContains(bad_request.field_violations(0).description(), GetParam().words))
      << machine.status();
}

const BadDefinition kBadDefinitions[] = {
    {"NoName", R"({"root":{"id":"r"}})", "machine.name", v1::INVALID_FIELD, "empty"},
    {"BadName", R"({"name":"a b","root":{"id":"r"}})", "machine.name", v1::INVALID_FIELD,
     "character"},
    {"NoRoot", R"({"name":"m"})", "machine.root", v1::INVALID_DEFINITION, "must be there"},
    {"UnknownTarget",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[
         {"id":"a","on":[{"event":"e","target":["nowhere"]}]}]}})",
     "machine.root.states[0].on[0].target[0]", v1::INVALID_DEFINITION, "nowhere"},
    {"TargetIsRoot", R"({"name":"m","root":{"id":"r","on":[{"event":"e","target":["r"]}]}})",
     "machine.root.on[0].target[0]", v1::INVALID_DEFINITION, "root"},
    {"BadGuard", R"({"name":"m","root":{"id":"r","on":[{"event":"e","guard":"context.x <= "}]}})",
     "machine.root.on[0].guard", v1::INVALID_EXPRESSION, "line 1"},
    {"GuardIsNoBoolean", R"({"name":"m","root":{"id":"r","on":[{"event":"e","guard":"1 + 1"}]}})",
     "machine.root.on[0].guard", v1::INVALID_EXPRESSION, "true or false"},
    {"UnknownStateInGuard",
     R"({"name":"m","root":{"id":"r","on":[{"event":"e","guard":"In('x') "}]}})",
     "machine.root.on[0].guard", v1::INVALID_EXPRESSION, "x"},
    {"BadLocation",
     R"({"name":"m","root":{"id":"r","entry":[{"assign":{"location":"context","value":"1"}}]}})",
     "machine.root.entry[0].assign.location", v1::INVALID_EXPRESSION, "context"},
    {"TwiceTheSameId",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[{"id":"a"},{"id":"a"}]}})",
     "machine.root.states[1].id", v1::INVALID_DEFINITION, "already"},
    {"NoInitial", R"({"name":"m","root":{"id":"r","states":[{"id":"a"}]}})", "machine.root.initial",
     v1::INVALID_DEFINITION, "begins"},
    {"InitialElsewhere",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[
         {"id":"a","initial":["b"],"states":[{"id":"c"}]},{"id":"b"}]}})",
     "machine.root.states[0].initial[0]", v1::INVALID_DEFINITION, "does not lie"},
    {"CyclicAlways",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[
         {"id":"a","always":[{"target":["b"]}]},{"id":"b","always":[{"target":["a"]}]}]}})",
     "machine.root.states[0].always", v1::INVALID_DEFINITION, "for ever"},
    {"TargetlessAlways", R"({"name":"m","root":{"id":"r","always":[{}]}})", "machine.root.always",
     v1::INVALID_DEFINITION, "for ever"},
    {"EventOnAlways", R"({"name":"m","root":{"id":"r","always":[{"event":"e"}]}})",
     "machine.root.always[0].event", v1::INVALID_DEFINITION, "only an `on` edge"},
    {"OnWithoutEvent", R"({"name":"m","root":{"id":"r","on":[{}]}})", "machine.root.on[0].event",
     v1::INVALID_DEFINITION, "needs an event"},
    {"StarInside", R"({"name":"m","root":{"id":"r","on":[{"event":"a.*.b"}]}})",
     "machine.root.on[0].event", v1::INVALID_DEFINITION, "'*'"},
    {"DelayOnOn", R"({"name":"m","root":{"id":"r","on":[{"event":"e","delay":"1s"}]}})",
     "machine.root.on[0].delay", v1::INVALID_DEFINITION, "after"},
    {"ParallelWithoutRegions", R"({"name":"m","root":{"id":"r","type":"PARALLEL"}})",
     "machine.root.states", v1::INVALID_DEFINITION, "needs some"},
    {"ParallelWithInitial",
     R"({"name":"m","root":{"id":"r","type":"PARALLEL","initial":["a"],"states":[{"id":"a"}]}})",
     "machine.root.initial", v1::INVALID_DEFINITION, "has none"},
    {"FinalRegion",
     R"({"name":"m","root":{"id":"r","type":"PARALLEL","states":[{"id":"f","type":"FINAL"}]}})",
     "machine.root.states[0].type", v1::INVALID_DEFINITION, "no FINAL child"},
    {"HistoryRoot", R"({"name":"m","root":{"id":"r","type":"HISTORY"}})", "machine.root.type",
     v1::INVALID_DEFINITION, "can't be HISTORY"},
    {"HistoryWithEntry",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[{"id":"a"},
         {"id":"h","type":"HISTORY","entry":[{"emit":{"name":"x"}}]}]}})",
     "machine.root.states[1].entry", v1::INVALID_DEFINITION, "no actions"},
    {"HistoryDefaultElsewhere",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[
         {"id":"a","initial":["b"],"states":[{"id":"b"},
             {"id":"h","type":"HISTORY","initial":["c"]}]},{"id":"c"}]}})",
     "machine.root.states[0].states[1].initial[0]", v1::INVALID_DEFINITION, "does not lie"},
    {"HistoryDefaultIsHistory",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[{"id":"a"},
         {"id":"g","type":"HISTORY","initial":["h"]},
         {"id":"h","type":"HISTORY","initial":["g"]}]}})",
     "machine.root.states[1].initial[0]", v1::INVALID_DEFINITION, "no history state"},
    {"HistoryBeginsAsItsParentWhichBeginsWithIt",
     R"({"name":"m","root":{"id":"r","initial":["h"],"states":[{"id":"a"},
         {"id":"h","type":"HISTORY"}]}})",
     "machine.root.states[1].initial", v1::INVALID_DEFINITION, "must name a state"},
    {"DeepAtomic", R"({"name":"m","root":{"id":"r","history":"DEEP"}})", "machine.root.history",
     v1::INVALID_DEFINITION, "only a HISTORY state"},
    {"AfterWithoutDelay", R"({"name":"m","root":{"id":"r","after":[{}]}})",
     "machine.root.after[0].delay", v1::INVALID_DEFINITION, "needs one"},
    {"AfterWithEvent", R"({"name":"m","root":{"id":"r","after":[{"delay":"1s","event":"e"}]}})",
     "machine.root.after[0].event", v1::INVALID_DEFINITION, "only an `on` edge"},
    {"NegativeDelay", R"({"name":"m","root":{"id":"r","after":[{"delay":"-1s"}]}})",
     "machine.root.after[0].delay", v1::INVALID_DEFINITION, "zero or more"},
    {"DelayOf101Years", R"({"name":"m","root":{"id":"r","after":[{"delay":"3187296000s"}]}})",
     "machine.root.after[0].delay", v1::INVALID_DEFINITION, "at most"},
    {"DelayIsNoNumber", R"({"name":"m","root":{"id":"r","after":[{"delayExpression":"'1s'"}]}})",
     "machine.root.after[0].delay_expression", v1::INVALID_EXPRESSION, "number of seconds"},
    {"SendWithoutEvent", R"({"name":"m","root":{"id":"r","entry":[{"send":{"delay":"1s"}}]}})",
     "machine.root.entry[0].send.event", v1::INVALID_FIELD, "empty"},
    {"SendWithTwoDelays",
     R"({"name":"m","root":{"id":"r","entry":[
         {"send":{"event":"e","delay":"1s","delayExpression":"1"}}]}})",
     "machine.root.entry[0].send.delay_expression", v1::INVALID_DEFINITION, "beside"},
    {"CancelOfNothing", R"({"name":"m","root":{"id":"r","exit":[{"cancel":{}}]}})",
     "machine.root.exit[0].cancel.id", v1::INVALID_FIELD, "empty"},
    {"ExternalGuardOnAlways",
     R"({"name":"m","root":{"id":"r","always":[{"externalGuard":"g","guard":"context.x"}]}})",
     "machine.root.always[0].external_guard", v1::INVALID_DEFINITION, "only an `on` edge"},
    {"ExternalGuardOfRaisedEvent",
     R"({"name":"m","root":{"id":"r","entry":[{"raise":{"event":"e.x"}}],
         "on":[{"event":"e","externalGuard":"g"}]}})",
     "machine.root.on[0].external_guard", v1::INVALID_DEFINITION, "e.x"},
    {"ExternalGuardOfDone",
     R"({"name":"m","root":{"id":"r","on":[{"event":"done.state.a","externalGuard":"g"}]}})",
     "machine.root.on[0].external_guard", v1::INVALID_DEFINITION, "clients' events"},
    {"NegativeRetention", R"({"name":"m","retention":"-60s","root":{"id":"r"}})",
     "machine.retention", v1::INVALID_DEFINITION, "zero or more"},
    {"TargetsOfOneRegion",
     R"({"name":"m","root":{"id":"r","initial":["a"],"states":[{"id":"a","on":[
         {"event":"e","target":["a","b"]}]},{"id":"b"}]}})",
     "machine.root.states[0].on[0].target[1]", v1::INVALID_DEFINITION, "together"},
    {"HistoryOfAParallelStateBesideItsRegion",
     R"({"name":"m","root":{"id":"r","initial":["p"],"on":[{"event":"e","target":["h","a2"]}],
         "states":[{"id":"p","type":"PARALLEL","states":[{"id":"h","type":"HISTORY"},
           {"id":"a","initial":["a1"],"states":[{"id":"a1"},{"id":"a2"}]},{"id":"b"}]}]}})",
     "machine.root.on[0].target[1]", v1::INVALID_DEFINITION, "together"},
    {"EdgeOutOfFinal",
     R"({"name":"m","root":{"id":"r","initial":["f"],"states":[
         {"id":"f","type":"FINAL","on":[{"event":"e"}]}]}})",
     "machine.root.states[0].on", v1::INVALID_DEFINITION, "FINAL"},
    {"OutputOfAtomic", R"({"name":"m","root":{"id":"r","output":"1"}})", "machine.root.output",
     v1::INVALID_DEFINITION, "FINAL"},
    {"EmptyAction", R"({"name":"m","root":{"id":"r","entry":[{}]}})", "machine.root.entry[0]",
     v1::INVALID_DEFINITION, "one of"},
    {"ElseNotLast",
     R"({"name":"m","root":{"id":"r","entry":[{"choose":{"branches":[{},{"guard":"true"}]}}]}})",
     "machine.root.entry[0].choose.branches[0].guard", v1::INVALID_DEFINITION, "last"},
    {"NumberBeyond2To53", R"({"name":"m","context":{"n":9007199254740994},"root":{"id":"r"}})",
     "machine.context.n", v1::NUMBER_INEXACT, "2^53"},
    {"TwiceTheSameEdge",
     R"({"name":"m","root":{"id":"r","on":[{"id":"x","event":"a"},{"id":"x","event":"b"}]}})",
     "machine.root.on[1].id", v1::INVALID_DEFINITION, "already"},
};

INSTANTIATE_TEST_SUITE_P(Definitions, BadDefinitionTest, testing::ValuesIn(kBadDefinitions),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(MachineTest, TheDomainBetweenRegionsIsOutsideTheParallelState) {
  const auto compiled = Machine::Compile("default", FromJson(WithRoot(R"({
    "id":"r","initial":["p"],"states":[
      {"id":"p","type":"PARALLEL","on":[{"event":"in","target":["a2","b2"],"internal":true}],
       "states":[
        {"id":"a","initial":["a1"],"states":[
          {"id":"a1","on":[{"event":"next","target":["a2"]},
                           {"event":"across","target":["b2"]},
                           {"event":"both","target":["a2","b2"]},
                           {"event":"back","target":["h"]}]},
          {"id":"a2"},{"id":"h","type":"HISTORY"}]},
        {"id":"b","initial":["b1"],"states":[{"id":"b1"},{"id":"b2"}]}]}]})")),
                                         1, "machine");
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const Machine& machine = **compiled;
  const auto& states = machine.states();
  const auto& edges = states[machine.FindState("a1")].on;
  EXPECT_TRUE(machine.has_parallel());
  EXPECT_EQ(edges[0].domain, machine.FindState("a"));
  EXPECT_EQ(edges[1].domain, 0);
  EXPECT_EQ(edges[2].domain, 0);
  EXPECT_EQ(edges[3].domain, kDomainByHistory);
  EXPECT_EQ(states[machine.FindState("p")].on[0].domain, 0) << "a parallel source is left";
}

TEST(MachineTest, AnAlwaysCycleWithAGuardIsAllowed) {
  EXPECT_TRUE(Machine::Compile("default", FromJson(WithRoot(R"({
    "id":"r","initial":["a"],"states":[
      {"id":"a","always":[{"target":["b"],"guard":"context.x == 1"}]},
      {"id":"b","always":[{"target":["a"]}]}]})")),
                               1, "machine")
                  .ok());
}

TEST(MachineTest, AContextOverItsBoundIsRefused) {
  v1::Machine machine = FromJson(WithRoot(R"({"id":"r"})"));
  (*machine.mutable_context()->mutable_fields())["blob"].set_string_value(std::string(70'000, 'x'));
  const auto compiled = Machine::Compile("default", machine, 1, "machine");
  ASSERT_FALSE(compiled.ok());
  EXPECT_EQ(ReasonOf(compiled.status()), v1::TOO_LARGE);
  EXPECT_TRUE(absl::StartsWith(compiled.status().message(), "machine.context: "));
}

}  // namespace
}  // namespace swoosh
