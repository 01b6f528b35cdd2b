#include "core/reducer.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/value.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr char kDoor[] = R"({"name":"door","context":{"pin":"1234","tries":0,"opened":0},"root":{
  "id":"door","initial":["closed"],"states":[
    {"id":"closed","initial":["locked"],"states":[
      {"id":"locked","on":[
        {"id":"unlock","event":"unlock","guard":"event.data.pin == context.pin",
         "target":["unlocked"],
         "actions":[{"assign":{"location":"context.tries","value":"0"}}]},
        {"id":"wrong","event":"unlock","guard":"event.data.pin != context.pin && context.tries < 2",
         "actions":[{"assign":{"location":"context.tries","value":"context.tries + 1"}},
                    {"emit":{"name":"wrong_pin","data":"context.tries"}}]}]},
      {"id":"unlocked","exit":[{"emit":{"name":"leaving_unlocked"}}],
       "on":[{"event":"lock","target":["locked"]}]}],
     "on":[{"event":"open","guard":"In('unlocked') ","target":["opened"]}]},
    {"id":"opened","entry":[
        {"assign":{"location":"context.opened","value":"context.opened + 1"}},
        {"emit":{"name":"opened","data":"{'count': context.opened, 'by': event.actor}"}}],
     "on":[{"event":"close","target":["closed"]},
           {"event":"remove","target":["removed"]}]},
    {"id":"removed","type":"FINAL","output":"context.opened"}]}})";

struct Reduced : Reduction {
  google::protobuf::RepeatedPtrField<v1::Change> changes;  // of those bytes
};

class ReducerTest : public testing::Test {
 protected:
  static v1::Transition FromJson(const std::string& json) {
    v1::Transition transition;
    const auto status = google::protobuf::util::JsonStringToMessage(json, &transition);
    EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
    return transition;
  }

  absl::StatusOr<Reduced> Try(const std::vector<std::string>& transitions) {
    transitions_.Clear();
    for (const std::string& json : transitions) *transitions_.Add() = FromJson(json);
    Proposal proposal;
    proposal.ns = "default";
    proposal.actor = "alice";
    proposal.transitions = &transitions_;
    absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, Next());
    if (!reduction.ok()) return reduction.status();
    Reduced reduced;
    v1::Record record;
    EXPECT_TRUE(AddChanges(reduction->changes, &record));
    // Byte for byte what protobuf makes of them.
    EXPECT_EQ(absl::StrCat("\x01", reduction->changes), EncodeRecord(record));
    reduced.changes = record.changes();
    static_cast<Reduction&>(reduced) = *std::move(reduction);
    return reduced;
  }

  // Reduces, and applies what was accepted.
  absl::StatusOr<Reduced> Submit(const std::vector<std::string>& transitions) {
    absl::StatusOr<Reduced> reduced = Try(transitions);
    if (reduced.ok()) writer_.Apply(reduced->effect, kReducerVersion, Next());
    return reduced;
  }

  void Register(const std::string& machine) {
    const auto reduction = Submit({R"({"registerMachine":{"machine":)" + machine + "}}"});
    ASSERT_TRUE(reduction.ok()) << reduction.status();
  }
  absl::StatusOr<Reduced> Create(const std::string& id, const std::string& machine = "door") {
    return Submit({Creation(id, machine)});
  }
  absl::StatusOr<Reduced> Send(const std::string& id, const std::string& event,
                               const std::string& data = "{}") {
    return Submit({Event(id, event, data)});
  }
  static std::string Creation(const std::string& id, const std::string& machine = "door") {
    return absl::StrCat(R"({"createInstance":{"instanceId":")", id, R"(","machine":")", machine,
                        R"("}})");
  }
  static std::string Event(const std::string& id, const std::string& event,
                           const std::string& data = "{}") {
    return absl::StrCat(R"({"sendEvent":{"instanceId":")", id, R"(","event":")", event,
                        R"(","data":)", data, "}}");
  }

  Hlc Next() const { return NextHlc(writer_.position().hlc, 1'700'000'000'000'000); }

  static std::vector<std::string> Strings(
      const google::protobuf::RepeatedPtrField<std::string>& list) {
    return {list.begin(), list.end()};
  }

  google::protobuf::RepeatedPtrField<v1::Transition> transitions_;
  StateWriter writer_{"history"};
};

using Names = std::vector<std::string>;

TEST_F(ReducerTest, TheSameDefinitionAgainIsTheSameVersion) {
  Register(kDoor);
  auto again = Submit({absl::StrCat(R"({"registerMachine":{"machine":)", kDoor, "}}")});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->outcomes[0].machine->version(), 1u);
  EXPECT_TRUE(again->effect.writes.empty());
  std::string other = kDoor;
  other.replace(other.find("1234"), 4, "9999");
  auto changed = Submit({absl::StrCat(R"({"registerMachine":{"machine":)", other, "}}")});
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(changed->outcomes[0].machine->version(), 2u);
}

