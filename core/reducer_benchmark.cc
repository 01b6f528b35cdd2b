#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "core/check.h"
#include "core/hlc.h"
#include "core/reducer.h"
#include "core/state.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/util/json_util.h"
#include "swoosh/v1/machine.pb.h"
#include "swoosh/v1/transition.pb.h"

// What an event costs, as one proposal each to random instances of many: Reduce alone; and with
// its effect applied and the state's hash, a Seal a group. An event of each machine takes an edge
// whose guard reads context and data, assigns, and enters a state.
namespace swoosh {
namespace {

constexpr char kNamespace[] = "default";
constexpr char kHistoryId[] = "benchmark";
constexpr int64_t kStartUs = 1'717'156'800'000'000;
constexpr int64_t kInstancesMany = 1'000'000;
constexpr int64_t kInstancesFew = 1'000;  // which a processor's cache holds
constexpr int64_t kCreatedPerProposal = 1'000;
constexpr int64_t kEventsPrepared = 4'096;  // protobuf messages that are sent in turns

constexpr char kActions[] =
    R"("guard":"event.data.n >= context.least","actions":[
       {"assign":{"location":"context.count","value":"context.count + 1"}}])";

constexpr char kContext[] = R"({"least":1,"count":0})";

std::string Edge(const char* target) {
  return absl::StrCat(R"("on":[{"event":"go","target":[")", target, "\"],", kActions, "}]");
}

std::string FlatMachine() {
  return absl::StrCat(R"({"name":"flat","context":)", kContext,
                      R"(,"root":{"id":"flat","initial":["a"],"states":[{"id":"a",)", Edge("b"),
                      R"(},{"id":"b",)", Edge("a"), "}]}}");
}

// The edge is of the middle level, and leaves and enters the two below it.
std::string CompoundMachine() {
  const auto half = [](const char* id, const char* target) {
    return absl::StrCat(R"({"id":")", id, R"(","initial":[")", id, R"(1"],)", Edge(target),
                        R"(,"states":[{"id":")", id, R"(1","initial":[")", id,
                        R"(2"],"states":[{"id":")", id, R"(2"}]}]})");
  };
  return absl::StrCat(R"({"name":"compound","context":)", kContext,
                      R"(,"root":{"id":"compound","initial":["a"],"states":[)", half("a", "b"), ",",
                      half("b", "a"), "]}}");
}

// The event takes an edge in one of the four regions; in the others nothing listens to it.
std::string ParallelMachine() {
  std::vector<std::string> regions;
  std::string states;
  for (const char* region : {"p", "q", "r", "s"}) {
    const std::string a = absl::StrCat(region, "a");
    const std::string b = absl::StrCat(region, "b");
    const bool listens = region[0] == 'r';
    const std::string edge_a = listens ? "," + Edge(b.c_str()) : "";
    const std::string edge_b = listens ? "," + Edge(a.c_str()) : "";
    absl::StrAppend(&states, states.empty() ? "" : ",", R"({"id":")", region, R"(","initial":[")",
                    a, R"("],"states":[{"id":")", a, "\"", edge_a, R"(},{"id":")", b, "\"", edge_b,
                    "}]}");
  }
  return absl::StrCat(R"({"name":"parallel","context":)", kContext,
                      R"(,"root":{"id":"parallel","type":"PARALLEL","states":[)", states, "]}}");
}

using Transitions = google::protobuf::RepeatedPtrField<v1::Transition>;

// `count` instances of one machine.
class Loaded {
 public:
  Loaded(const std::string& machine, int64_t count)
      : writer_(kHistoryId), count_(static_cast<uint64_t>(count)) {
    Transitions transitions;
    v1::Machine* definition = transitions.Add()->mutable_register_machine()->mutable_machine();
    SWOOSH_CHECK(google::protobuf::util::JsonStringToMessage(machine, definition).ok());
    const std::string name = definition->name();
    Accept(transitions);
    for (int64_t first = 0; first < count; first += kCreatedPerProposal) {
      transitions.Clear();
      for (int64_t i = first; i < first + kCreatedPerProposal; ++i) {
        v1::CreateInstance* create = transitions.Add()->mutable_create_instance();
        create->set_instance_id(absl::StrCat(i));
        create->set_machine(name);
      }
      Accept(transitions);
      Seal();
    }
    std::mt19937_64 random(1);
    for (int64_t i = 0; i < kEventsPrepared; ++i) {
      v1::SendEvent* send = events_.emplace_back().transitions.Add()->mutable_send_event();
      send->set_instance_id(absl::StrCat(random() % count_));
      send->set_event("go");
      (*send->mutable_data()->mutable_fields())["n"].set_number_value(2);
    }
  }

