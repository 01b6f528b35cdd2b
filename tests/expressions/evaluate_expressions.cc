// Evaluates expressions: a line of JSON in, a line of JSON out.
//
// In: {"expression", "context", "event": {"name", "data", "actor", "time"}, "states": {ID: whether
// it is active}}. Out: {"value"}, {"error"} of the evaluation, or {"refused"} by the parser.
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/check.h"
#include "core/expression.h"
#include "core/expression_scope.h"
#include "core/json_value_for_test.h"
#include "core/value.h"

namespace swoosh {
namespace {

const Value& Member(const Value& map, absl::string_view key) {
  const Value* member = map.Find(key);
  SWOOSH_CHECK(member != nullptr);
  return *member;
}

std::string Answer(std::string key, Value value) {
  return ToJsonText(Value::OfMap({{std::move(key), std::move(value)}}));
}

std::string Answer(std::string key, const absl::Status& status) {
  return Answer(std::move(key), Value::String(std::string(status.message())));
}

std::string Evaluate(const std::string& line) {
  const Value request = JsonValueForTest(line);
  const Value::Map& states = Member(request, "states").as_map();
  std::vector<uint64_t> active((states.size() + 63) / 64);
  for (size_t i = 0; i < states.size(); ++i) {
    if (states[i].second.as_bool()) active[i / 64] |= uint64_t{1} << i % 64;
  }
  const auto index_of = [&states](absl::string_view id) {
    for (size_t i = 0; i < states.size(); ++i) {
      if (states[i].first == id) return static_cast<int>(i);
    }
    return -1;
  };
  const absl::StatusOr<Expression> expression =
      Expression::Parse(Member(request, "expression").as_string(), index_of);
  if (!expression.ok()) return Answer("refused", expression.status());

  const Value& event = Member(request, "event");
  ExpressionScope scope;
  scope.context = &Member(request, "context");
  scope.event_name = Member(event, "name").as_string();
  scope.event_data = &Member(event, "data");
  scope.event_actor = Member(event, "actor").as_string();
  scope.event_time_s = Member(event, "time").as_number();
  scope.active_states = active;
  absl::StatusOr<Value> value = expression->Evaluate(scope);
  return value.ok() ? Answer("value", *std::move(value)) : Answer("error", value.status());
}

}  // namespace
}  // namespace swoosh

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) std::cout << swoosh::Evaluate(line) << '\n';
  return std::cin.eof() && std::cout.flush().good() ? 0 : 1;
}