TEST_F(ReducerTest, ANewInstanceIsInTheInitialConfiguration) {
  Register(kDoor);
  const auto created = Create("d1");
  ASSERT_TRUE(created.ok()) << created.status();
  ASSERT_EQ(created->changes.size(), 1);
  const v1::Change& change = created->changes[0];
  EXPECT_TRUE(change.created());
  EXPECT_EQ(Strings(change.configuration()), (Names{"door", "closed", "locked"}));
  EXPECT_EQ(change.previous_version(), 0u);
  EXPECT_TRUE(change.has_context());
  EXPECT_EQ(created->outcomes[0].instance->version, 2u);
  EXPECT_EQ(created->outcomes[0].instance->created_index, 2u);
}

TEST_F(ReducerTest, AnEdgeExitsActsAndEntersInThatOrder) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  ASSERT_TRUE(Send("d1", "unlock", R"({"pin":"1234"})").ok());
  const auto opened = Send("d1", "open");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const v1::Change& change = opened->changes[0];
  EXPECT_EQ(Strings(change.exited()), (Names{"unlocked", "closed"}));
  EXPECT_EQ(Strings(change.edges()), (Names{"closed/on/0"}));
  EXPECT_EQ(Strings(change.configuration()), (Names{"door", "opened"}));
  ASSERT_EQ(change.emitted_size(), 2);
  EXPECT_EQ(change.emitted(0).name(), "leaving_unlocked");
  EXPECT_EQ(change.emitted(1).name(), "opened");
  EXPECT_EQ(change.emitted(1).data().struct_value().fields().at("by").string_value(), "alice");
  EXPECT_EQ(change.previous_version(), 3u);
}

TEST_F(ReducerTest, ATargetlessEdgeStaysWhereItIs) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  const auto wrong = Send("d1", "unlock", R"({"pin":"0000"})");
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_EQ(wrong->changes[0].exited_size(), 0);
  EXPECT_EQ(wrong->changes[0].context().fields().at("tries").number_value(), 1);
}

TEST_F(ReducerTest, ADenialNamesEdgesGuardsAndWhatIsEnabled) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Send("d1", "unlock", R"({"pin":"0"})").ok());
  const auto denied = Send("d1", "unlock", R"({"pin":"0"})");
  ASSERT_FALSE(denied.ok());
  EXPECT_EQ(denied.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(denied.status()), v1::GUARD_FALSE);
  v1::Denial denial;
  ASSERT_TRUE(GetDetail(denied.status(), &denial));
  ASSERT_EQ(denial.edges_size(), 2);
  EXPECT_EQ(denial.edges(0).edge(), "unlock");
  EXPECT_TRUE(absl::StrContains(denial.edges(1).reason(), "context.tries (2)"))
      << denial.edges(1).reason();
  EXPECT_EQ(Strings(denial.enabled_events()), (Names{"unlock", "open"}));
}

TEST_F(ReducerTest, AnUnknownEventIsDeniedWithoutEdges) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  const auto denied = Send("d1", "opne");
  ASSERT_FALSE(denied.ok());
  EXPECT_EQ(ReasonOf(denied.status()), v1::EVENT_NOT_ENABLED);
}