  struct Event {
    Transitions transitions;
    InstanceKeyList keys;
  };

  absl::StatusOr<Reduction> Reduce(const Event& event) const {
    Proposal proposal;
    proposal.ns = kNamespace;
    proposal.transitions = &event.transitions;
    proposal.keys = event.keys;
    return swoosh::Reduce(writer_.view(), proposal, NextHlc(writer_.position().hlc, kStartUs));
  }
  void Apply(const Reduction& reduction) {
    writer_.Apply(reduction.effect, kReducerVersion, NextHlc(writer_.position().hlc, kStartUs));
  }
  // As the server does, which keeps the committed state.
  void Seal() {
    writer_.Seal();
    writer_.SetRecordHash({});
    committed_ = writer_.Sealed();
  }
  // To an instance that changes from one call to the next, in no order. Looks ahead as the server
  // does when proposals wait.
  const Event& NextEvent() {
    if (next_ % kKeysAhead == 0) LookAhead();
    return events_[next_++ % kEventsPrepared];
  }

 private:
  static_assert(kEventsPrepared % kKeysAhead == 0);

  void LookAhead() {
    const StateKey* coming[kKeysAhead];
    for (size_t i = 0; i < kKeysAhead; ++i) {
      Event& event = events_[(next_ + i) % kEventsPrepared];
      next_id_ = next_id_ * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
      event.transitions.Mutable(0)->mutable_send_event()->set_instance_id(
          absl::StrCat((next_id_ >> 33) % count_));
      event.keys = InstanceKeys(kNamespace, event.transitions);
      coming[i] = &event.keys[0];
    }
    writer_.view().Prefetch(coming);
  }

  void Accept(const Transitions& transitions) {
    const absl::StatusOr<Reduction> reduction = Reduce({transitions, {}});
    SWOOSH_CHECK(reduction.ok());
    Apply(*reduction);
  }

  StateWriter writer_;
  const uint64_t count_;
  State committed_;
  std::vector<Event> events_;
  uint64_t next_ = 0;
  uint64_t next_id_ = 1;
};

// Kept from one benchmark to the next of that machine and size.
Loaded& Of(std::string (*machine)(), int64_t count) {
  static std::string (*loaded_machine)() = nullptr;
  static int64_t loaded_count = 0;
  static std::unique_ptr<Loaded> loaded;
  if (loaded_machine != machine || loaded_count != count) {
    loaded.reset();
    loaded = std::make_unique<Loaded>(machine(), count);
    loaded_machine = machine;
    loaded_count = count;
  }
  return *loaded;
}

// range: instances.
void BM_Reduce(benchmark::State& state, std::string (*machine)()) {
  Loaded& loaded = Of(machine, state.range(0));
  for (auto _ : state) {
    const absl::StatusOr<Reduction> reduction = loaded.Reduce(loaded.NextEvent());
    SWOOSH_CHECK(reduction.ok());
    benchmark::DoNotOptimize(reduction->changes.data());
  }
}

// With the state's hash. range: instances, events a group.
void BM_ReduceApplySeal(benchmark::State& state, std::string (*machine)()) {
  Loaded& loaded = Of(machine, state.range(0));
  const int64_t group = state.range(1);
  int64_t left_in_group = group;
  for (auto _ : state) {
    const absl::StatusOr<Reduction> reduction = loaded.Reduce(loaded.NextEvent());
    SWOOSH_CHECK(reduction.ok());
    loaded.Apply(*reduction);
    if (--left_in_group > 0) continue;
    loaded.Seal();
    left_in_group = group;
  }
  loaded.Seal();
}

#define SWOOSH_BENCHMARK_MACHINE(name, machine)        \
  BENCHMARK_CAPTURE(BM_Reduce, name, machine)          \
      ->ArgName("instances")                           \
      ->Arg(kInstancesFew)                             \
      ->Arg(kInstancesMany);                           \
  BENCHMARK_CAPTURE(BM_ReduceApplySeal, name, machine) \
      ->ArgNames({"instances", "group"})               \
      ->ArgsProduct({{kInstancesMany}, {1, 100, 1'000, 10'000}})
SWOOSH_BENCHMARK_MACHINE(flat, FlatMachine);
SWOOSH_BENCHMARK_MACHINE(compound, CompoundMachine);
SWOOSH_BENCHMARK_MACHINE(parallel, ParallelMachine);

}  // namespace
}  // namespace swoosh

BENCHMARK_MAIN();
