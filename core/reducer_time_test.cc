// The passing of time, through Reduce.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/errors.h"
#include "core/record.h"
#include "core/reducer.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

constexpr int64_t kStartUs = 1'700'000'000'000'000;
constexpr int64_t kSecondUs = 1'000'000;

constexpr char kJob[] = R"({"name":"job","retention":"3600s","root":{
  "id":"job","initial":["waiting"],"states":[
    {"id":"waiting",
     "after":[{"delayExpression":"context.s","target":["late"],
               "actions":[{"emit":{"name":"late","data":"event.time"}}]}],
     "on":[{"event":"done","target":["finished"]},
           {"event":"poke","actions":[{"send":{"event":"echo","delay":"0s"}}]},
           {"event":"echo","actions":[{"emit":{"name":"echo"}}]}]},
    {"id":"late","on":[{"event":"again","target":["waiting"]}]},
    {"id":"finished","type":"FINAL"}]}})";

struct Reduced : Reduction {
  google::protobuf::RepeatedPtrField<v1::Change> changes;  // of those bytes
};

class ReducerTimeTest : public testing::Test {
 protected:
  absl::StatusOr<Reduced> Submit(const std::string& json) {
    google::protobuf::RepeatedPtrField<v1::Transition> transitions;
    const auto parsed = google::protobuf::util::JsonStringToMessage(json, transitions.Add());
    EXPECT_TRUE(parsed.ok()) << parsed.ToString() << "\n" << json;
    Proposal proposal;
    proposal.ns = "default";
    proposal.transitions = &transitions;
    const Hlc hlc = NextHlc(writer_.position().hlc, now_us_);
    absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, hlc);
    if (!reduction.ok()) return reduction.status();
    Reduced reduced;
    v1::Record record;
    EXPECT_TRUE(AddChanges(reduction->changes, &record));
    reduced.changes = record.changes();
    writer_.Apply(reduction->effect, kReducerVersion, hlc);
    static_cast<Reduction&>(reduced) = *std::move(reduction);
    return reduced;
  }
  void Accept(const std::string& json) {
    const auto reduction = Submit(json);
    ASSERT_TRUE(reduction.ok()) << reduction.status();
  }
  void Register(const std::string& machine) {
    Accept(absl::StrCat(R"({"registerMachine":{"machine":)", machine, "}}"));
  }
  void Create(const std::string& id, const std::string& context) {
    Accept(absl::StrCat(R"({"createInstance":{"instanceId":")", id,
                        R"(","machine":"job","context":)", context, "}}"));
  }
  void Send(const std::string& id, const std::string& event) {
    Accept(absl::StrCat(R"({"sendEvent":{"instanceId":")", id, R"(","event":")", event, R"("}})"));
  }
  // Lets `seconds` pass and fires what is due.
  Reduced Wait(int64_t seconds, uint32_t fire_max = 1'000) {
    now_us_ += seconds * kSecondUs;
    v1::Transition transition;
    *transition.mutable_advance_time()->mutable_to() = TimestampFromMicros(now_us_);
    transition.mutable_advance_time()->set_fire_max(fire_max);
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(transition, &json).ok());
    absl::StatusOr<Reduced> reduction = Submit(json);
    EXPECT_TRUE(reduction.ok()) << reduction.status();
    return *std::move(reduction);
  }
  static std::vector<std::string> Changed(const Reduced& reduction) {
    std::vector<std::string> ids;
    for (const v1::Change& change : reduction.changes) ids.push_back(change.instance_id());
    return ids;
  }
  std::optional<Instance> Find(const std::string& id) {
    writer_.SetRecordHash(Digest{});
    writer_.Seal();
    return writer_.Sealed().FindInstance("default", id);
  }
  uint64_t timers() { return writer_.view().timers()->size(); }

  int64_t now_us_ = kStartUs;
  StateWriter writer_{"history"};
};

using Names = std::vector<std::string>;

TEST_F(ReducerTimeTest, WhatIsDueFiresInOrderOfDeadlineThenOfCreation) {
  Register(kJob);
  Create("c", R"({"s":20})");
  Create("b", R"({"s":10})");
  Create("a", R"({"s":10})");
  Create("d", R"({"s":50})");
  EXPECT_EQ(writer_.first_due()->due_us, kStartUs + 10 * kSecondUs);
  const Reduced fired = Wait(30);
  EXPECT_EQ(Changed(fired), (Names{"b", "a", "c"}));
  EXPECT_EQ(fired.changes[0].edges(0), "waiting/after/0");
  EXPECT_EQ(fired.changes[0].emitted(0).data().number_value(), (kStartUs + 30 * kSecondUs) / 1e6)
      << "after a pause the step sees the record's time";
  EXPECT_EQ(timers(), 1u);
}

TEST_F(ReducerTimeTest, ARecordFiresABoundedNumber) {
  Register(kJob);
  for (int i = 0; i < 5; ++i) Create(absl::StrCat("i", i), R"({"s":1})");
  EXPECT_EQ(Changed(Wait(1, 2)), (Names{"i0", "i1"}));
  EXPECT_EQ(Changed(Wait(0, 2)), (Names{"i2", "i3"}));
  EXPECT_EQ(Changed(Wait(0, 2)), (Names{"i4"}));
}

TEST_F(ReducerTimeTest, ATimerFiresOnceAndNotWhenItsStateWasLeft) {
  Register(kJob);
  Create("a", R"({"s":5})");
  Create("b", R"({"s":5})");
  Send("b", "done");
  EXPECT_EQ(Changed(Wait(5)), (Names{"a"}));
  EXPECT_EQ(Changed(Wait(5)), (Names{}));
}

