#include "core/expression_explainer.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/expression_evaluator.h"
#include "core/limits.h"
#include "core/utf8.h"
#include "core/value.h"

namespace swoosh::expression_internal {
namespace {

// An explanation evaluates what decided the result again, once a level.
constexpr int64_t kExplanationCostMax = 4 * int64_t{kExpressionCostMax};

constexpr absl::string_view kTooCostly = "too costly to explain";

class Explainer {
 public:
  Explainer(const Program& program, const ExpressionScope& scope)
      : program_(program), evaluator_(program, scope, kExplanationCostMax) {}

  // Why the node is not `wanted`. Where it is, "".
  std::string Explain(NodeIndex index, bool wanted) {
    Value scratch;
    const Value* value = evaluator_.Evaluate(index, &scratch);
    const Node& node = program_.nodes[index];
    if (value == nullptr) return ExplainFailure();
    if (!value->is_bool()) {
      return absl::StrCat(program_.TextOf(node), " is ", ToJsonText(*value, kShownBytesMax),
                          ", where a boolean is wanted");
    }
    if (value->as_bool() == wanted) return "";
    return ExplainOther(index, wanted);
  }

 private:
  std::string ExplainFailure() {
    std::string failure(evaluator_.status().message());
    return evaluator_.ForgetFailure() ? failure : std::string(kTooCostly);
  }

  std::string ExplainOther(NodeIndex index, bool wanted) {
    const Node& node = program_.nodes[index];
    switch (node.op) {
      case Op::kNot:
        return Explain(Operand(node, 0), !wanted);
      case Op::kAnd:
      case Op::kOr:
        return ExplainChain(node, wanted);
      case Op::kConditional:
        return ExplainConditional(node, wanted);
      case Op::kAll:
        return wanted ? ExplainAll(node) : ExplainLeaf(node, wanted);
      default:
        return ExplainLeaf(node, wanted);
    }
  }

  // The operands that are not as wanted: some of an && that should be true (or || that should be
  // false), all of the others. Errors count only where no plain value decided.
  std::string ExplainChain(const Node& node, bool wanted) {
    std::vector<std::string> reasons;
    std::vector<std::string> failures;
    for (const NodeIndex operand : program_.OperandsOf(node)) {
      Value scratch;
      const Value* value = evaluator_.Evaluate(operand, &scratch);
      if (value != nullptr && value->is_bool() && value->as_bool() == wanted) continue;
      if (value != nullptr && value->is_bool()) {
        reasons.push_back(ExplainOther(operand, wanted));
      } else if (value != nullptr) {
        failures.push_back(Explain(operand, wanted));
      } else {
        failures.push_back(ExplainFailure());
      }
    }
    return absl::StrJoin(reasons.empty() ? failures : reasons, " and ");
  }

  std::string ExplainConditional(const Node& node, bool wanted) {
    Value scratch;
    const Value* condition = evaluator_.Evaluate(Operand(node, 0), &scratch);
    if (condition == nullptr) return ExplainFailure();
    const bool is_true = condition->as_bool();
    return absl::StrCat(Shown(Operand(node, 0)), is_true ? " is true, and " : " is false, and ",
                        Explain(Operand(node, is_true ? 1 : 2), wanted));
  }

  // Names the first item for which it does not hold.
  std::string ExplainAll(const Node& node) {
    Value range_scratch;
    const Value* range = evaluator_.Evaluate(Operand(node, 0), &range_scratch);
    if (range == nullptr) return ExplainFailure();
    std::vector<Value> items;
    if (range->is_list()) {
      items = range->as_list();
    } else {
      for (const Value::Member& member : range->as_map()) {
        items.push_back(Value::String(member.first));
      }
    }
    for (const Value& item : items) {
      evaluator_.Bind(node.payload, &item);
      Value scratch;
      const Value* holds = evaluator_.Evaluate(Operand(node, 1), &scratch);
      if (holds == nullptr && !evaluator_.ForgetFailure()) return std::string(kTooCostly);
      if (holds == nullptr || !holds->is_bool() || holds->as_bool()) continue;
      return absl::StrCat(program_.TextOf(node), " is false: for ",
                          ToJsonText(item, kShownBytesMax), ", ",
                          ExplainOther(Operand(node, 1), true));
    }
    return ExplainLeaf(node, true);
  }

  std::string ExplainLeaf(const Node& node, bool wanted) {
    const absl::string_view verdict = wanted ? " is false" : " is true, wanted false";
    switch (node.op) {
      case Op::kLess:
      case Op::kLessEqual:
      case Op::kGreater:
      case Op::kGreaterEqual:
      case Op::kEqual:
      case Op::kNotEqual:
      case Op::kIn:
        return absl::StrCat(Shown(Operand(node, 0)), " ", OperatorOf(node), " ",
                            Shown(Operand(node, 1)), verdict);
      case Op::kStartsWith:
      case Op::kEndsWith:
      case Op::kContains:
      case Op::kMatches:
      case Op::kExists:
      case Op::kExistsOne:
      case Op::kAll:
      case Op::kIndex:
        return absl::StrCat(program_.TextOf(node), verdict, Seen(node));
      default:
        return absl::StrCat(program_.TextOf(node), verdict);
    }
  }

  // " (context.name is "x", context.part is "y")": the operands that are no constants.
  std::string Seen(const Node& node) {
    std::vector<std::string> seen;
    for (const NodeIndex operand : program_.OperandsOf(node)) {
      const Node& part = program_.nodes[operand];
      const bool is_body =
          node.op == Op::kExists || node.op == Op::kExistsOne || node.op == Op::kAll;
      if (is_body && !seen.empty()) break;
      if (part.op == Op::kConstant) continue;
      Value scratch;
      const Value* value = evaluator_.Evaluate(operand, &scratch);
      if (value == nullptr) {
        seen.push_back(ExplainFailure());
      } else {
        seen.push_back(
            absl::StrCat(program_.TextOf(part), " is ", ToJsonText(*value, kShownBytesMax)));
      }
    }
    if (seen.empty()) return "";
    return absl::StrCat(" (", absl::StrJoin(seen, ", "), ")");
  }

  // The node's text, with its value unless it is a constant.
  std::string Shown(NodeIndex index) {
    const Node& node = program_.nodes[index];
    if (node.op == Op::kConstant) return program_.TextOf(node);
    Value scratch;
    const Value* value = evaluator_.Evaluate(index, &scratch);
    if (value == nullptr) return absl::StrCat(program_.TextOf(node), " (", ExplainFailure(), ")");
    return absl::StrCat(program_.TextOf(node), " (", ToJsonText(*value, kShownBytesMax), ")");
  }

  absl::string_view OperatorOf(const Node& node) const {
    const absl::string_view rest = absl::string_view(program_.text).substr(node.at);
    const bool has_two = rest[1] == '=' || rest[0] == 'i';  // "in"
    return rest.substr(0, has_two ? 2 : 1);
  }

  NodeIndex Operand(const Node& node, size_t i) const { return program_.links[node.first + i]; }

  const Program& program_;
  Evaluator evaluator_;
};

}  // namespace

std::string ExplainNotTrue(const Program& program, const ExpressionScope& scope) {
  std::string text = Explainer(program, scope).Explain(program.root, true);
  if (text.empty()) text = absl::StrCat(program.TextOf(program.nodes[program.root]), " is true");
  if (text.size() <= kExplanationBytesMax) return text;
  static constexpr absl::string_view kCut = "…";
  text.resize(Utf8PrefixBytes(text, kExplanationBytesMax - kCut.size()));
  return absl::StrCat(text, kCut);
}

}  // namespace swoosh::expression_internal
