#include "core/expression.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/expression_checker.h"
#include "core/expression_evaluator.h"
#include "core/expression_explainer.h"
#include "core/expression_parser.h"
#include "core/expression_program.h"
#include "core/limits.h"

namespace swoosh {

using expression_internal::Evaluator;
using expression_internal::Node;
using expression_internal::NodeIndex;
using expression_internal::Op;

struct Expression::Program {
  expression_internal::Program program;
};

Expression::Expression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

absl::StatusOr<Expression> Expression::Parse(absl::string_view text, const StateLookup& states) {
  auto program = expression_internal::ParseProgram(text);
  if (!program.ok()) return program.status();
  const absl::Status status = expression_internal::CheckProgram(states, &*program);
  if (!status.ok()) return status;
  return Expression(std::make_shared<const Program>(Program{*std::move(program)}));
}

absl::StatusOr<Value> Expression::Evaluate(const ExpressionScope& scope) const {
  const expression_internal::Program& program = program_->program;
  Evaluator evaluator(program, scope);
  Value scratch;
  const Value* value = evaluator.Evaluate(program.root, &scratch);
  if (value == nullptr) return evaluator.status();
  return *value;
}

absl::StatusOr<bool> Expression::EvaluateBool(const ExpressionScope& scope) const {
  const expression_internal::Program& program = program_->program;
  Evaluator evaluator(program, scope);
  Value scratch;
  const Value* value = evaluator.Evaluate(program.root, &scratch);
  if (value == nullptr) return evaluator.status();
  if (value->is_bool()) return value->as_bool();
  return absl::InvalidArgumentError(absl::StrCat(program.TextOf(program.nodes[program.root]),
                                                 ": is a ", KindName(value->kind()),
                                                 ", where a boolean is wanted"));
}

std::string Expression::Explain(const ExpressionScope& scope) const {
  return expression_internal::ExplainNotTrue(program_->program, scope);
}

const Value* Expression::constant() const {
  const expression_internal::Program& program = program_->program;
  const Node& root = program.nodes[program.root];
  return root.op == Op::kConstant ? &program.constants[root.payload] : nullptr;
}

const std::string& Expression::text() const { return program_->program.text; }

// ---------------------------------------------------------------- locations

struct Location::Program {
  expression_internal::Program program;
  std::vector<NodeIndex> steps;  // kSelect or kIndex nodes, from the context outwards
};

namespace {

// A step whose index is evaluated.
struct Step {
  absl::string_view key;  // into a map
  size_t index = 0;       // into a list
  bool is_key = true;
  NodeIndex node = 0;  // for messages
  Value computed;      // what `key` may refer to
};
using Steps = absl::InlinedVector<Step, 2>;

absl::Status StepError(const expression_internal::Program& program, NodeIndex node,
                       absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat(program.TextOf(program.nodes[node]), ": ", reason));
}

absl::StatusOr<Step> EvaluateStep(const expression_internal::Program& program, NodeIndex node,
                                  Evaluator* evaluator) {
  const Node& access = program.nodes[node];
  Step step;
  step.node = node;
  if (access.op == Op::kSelect) {
    step.key = program.names[access.payload];
    return step;
  }
  Value scratch;
  const Value* index = evaluator->Evaluate(program.links[access.first + 1], &scratch);
  if (index == nullptr) return evaluator->status();
  if (index->is_string()) {
    step.computed = *index;
    step.key = step.computed.as_string();
    return step;
  }
  step.is_key = false;
  const double number = index->is_number() ? index->as_number() : -1;
  if (number >= 0 && number < kExactIntegerMax) {
    step.index = static_cast<size_t>(number);
    if (static_cast<double>(step.index) == number) return step;
  }
  return StepError(program, node,
                   absl::StrCat("an index is a string, or an integer from 0, not ",
                                ToJsonText(*index, expression_internal::kShownBytesMax)));
}

class Assigner {
 public:
  Assigner(const expression_internal::Program& program, const Steps& steps, const Value& value)
      : program_(program), steps_(steps), value_(value) {}