TEST_F(ReducerTest, AFinalStateEndsTheInstanceWithItsOutput) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  ASSERT_TRUE(Send("d1", "unlock", R"({"pin":"1234"})").ok());
  ASSERT_TRUE(Send("d1", "open").ok());
  const auto removed = Send("d1", "remove");
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(removed->changes[0].status(), v1::Instance::DONE);
  EXPECT_EQ(removed->outcomes[0].instance->output, Value::Number(1));
  const auto after = Send("d1", "close");
  ASSERT_FALSE(after.ok());
  EXPECT_EQ(ReasonOf(after.status()), v1::INSTANCE_NOT_RUNNING);
}

TEST_F(ReducerTest, AllOfAProposalOrNone) {
  Register(kDoor);
  const Digest before = writer_.Seal();
  const auto refused = Submit({Creation("d1"), Creation("d2"), Event("d1", "open")});
  ASSERT_FALSE(refused.ok());
  v1::Denial denial;
  ASSERT_TRUE(GetDetail(refused.status(), &denial));
  EXPECT_EQ(denial.transition(), 2u);
  EXPECT_EQ(writer_.Seal(), before);

  const auto accepted = Submit({Creation("d1"), Creation("d2"),
                                Event("d1", "unlock", R"({"pin":"1234"})"), Event("d1", "open")});
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->changes.size(), 2);
  EXPECT_TRUE(accepted->changes[0].created());
  EXPECT_EQ(Strings(accepted->changes[0].edges()), (Names{"unlock", "closed/on/0"}));
  EXPECT_EQ(accepted->changes[0].exited_size(), 0) << "nothing was active before the record";
  EXPECT_EQ(accepted->effect.instances_added, 2);
}

TEST_F(ReducerTest, ExpectedVersionIsThatBeforeTheProposal) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());  // version 2
  const auto with = [&](const std::string& version, const std::string& event) {
    return absl::StrCat(R"({"expectedVersion":")", version,
                        R"(","sendEvent":{"instanceId":"d1","event":")", event,
                        R"(","data":{"pin":"1234"}}})");
  };
  const auto stale = Submit({with("1", "unlock")});
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(stale.status()), v1::VERSION_MISMATCH);
  const auto both = Submit({with("2", "unlock"), with("2", "open")});
  EXPECT_TRUE(both.ok()) << both.status();
  const auto must_be_absent = Submit({R"({"expectedVersion":"0","createInstance":
      {"instanceId":"d1","machine":"door"}})"});
  EXPECT_EQ(ReasonOf(must_be_absent.status()), v1::VERSION_MISMATCH);
}

TEST_F(ReducerTest, CreateTwiceUnlessAllowed) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  const auto twice = Create("d1");
  EXPECT_EQ(twice.status().code(), absl::StatusCode::kAlreadyExists);
  const auto allowed = Submit({R"({"createInstance":
      {"instanceId":"d1","machine":"door","allowExisting":true}})"});
  ASSERT_TRUE(allowed.ok());
  EXPECT_EQ(allowed->changes.size(), 0);
  EXPECT_EQ(allowed->outcomes[0].instance->version, 2u);
}

TEST_F(ReducerTest, DeletionLeavesNothing) {
  Register(kDoor);
  const Digest before = writer_.Seal();
  ASSERT_TRUE(Create("d1").ok());
  EXPECT_NE(writer_.Seal(), before);
  const auto deleted = Submit({R"({"deleteInstance":{"instanceId":"d1"}})"});
  ASSERT_TRUE(deleted.ok());
  EXPECT_TRUE(deleted->changes[0].deleted());
  EXPECT_EQ(Strings(deleted->changes[0].exited()), (Names{"locked", "closed", "door"}));
  EXPECT_EQ(deleted->changes[0].previous_version(), 2u);
  EXPECT_EQ(writer_.Seal(), before);
  EXPECT_EQ(ReasonOf(Submit({R"({"deleteInstance":{"instanceId":"d1"}})"}).status()),
            v1::INSTANCE_NOT_FOUND);
  EXPECT_TRUE(Submit({R"({"deleteInstance":{"instanceId":"d1","allowMissing":true}})"}).ok());
}

TEST_F(ReducerTest, CreatedAndDeletedAtOnceIsNoChange) {
  Register(kDoor);
  const auto both = Submit({Creation("d1"), R"({"deleteInstance":{"instanceId":"d1"}})"});
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->changes.size(), 0);
  EXPECT_TRUE(both->effect.writes.empty());
  EXPECT_EQ(both->effect.instances_added, 0);
}