TEST_F(ReducerTimeTest, ASendWithoutDelayFiresInTheNextRecordOfTime) {
  Register(kJob);
  Create("a", R"({"s":500})");
  Send("a", "poke");
  EXPECT_EQ(writer_.first_due()->due_us, kStartUs);
  const Reduced fired = Wait(0);
  ASSERT_EQ(fired.changes.size(), 1);
  EXPECT_EQ(fired.changes[0].emitted(0).name(), "echo");
}

TEST_F(ReducerTimeTest, TimersSetByTheFiringOfOthersFireInTheSameRecordWhenDue) {
  Register(R"({"name":"job","root":{"id":"job","initial":["a"],"states":[
    {"id":"a","after":[{"delay":"1s","target":["b"]}]},
    {"id":"b","after":[{"delay":"0s","target":["c"]}]},
    {"id":"c","after":[{"delay":"1s","target":["a"]}]}]}})");
  Create("i", "{}");
  const Reduced fired = Wait(1);
  ASSERT_EQ(fired.changes.size(), 1);
  EXPECT_EQ(fired.changes[0].edges_size(), 2);
  EXPECT_EQ(fired.changes[0].configuration(1), "c");
  EXPECT_EQ(timers(), 1u);
}

TEST_F(ReducerTimeTest, AStepThatFailsIsUndoneAndFaultsItsInstanceAlone) {
  Register(R"({"name":"job","root":{"id":"job","initial":["a"],"states":[
    {"id":"a","after":[{"delay":"1s","target":["b"],
       "actions":[{"emit":{"name":"half"}},
                  {"assign":{"location":"context.n","value":"1 / context.d"}}]},
                       {"delay":"9s","target":["b"]}]},
    {"id":"b"}]}})");
  Create("bad", R"({"d":0})");
  Create("good", R"({"d":2})");
  const Reduced fired = Wait(1);
  ASSERT_EQ(fired.changes.size(), 2);
  const v1::Change& bad = fired.changes[0];
  EXPECT_EQ(bad.status(), v1::Instance::FAULTED);
  EXPECT_EQ(bad.emitted_size(), 0);
  EXPECT_EQ(bad.configuration(1), "a");
  EXPECT_EQ(bad.fault().code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_NE(bad.fault().message().find("1 / context.d"), std::string::npos);
  EXPECT_EQ(fired.changes[1].status(), v1::Instance::RUNNING);
  EXPECT_EQ(fired.changes[1].configuration(1), "b");
  EXPECT_EQ(timers(), 0u) << "a faulted instance has no timers";
  ASSERT_TRUE(Find("bad")->fault.has_value());
  const auto refused = Submit(R"({"sendEvent":{"instanceId":"bad","event":"x"}})");
  EXPECT_EQ(ReasonOf(refused.status()), v1::INSTANCE_NOT_RUNNING);
}

TEST_F(ReducerTimeTest, RetentionDeletesWhatIsDone) {
  Register(kJob);
  Create("a", R"({"s":500})");
  Send("a", "done");
  EXPECT_EQ(timers(), 1u);
  Wait(3'599);
  EXPECT_TRUE(Find("a").has_value());
  const Reduced fired = Wait(1);
  ASSERT_EQ(fired.changes.size(), 1);
  EXPECT_TRUE(fired.changes[0].deleted());
  EXPECT_FALSE(Find("a").has_value());
}

TEST_F(ReducerTimeTest, DeletingAnInstanceTakesItsTimersAlong) {
  Register(kJob);
  Create("a", R"({"s":5})");
  Accept(R"({"deleteInstance":{"instanceId":"a"}})");
  EXPECT_EQ(timers(), 0u);
  Create("a", R"({"s":7})");
  EXPECT_EQ(Changed(Wait(5)), (Names{}));
  EXPECT_EQ(Changed(Wait(2)), (Names{"a"}));
}

TEST_F(ReducerTimeTest, ALoadedStateHasTheSameTimersAndTheSameHash) {
  Register(kJob);
  Create("a", R"({"s":5})");
  Send("a", "poke");
  Create("b", R"({"s":9})");
  writer_.SetRecordHash(Digest{});
  writer_.Seal();
  const State before = writer_.Sealed();
  StateWriter loaded = StateWriter::ForLoading();
  StateCursor end;
  before.root().Walk(
      StateCursor(),
      [&](const StateEntry& entry) {
        EXPECT_TRUE(loaded.LoadEntry(entry).ok());
        return true;
      },
      &end);
  ASSERT_TRUE(loaded.FinishLoading(before.position()).ok());
  EXPECT_EQ(loaded.Seal(), before.hash());
  EXPECT_EQ(loaded.view().timers()->size(), 3u);
  EXPECT_EQ(loaded.first_due()->due_us, kStartUs);
  EXPECT_EQ(before.counts().timers, 3u);
}

TEST_F(ReducerTimeTest, TimeStandsAloneAndDoesNotRunAhead) {
  Register(kJob);
  EXPECT_FALSE(Submit(R"({"advanceTime":{"to":"2099-01-01T00:00:00Z"}})").ok());
  EXPECT_FALSE(Submit(R"({"advanceTime":{"to":"2001-01-01T00:00:00Z","fireMax":1001}})").ok());
}

}  // namespace
}  // namespace swoosh