  // `base` with the value put at steps `at` and the following.
  absl::StatusOr<Value> Put(const Value& base, size_t at) const {
    if (at == steps_.size()) return value_;
    const Step& step = steps_[at];
    if (step.is_key != base.is_map() || (!step.is_key && !base.is_list())) {
      return StepError(program_, step.node,
                       absl::StrCat("what is to hold it is a ", KindName(base.kind()), ", not a ",
                                    step.is_key ? "map" : "list"));
    }
    return step.is_key ? PutMember(base, at) : PutItem(base, at);
  }

 private:
  absl::StatusOr<Value> PutMember(const Value& base, size_t at) const {
    const absl::string_view key = steps_[at].key;
    const bool is_last = at + 1 == steps_.size();
    const Value* old = base.Find(key);
    if (old == nullptr && !is_last) return StepError(program_, steps_[at].node, "is not there");
    absl::StatusOr<Value> member = Put(old != nullptr ? *old : Value(), at + 1);
    if (!member.ok()) return member.status();
    Value::Map members = base.as_map();
    const auto place = std::lower_bound(
        members.begin(), members.end(), key,
        [](const Value::Member& other, absl::string_view wanted) { return other.first < wanted; });
    if (old != nullptr) {
      place->second = *std::move(member);
    } else {
      members.emplace(place, std::string(key), *std::move(member));
    }
    return Value::OfMap(std::move(members));
  }

  absl::StatusOr<Value> PutItem(const Value& base, size_t at) const {
    const size_t index = steps_[at].index;
    const size_t count = base.as_list().size();
    const bool is_last = at + 1 == steps_.size();
    if (index > count || (index == count && !is_last)) {
      return StepError(program_, steps_[at].node,
                       absl::StrCat("there is no index ", index, " in a list of ", count));
    }
    absl::StatusOr<Value> item = Put(index < count ? base.as_list()[index] : Value(), at + 1);
    if (!item.ok()) return item.status();
    Value::List items = base.as_list();
    if (index == count) {
      items.push_back(*std::move(item));
    } else {
      items[index] = *std::move(item);
    }
    return Value::OfList(std::move(items));
  }

  const expression_internal::Program& program_;
  const Steps& steps_;
  const Value& value_;
};

}  // namespace

Location::Location(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

absl::StatusOr<Location> Location::Parse(absl::string_view text,
                                         const Expression::StateLookup& states) {
  auto parsed = expression_internal::ParseProgram(text);
  if (!parsed.ok()) return parsed.status();
  const absl::Status status = expression_internal::CheckProgram(states, &*parsed);
  if (!status.ok()) return status;
  auto program = std::make_shared<Program>(Program{*std::move(parsed), {}});
  const auto& nodes = program->program.nodes;
  NodeIndex at = program->program.root;
  while (nodes[at].op == Op::kSelect || nodes[at].op == Op::kIndex) {
    program->steps.push_back(at);
    at = program->program.links[nodes[at].first];
  }
  if (nodes[at].op != Op::kContext || program->steps.empty()) {
    return expression_internal::ErrorAt(text, nodes[at].begin,
                                        "a location is a path below context, as context.a['b'][0]");
  }
  std::reverse(program->steps.begin(), program->steps.end());
  return Location(std::move(program));
}

absl::StatusOr<Value> Location::Assign(const ExpressionScope& scope, const Value& value) const {
  SWOOSH_CHECK(scope.context != nullptr);
  const expression_internal::Program& program = program_->program;
  Evaluator evaluator(program, scope);
  Steps steps;
  for (const NodeIndex node : program_->steps) {
    absl::StatusOr<Step> step = EvaluateStep(program, node, &evaluator);
    if (!step.ok()) return step.status();
    steps.push_back(*std::move(step));
  }
  absl::StatusOr<Value> context = Assigner(program, steps, value).Put(*scope.context, 0);
  if (context.ok() && context->depth() > kValueDepthMax) {
    return StepError(program, program.root,
                     absl::StrCat("lists and maps would nest more than ", kValueDepthMax, " deep"));
  }
  return context;
}

}  // namespace swoosh