TEST_F(ReducerTest, EventlessEdgesAndRaisedEventsRunToStability) {
  Register(R"({"name":"m","context":{"log":[]},"root":{"id":"r","initial":["a"],"states":[
    {"id":"a","on":[{"event":"go","target":["b"],"actions":[
       {"raise":{"event":"inner","data":"{'n': 5}"}}]}]},
    {"id":"b","always":[{"id":"b-c","target":["c"]}]},
    {"id":"c","on":[{"id":"got-inner","event":"inner","target":["d"],"actions":[
       {"assign":{"location":"context.n","value":"event.data.n"}},
       {"assign":{"location":"context.actor","value":"event.actor"}}]}]},
    {"id":"d"}]}})");
  ASSERT_TRUE(Create("x", "m").ok());
  const auto result = Send("x", "go");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Strings(result->changes[0].edges()), (Names{"a/on/0", "b-c", "got-inner"}));
  EXPECT_EQ(Strings(result->changes[0].exited()), (Names{"a"})) << "b and c were not active before";
  EXPECT_EQ(result->changes[0].context().fields().at("n").number_value(), 5);
  EXPECT_EQ(result->changes[0].context().fields().at("actor").string_value(), "")
      << "the machine raised it, nobody sent it";
}

TEST_F(ReducerTest, DoneStateFollowsAFinalChild) {
  Register(R"({"name":"m","root":{"id":"r","initial":["work"],"states":[
    {"id":"work","initial":["doing"],"on":[{"event":"done.state.work","target":["end"],
       "actions":[{"emit":{"name":"result","data":"event.data"}}]}],
     "states":[{"id":"doing","on":[{"event":"ok","target":["did"]}]},
               {"id":"did","type":"FINAL","output":"{'score': 3}"}]},
    {"id":"end"}]}})");
  ASSERT_TRUE(Create("x", "m").ok());
  const auto result = Send("x", "ok");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Strings(result->changes[0].configuration()), (Names{"r", "end"}));
  EXPECT_EQ(result->changes[0].emitted(0).data().struct_value().fields().at("score").number_value(),
            3);
}

TEST_F(ReducerTest, ChooseTakesTheFirstBranchThatHolds) {
  Register(R"({"name":"m","context":{"n":7},"root":{"id":"r","entry":[{"choose":{"branches":[
     {"guard":"context.n > 10","actions":[{"emit":{"name":"big"}}]},
     {"guard":"context.n > 5","actions":[{"emit":{"name":"middle"}}]},
     {"actions":[{"emit":{"name":"small"}}]}]}}]}})");
  const auto created = Create("x", "m");
  ASSERT_TRUE(created.ok()) << created.status();
  ASSERT_EQ(created->changes[0].emitted_size(), 1);
  EXPECT_EQ(created->changes[0].emitted(0).name(), "middle");
}

TEST_F(ReducerTest, MicrostepsHaveABound) {
  Register(R"({"name":"m","context":{"n":0},"root":{"id":"r","initial":["idle"],"states":[
    {"id":"idle","on":[{"event":"spin","target":["a"]}]},
    {"id":"a","always":[{"target":["b"],"guard":"context.n >= 0"}]},
    {"id":"b","always":[{"target":["a"]}]}]}})");
  ASSERT_TRUE(Create("x", "m").ok());
  const Digest before = writer_.Seal();
  const auto result = Send("x", "spin");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(result.status()), v1::LIMIT_REACHED);
  EXPECT_EQ(writer_.Seal(), before);
}

