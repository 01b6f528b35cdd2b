// Expressions and locations: parsed, checked, evaluated and explained.
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/canonical.h"
#include "core/check.h"
#include "core/expression.h"
#include "core/expression_scope.h"
#include "core/json_value_for_test.h"
#include "core/utf8.h"
#include "core/value.h"
#include "tests/fuzz/fuzz_target.h"

namespace swoosh {
namespace {

constexpr size_t kExplanationBytesMax = 1'024;

const Value& Context() {
  static const Value* const context = new Value(JsonValueForTest(
      R"({"n":3,"x":2.5,"zero":0,"big":1e308,"s":"héllo","t":true,"f":false,"nil":null,"l":[1,"two",
          [3],null],"nums":[4,8,15,16],"m":{"k":"v","deep":{"er":1}},"empty":[],"key":"k",
          "votes":{"ann":"yes","bob":"no"},"users":[{"name":"ann","age":31}]})"));
  return *context;
}

const Value& EventData() {
  static const Value* const data =
      new Value(JsonValueForTest(R"({"amount":250,"attempt":3,"tags":["x","y"]})"));
  return *data;
}

int StateIndex(absl::string_view id) {
  if (id == "open") return 0;
  return id == "paid.late" ? 1 : -1;
}

// An error of the one kind, that can be sent to a client.
void CheckError(const absl::Status& status) {
  SWOOSH_CHECK(absl::IsInvalidArgument(status));
  SWOOSH_CHECK(!status.message().empty() && IsValidUtf8(status.message()));
}

// It can be stored, and read back.
void CheckStorable(const Value& value) {
  std::string encoded;
  AppendValue(value, &encoded);
  SWOOSH_CHECK(encoded.size() == value.encoded_bytes());
  const absl::StatusOr<Value> read = DecodeValue(encoded);
  SWOOSH_CHECK(read.ok() && *read == value);
}

void CheckEvaluation(const Expression& expression, const ExpressionScope& scope) {
  const absl::StatusOr<Value> value = expression.Evaluate(scope);
  if (value.ok()) {
    CheckStorable(*value);
  } else {
    CheckError(value.status());
  }
  const absl::StatusOr<Value> again = expression.Evaluate(scope);
  SWOOSH_CHECK(again.ok() ? value.ok() && *again == *value : again.status() == value.status());

  const absl::StatusOr<bool> holds = expression.EvaluateBool(scope);
  SWOOSH_CHECK(holds.ok() == (value.ok() && value->is_bool()));
  SWOOSH_CHECK(!holds.ok() || *holds == value->as_bool());
  if (expression.constant() != nullptr) {
    SWOOSH_CHECK(value.ok() && *value == *expression.constant());
  }
  const std::string explanation = expression.Explain(scope);
  SWOOSH_CHECK(explanation.size() <= kExplanationBytesMax && IsValidUtf8(explanation));
  SWOOSH_CHECK(explanation.find('\n') == std::string::npos);
}

void CheckExpression(absl::string_view text, const ExpressionScope& scope) {
  const absl::StatusOr<Expression> expression = Expression::Parse(text, StateIndex);
  if (!expression.ok()) return CheckError(expression.status());
  SWOOSH_CHECK(expression->text() == text);
  CheckEvaluation(*expression, scope);
  // A scope without an event.
  ExpressionScope quiet;
  quiet.context = &Context();
  CheckEvaluation(*expression, quiet);
}

void CheckLocation(absl::string_view text, const ExpressionScope& scope) {
  const absl::StatusOr<Location> location = Location::Parse(text, StateIndex);
  if (!location.ok()) return CheckError(location.status());
  const absl::StatusOr<Value> context = location->Assign(scope, EventData());
  if (!context.ok()) return CheckError(context.status());
  SWOOSH_CHECK(context->is_map());
  CheckStorable(*context);
}

}  // namespace
}  // namespace swoosh

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const uint64_t active[] = {1};
  swoosh::ExpressionScope scope;
  scope.context = &swoosh::Context();
  scope.event_name = "pay";
  scope.event_data = &swoosh::EventData();
  scope.event_actor = "ann";
  scope.event_time_s = 1'700'000'000.25;
  scope.active_states = active;
  const absl::string_view text = swoosh::FuzzInput(data, size);
  swoosh::CheckExpression(text, scope);
  swoosh::CheckLocation(text, scope);
  return 0;
}
