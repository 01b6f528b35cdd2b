// Runs charts through the reducer: a line of JSON in, a line of JSON out.
//
// In: {"machine": a v1.Machine in JSON, "events": [NAME, ...]}. Out: {"steps": [STEP, ...]}, one
// for the creation and one an event, with "configuration" (the active states and their ancestors,
// in document order), "edges" (the ids of those taken) and "emitted"; or {"refused": why} where the
// machine is no legal one. An event that enables nothing leaves the configuration as it was. One
// that is refused for another reason is the last step: {"error": why}.
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "core/errors.h"
#include "core/hlc.h"
#include "core/json_value_for_test.h"
#include "core/record.h"
#include "core/reducer.h"
#include "core/state.h"
#include "core/value.h"
#include "google/protobuf/util/json_util.h"

namespace swoosh {
namespace {

constexpr int64_t kTimeUs = 1'700'000'000'000'000;
constexpr char kInstance[] = "chart";

Value Strings(std::vector<Value> strings) { return Value::OfList(std::move(strings)); }

Value Error(absl::string_view key, const absl::Status& status) {
  return Value::OfMap({{std::string(key), Value::String(std::string(status.message()))}});
}

// SCXML discards these events.
bool IsDiscarded(const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  return reason == v1::EVENT_NOT_ENABLED || reason == v1::GUARD_FALSE ||
         reason == v1::INSTANCE_NOT_RUNNING;
}

// A store with one chart in it.
class Chart {
 public:
  absl::Status Register(const Value& machine) {
    v1::Transition transition;
    const auto parsed = google::protobuf::util::JsonStringToMessage(
        ToJsonText(machine), transition.mutable_register_machine()->mutable_machine());
    SWOOSH_CHECK(parsed.ok());
    name_ = transition.register_machine().machine().name();
    return Submit(transition).status();
  }

  // The outcome as a STEP. False when nothing can follow it.
  bool Create(Value* step) {
    v1::Transition transition;
    transition.mutable_create_instance()->set_instance_id(kInstance);
    transition.mutable_create_instance()->set_machine(name_);
    return Take(transition, step);
  }
  bool Send(absl::string_view event, Value* step) {
    v1::Transition transition;
    transition.mutable_send_event()->set_instance_id(kInstance);
    transition.mutable_send_event()->set_event(std::string(event));
    return Take(transition, step);
  }

 private:
  absl::StatusOr<Reduction> Submit(const v1::Transition& transition) {
    google::protobuf::RepeatedPtrField<v1::Transition> transitions;
    *transitions.Add() = transition;
    Proposal proposal;
    proposal.ns = "default";
    proposal.transitions = &transitions;
    const Hlc hlc = NextHlc(writer_.position().hlc, kTimeUs);
    absl::StatusOr<Reduction> reduction = Reduce(writer_.view(), proposal, hlc);
    if (reduction.ok()) writer_.Apply(reduction->effect, kReducerVersion, hlc);
    return reduction;
  }

  bool Take(const v1::Transition& transition, Value* step) {
    const absl::StatusOr<Reduction> reduction = Submit(transition);
    std::vector<Value> edges;
    std::vector<Value> emitted;
    if (reduction.ok()) {
      v1::Record record;
      SWOOSH_CHECK(AddChanges(reduction->changes, &record) && record.changes_size() == 1);
      const v1::Change& change = record.changes(0);
      configuration_.clear();
      for (const std::string& state : change.configuration()) {
        configuration_.push_back(Value::String(state));
      }
      for (const std::string& edge : change.edges()) edges.push_back(Value::String(edge));
      for (const v1::Emitted& each : change.emitted()) {
        emitted.push_back(Value::String(each.name()));
      }
    } else if (!IsDiscarded(reduction.status())) {
      *step = Error("error", reduction.status());
      return false;
    }
    *step = Value::OfMap({{"configuration", Strings(configuration_)},
                          {"edges", Strings(std::move(edges))},
                          {"emitted", Strings(std::move(emitted))}});
    return true;
  }

  StateWriter writer_{"history"};
  std::string name_;
  std::vector<Value> configuration_;
};

Value Run(const std::string& line) {
  const Value request = JsonValueForTest(line);
  const Value* machine = request.Find("machine");
  const Value* events = request.Find("events");
  SWOOSH_CHECK(machine != nullptr && events != nullptr);
  Chart chart;
  if (absl::Status status = chart.Register(*machine); !status.ok()) {
    return Error("refused", status);
  }
  std::vector<Value> steps(1);
  bool goes_on = chart.Create(&steps.back());
  for (size_t i = 0; goes_on && i < events->as_list().size(); ++i) {
    goes_on = chart.Send(events->as_list()[i].as_string(), &steps.emplace_back());
  }
  return Value::OfMap({{"steps", Value::OfList(std::move(steps))}});
}

}  // namespace
}  // namespace swoosh

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << swoosh::ToJsonText(swoosh::Run(line)) << '\n';
  }
  return std::cin.eof() && std::cout.flush().good() ? 0 : 1;
}