TEST_F(ReducerTest, AFailedExpressionFailsTheStepUnlessHandled) {
  const std::string machine = R"({"name":"m","root":{"id":"r","initial":["a"],"states":[
    {"id":"a","on":[{"event":"go","target":["b"]}]},
    {"id":"b","entry":[{"assign":{"location":"context.x","value":"context.missing + 1"}},
                       {"emit":{"name":"never"}}]HANDLER},
    {"id":"failed"}]}})";
  std::string bare = machine;
  bare.replace(bare.find("HANDLER"), 7, "");
  Register(bare);
  ASSERT_TRUE(Create("x", "m").ok());
  const auto failed = Send("x", "go");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(ReasonOf(failed.status()), v1::STEP_FAILED);
  EXPECT_TRUE(absl::StrContains(failed.status().message(), "missing")) << failed.status();

  std::string handled = machine;
  handled.replace(handled.find("HANDLER"), 7,
                  R"(,"on":[{"event":"error.execution","target":["failed"]}])");
  Register(handled);
  ASSERT_TRUE(Create("y", "m").ok());
  const auto result = Send("y", "go");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Strings(result->changes[0].configuration()), (Names{"r", "failed"}));
  EXPECT_EQ(result->changes[0].emitted_size(), 0) << "the rest of the block is not executed";
}

TEST_F(ReducerTest, ReservedEventsAreTheMachinesOwn) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  for (const char* event : {"done.state.closed", "error.execution"}) {
    const auto sent = Send("d1", event);
    EXPECT_EQ(sent.status().code(), absl::StatusCode::kInvalidArgument) << event;
  }
}

TEST_F(ReducerTest, AContextThatGrowsOverItsBoundIsRefused) {
  Register(R"({"name":"m","root":{"id":"r","on":[{"event":"grow","actions":[
    {"assign":{"location":"context[event.data.key]","value":"event.data.text"}}]}]}})");
  ASSERT_TRUE(Create("x", "m").ok());
  const std::string text(10'000, 'x');
  absl::Status last;
  int accepted = 0;
  for (; accepted < 20; ++accepted) {
    last = Send("x", "grow", absl::StrCat(R"({"key":"k)", accepted, R"(","text":")", text, R"("})"))
               .status();
    if (!last.ok()) break;
  }
  EXPECT_EQ(accepted, 6);
  EXPECT_EQ(last.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(last), v1::LIMIT_REACHED);
  EXPECT_TRUE(absl::StrContains(last.message(), "context")) << last;
}

TEST_F(ReducerTest, KeysAreOneForEachTransitionAndEmptyWhereItNamesNoInstance) {
  google::protobuf::RepeatedPtrField<v1::Transition> transitions;
  *transitions.Add() = FromJson(Event("a", "open"));
  *transitions.Add() = FromJson(R"({"registerMachine":{}})");
  *transitions.Add() = FromJson(Creation("b"));
  *transitions.Add() = FromJson(R"({"deleteInstance":{"instanceId":"c"}})");
  transitions.Add();
  std::vector<std::string> keys;
  for (const StateKey& key : InstanceKeys("default", transitions)) {
    keys.push_back(key.bytes);
    EXPECT_TRUE(key.bytes.empty() || key.path == Sha256(key.bytes));
  }
  EXPECT_EQ(keys,
            (std::vector<std::string>{InstanceKey("default", "a"), "", InstanceKey("default", "b"),
                                      InstanceKey("default", "c"), ""}));
}

TEST_F(ReducerTest, AReductionChangesNothingUntilApplied) {
  Register(kDoor);
  ASSERT_TRUE(Create("d1").ok());
  const Digest before = writer_.Seal();
  ASSERT_TRUE(Try({Event("d1", "unlock", R"({"pin":"1234"})"), Creation("d2")}).ok());
  EXPECT_EQ(writer_.Seal(), before);
}

TEST_F(ReducerTest, TheSameProposalsMakeTheSameHashWhenTheyRunAtOtherTimes) {
  Digest hashes[2];
  for (int run = 0; run < 2; ++run) {
    writer_ = StateWriter("history");
    Register(kDoor);
    for (int i = 0; i < 50; ++i) {
      const std::string id = absl::StrCat("d", i);
      absl::StatusOr<Reduced> reduction = Try({Creation(id)});
      ASSERT_TRUE(reduction.ok());
      writer_.Apply(reduction->effect, kReducerVersion,
                    {writer_.position().hlc.time_us + 1 + run * 1'000, 0});
      if (i % (run + 2) == 0) writer_.Seal();
    }
    hashes[run] = writer_.Seal();
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

}  // namespace
}  // namespace swoosh
