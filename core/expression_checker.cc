#include "core/expression_checker.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/expression_evaluator.h"
#include "core/expression_pattern.h"
#include "core/limits.h"
#include "core/near_name.h"

namespace swoosh::expression_internal {
namespace {

enum class Form : uint8_t { kFunction, kMethod, kBoth };

struct FunctionEntry {
  absl::string_view name;
  Op op;
  Form form;
  int operand_count;  // a method's receiver counts
  KindSet kinds;      // of the result
  absl::string_view usage;
};

constexpr FunctionEntry kFunctions[] = {
    {"size", Op::kSize, Form::kBoth, 1, kNumberOnly, "size(x) or x.size()"},
    {"startsWith", Op::kStartsWith, Form::kMethod, 2, kBoolOnly, "text.startsWith(prefix)"},
    {"endsWith", Op::kEndsWith, Form::kMethod, 2, kBoolOnly, "text.endsWith(suffix)"},
    {"contains", Op::kContains, Form::kMethod, 2, kBoolOnly, "text.contains(part)"},
    {"matches", Op::kMatches, Form::kBoth, 2, kBoolOnly, "text.matches(pattern)"},
    {"string", Op::kToString, Form::kFunction, 1, kStringOnly, "string(x)"},
    {"double", Op::kToDouble, Form::kFunction, 1, kNumberOnly, "double(x)"},
    {"int", Op::kToInt, Form::kFunction, 1, kNumberOnly, "int(x)"},
};

struct MacroEntry {
  absl::string_view name;
  Op op;
  int operand_count_min;  // the receiver and the variable count
  int operand_count_max;
  KindSet kinds;
  absl::string_view usage;
};

constexpr MacroEntry kMacros[] = {
    {"all", Op::kAll, 3, 3, kBoolOnly, "list.all(x, condition)"},
    {"exists", Op::kExists, 3, 3, kBoolOnly, "list.exists(x, condition)"},
    {"exists_one", Op::kExistsOne, 3, 3, kBoolOnly, "list.exists_one(x, condition)"},
    {"filter", Op::kFilter, 3, 3, kListOnly, "list.filter(x, condition)"},
    {"map", Op::kMapEach, 3, 4, kListOnly, "list.map(x, value) or list.map(x, condition, value)"},
};

constexpr absl::string_view kHasUsage = "has(context.field)";
constexpr absl::string_view kInUsage = "In('state')";

struct EventField {
  absl::string_view name;
  Op op;
  KindSet kinds;
};

constexpr EventField kEventFields[] = {
    {"name", Op::kEventName, kStringOnly},
    {"data", Op::kEventData, kAnyKind},
    {"actor", Op::kEventActor, kStringOnly},
    {"time", Op::kEventTime, kNumberOnly},
};

template <typename Entry, size_t kCount>
const Entry* FindEntry(const Entry (&entries)[kCount], absl::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

class Checker {
 public:
  Checker(const std::function<int(absl::string_view)>& states, Program* program)
      : states_(states), program_(*program) {}

  absl::Status Run() {
    absl::Status status = Check(program_.root);
    if (!status.ok() || uses_scope_) return status;
    return FoldWhole();
  }

 private:
  absl::Status Error(size_t offset, absl::string_view message) const {
    return ErrorAt(program_.text, offset, message);
  }
  Node& At(NodeIndex index) { return program_.nodes[index]; }
  NodeIndex Link(const Node& node, size_t i) const { return program_.links[node.first + i]; }
  const std::string& NameOf(const Node& node) const { return program_.names[node.payload]; }
  KindSet KindsOf(const Node& node, size_t i) const { return program_.Operand(node, i).kinds; }

  absl::Status Check(NodeIndex index);
  absl::Status CheckOperands(const Node& node);
  absl::Status CheckName(Node* node);
  absl::Status CheckSelect(Node* node);
  absl::Status CheckEventField(const Node& field, Op* op, KindSet* kinds);
  absl::Status CheckCall(Node* node, bool is_method);
  absl::Status CheckFunction(const FunctionEntry& entry, bool is_method, Node* node);
  absl::Status CheckPattern(Node* node);
  absl::Status CheckMacro(const MacroEntry& entry, Node* node);
  absl::Status CheckVariable(const Node& variable) const;
  absl::Status CheckHas(Node* node);
  absl::Status CheckIn(Node* node);
  absl::Status UnknownFunction(const Node& node, bool is_method) const;
  absl::Status WrongOperands(const Node& node, absl::string_view usage) const;

  absl::Status CheckKinds(Node* node);
  absl::Status CheckIndexKinds(Node* node);
  absl::Status CheckAddKinds(Node* node);
  absl::Status CheckOrderKinds(const Node& node);
  absl::Status CheckMapKinds(const Node& node);
  absl::Status Want(const Node& node, size_t operand, KindSet wanted) const;
  absl::Status WantAll(const Node& node, KindSet wanted) const;

  void Fold(NodeIndex index);
  absl::Status FoldWhole();
  void MakeConstant(NodeIndex index, Value value);

  const std::function<int(absl::string_view)>& states_;
  Program& program_;
  std::vector<std::string> variables_;  // those in sight; the slot is the position
  bool uses_scope_ = false;
};

absl::Status Checker::Check(NodeIndex index) {
  Node& node = At(index);
  absl::Status status;
  switch (node.op) {
    case Op::kConstant:
      return absl::OkStatus();
    case Op::kName:
      return CheckName(&node);
    case Op::kSelect:
      return CheckSelect(&node);
    case Op::kCall:
    case Op::kMethod:
      status = CheckCall(&node, node.op == Op::kMethod);
      break;
    default:
      status = CheckOperands(node);
      if (status.ok()) status = CheckKinds(&node);
  }
  if (status.ok()) Fold(index);
  return status;
}

absl::Status Checker::CheckOperands(const Node& node) {
  for (size_t i = 0; i < node.count; ++i) {
    const absl::Status status = Check(Link(node, i));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------- names

absl::Status Checker::CheckName(Node* node) {
  const std::string& name = NameOf(*node);
  // The innermost first; no name is bound twice at a time.
  const auto variable = std::find(variables_.begin(), variables_.end(), name);
  if (variable != variables_.end()) {
    node->op = Op::kVariable;
    node->payload = static_cast<uint32_t>(variable - variables_.begin());
    return absl::OkStatus();
  }
  if (name == "context") {
    uses_scope_ = true;
    node->op = Op::kContext;
    node->kinds = kMapOnly;
    return absl::OkStatus();
  }
  if (name == "event") {
    return Error(node->at, "'event' has the fields name, data, actor and time: say which");
  }
  std::vector<absl::string_view> known = {"context", "event", "true", "false", "null"};
  known.insert(known.end(), variables_.begin(), variables_.end());
  const absl::string_view nearest = NearestName(name, known);
  return Error(node->at, absl::StrCat("unknown name '", name, "'",
                                      nearest.empty() ? ": there are context and event"
                                                      : DidYouMean(nearest)));
}

absl::Status Checker::CheckEventField(const Node& field, Op* op, KindSet* kinds) {
  const EventField* entry = FindEntry(kEventFields, NameOf(field));
  if (entry == nullptr) {
    return Error(field.at, absl::StrCat("'event' has no field '", NameOf(field),
                                        "': it has name, data, actor and time"));
  }
  uses_scope_ = true;
  *op = entry->op;
  *kinds = entry->kinds;
  return absl::OkStatus();
}

bool IsEvent(const Program& program, const Node& node) {
  return node.op == Op::kName && program.names[node.payload] == "event";
}

absl::Status Checker::CheckSelect(Node* node) {
  if (IsEvent(program_, program_.Operand(*node, 0))) {
    const absl::Status status = CheckEventField(*node, &node->op, &node->kinds);
    node->count = 0;
    return status;
  }
  const absl::Status status = CheckOperands(*node);
  if (!status.ok()) return status;
  return Want(*node, 0, kMapOnly);
}

absl::Status Checker::CheckHas(Node* node) {
  if (node->count != 1 || program_.Operand(*node, 0).op != Op::kSelect) {
    return WrongOperands(*node, kHasUsage);
  }
  const Node& select = program_.Operand(*node, 0);
  node->kinds = kBoolOnly;
  if (IsEvent(program_, program_.Operand(select, 0))) {
    Op field_op;
    KindSet field_kinds;
    const absl::Status status = CheckEventField(select, &field_op, &field_kinds);
    if (!status.ok()) return status;
    node->count = 0;
    node->op = Op::kHasEventData;
    if (field_op == Op::kEventData) return absl::OkStatus();
    node->op = Op::kConstant;
    program_.constants.push_back(Value::Bool(true));
    node->payload = static_cast<uint32_t>(program_.constants.size() - 1);
    return absl::OkStatus();
  }
  const absl::Status status = CheckOperands(select);
  if (!status.ok()) return status;
  node->op = Op::kHas;
  node->payload = select.payload;
  node->first = select.first;
  return Want(*node, 0, kMapOnly);
}

absl::Status Checker::CheckIn(Node* node) {
  if (node->count != 1 || program_.Operand(*node, 0).op != Op::kConstant ||
      program_.Operand(*node, 0).kinds != kStringOnly) {
    return WrongOperands(*node, kInUsage);
  }
  const Node& operand = program_.Operand(*node, 0);
  const std::string& id = program_.constants[operand.payload].as_string();
  const int state = states_ ? states_(id) : -1;
  if (state < 0) {
    const std::string near =
        states_
            ? NeighbouringName(id, [this](absl::string_view name) { return states_(name) >= 0; })
            : std::string();
    return Error(operand.at, absl::StrCat("there is no state '", id, "'", DidYouMean(near)));
  }
  uses_scope_ = true;
  node->op = Op::kInState;
  node->kinds = kBoolOnly;
  node->payload = static_cast<uint32_t>(state);
  node->count = 0;
  return absl::OkStatus();
}

// ---------------------------------------------------------------- functions

absl::Status Checker::CheckCall(Node* node, bool is_method) {
  const std::string& name = NameOf(*node);
  if (!is_method && name == "has") return CheckHas(node);
  if (!is_method && name == "In") return CheckIn(node);
  if (const FunctionEntry* entry = FindEntry(kFunctions, name)) {
    return CheckFunction(*entry, is_method, node);
  }
  const MacroEntry* macro = FindEntry(kMacros, name);
  if (macro != nullptr && !is_method) return WrongOperands(*node, macro->usage);
  if (macro != nullptr) return CheckMacro(*macro, node);
  return UnknownFunction(*node, is_method);
}

absl::Status Checker::UnknownFunction(const Node& node, bool is_method) const {
  std::vector<absl::string_view> known;
  for (const FunctionEntry& entry : kFunctions) known.push_back(entry.name);
  for (const MacroEntry& entry : kMacros) known.push_back(entry.name);
  if (!is_method) known.insert(known.end(), {"has", "In"});
  return Error(node.at, absl::StrCat("unknown function '", NameOf(node), "'",
                                     DidYouMean(NearestName(NameOf(node), known))));
}

absl::Status Checker::WrongOperands(const Node& node, absl::string_view usage) const {
  return Error(node.at, absl::StrCat("'", NameOf(node), "' is used as ", usage));
}

absl::Status Checker::CheckFunction(const FunctionEntry& entry, bool is_method, Node* node) {
  const bool right_form = entry.form == Form::kBoth || is_method == (entry.form == Form::kMethod);
  if (!right_form || node->count != entry.operand_count) return WrongOperands(*node, entry.usage);
  const absl::Status status = CheckOperands(*node);
  if (!status.ok()) return status;
  node->op = entry.op;
  node->kinds = entry.kinds;
  switch (entry.op) {
    case Op::kSize:
      return Want(*node, 0, kStringOnly | kListOnly | kMapOnly);
    case Op::kToString:
      return Want(*node, 0, kStringOnly | kNumberOnly | kBoolOnly);
    case Op::kToDouble:
    case Op::kToInt:
      return Want(*node, 0, kStringOnly | kNumberOnly);
    case Op::kMatches:
      return CheckPattern(node);
    default:
      return WantAll(*node, kStringOnly);
  }
}

absl::Status Checker::CheckPattern(Node* node) {
  node->payload = kNoPattern;
  const absl::Status status = WantAll(*node, kStringOnly);
  const Node& pattern = program_.Operand(*node, 1);
  if (!status.ok() || pattern.op != Op::kConstant) return status;
  std::string failure;
  std::string library_says;
  auto compiled =
      Pattern::Compile(program_.constants[pattern.payload].as_string(), &failure, &library_says);
  if (compiled == nullptr) {
    if (!library_says.empty()) {
      absl::StrAppend(&failure, ": ", absl::Utf8SafeCHexEscape(library_says));
    }
    return Error(pattern.at, failure);
  }
  node->payload = static_cast<uint32_t>(program_.patterns.size());
  program_.patterns.push_back(std::move(compiled));
  return absl::OkStatus();
}

absl::Status Checker::CheckVariable(const Node& variable) const {
  const std::string& name = NameOf(variable);
  if (name == "context" || name == "event") {
    return Error(variable.at, absl::StrCat("'", name, "' can't name a variable"));
  }
  if (std::find(variables_.begin(), variables_.end(), name) != variables_.end()) {
    return Error(variable.at, absl::StrCat("the variable '", name, "' is already in use"));
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckMacro(const MacroEntry& entry, Node* node) {
  if (node->count < entry.operand_count_min || node->count > entry.operand_count_max ||
      program_.Operand(*node, 1).op != Op::kName) {
    return WrongOperands(*node, entry.usage);
  }
  const Node& variable = program_.Operand(*node, 1);
  absl::Status status = CheckVariable(variable);
  if (status.ok()) status = Check(Link(*node, 0));
  if (!status.ok()) return status;
  SWOOSH_CHECK(variables_.size() < static_cast<size_t>(kExpressionDepthMax));
  node->op = entry.op;
  node->kinds = entry.kinds;
  node->payload = static_cast<uint32_t>(variables_.size());
  variables_.push_back(NameOf(variable));
  // The variable is no operand any more.
  program_.links[node->first + 1] = program_.links[node->first];
  ++node->first;
  --node->count;
  for (size_t i = 1; i < node->count && status.ok(); ++i) status = Check(Link(*node, i));
  variables_.pop_back();
  if (status.ok()) status = Want(*node, 0, kListOnly | kMapOnly);
  const bool has_condition = entry.op != Op::kMapEach || node->count == 3;
  if (status.ok() && has_condition) status = Want(*node, 1, kBoolOnly);
  return status;
}

// ---------------------------------------------------------------- kinds

absl::Status Checker::Want(const Node& node, size_t operand, KindSet wanted) const {
  const Node& found = program_.Operand(node, operand);
  if ((found.kinds & wanted) != 0) return absl::OkStatus();
  return Error(found.begin, absl::StrCat(program_.TextOf(found), " is a ", KindSetText(found.kinds),
                                         ", where a ", KindSetText(wanted), " is wanted"));
}

absl::Status Checker::WantAll(const Node& node, KindSet wanted) const {
  for (size_t i = 0; i < node.count; ++i) {
    const absl::Status status = Want(node, i, wanted);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckKinds(Node* node) {
  switch (node->op) {
    case Op::kIndex:
      return CheckIndexKinds(node);
    case Op::kList:
      node->kinds = kListOnly;
      return absl::OkStatus();
    case Op::kMap:
      node->kinds = kMapOnly;
      return CheckMapKinds(*node);
    case Op::kNot:
    case Op::kAnd:
    case Op::kOr:
      node->kinds = kBoolOnly;
      return WantAll(*node, kBoolOnly);
    case Op::kNegate:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo:
    case Op::kSubtract:
      node->kinds = kNumberOnly;
      return WantAll(*node, kNumberOnly);
    case Op::kAdd:
      return CheckAddKinds(node);
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      node->kinds = kBoolOnly;
      return CheckOrderKinds(*node);
    case Op::kEqual:
    case Op::kNotEqual:
      node->kinds = kBoolOnly;
      return absl::OkStatus();
    case Op::kIn: {
      node->kinds = kBoolOnly;
      const absl::Status status = Want(*node, 1, kListOnly | kMapOnly);
      if (!status.ok() || KindsOf(*node, 1) != kMapOnly) return status;
      return Want(*node, 0, kStringOnly);
    }
    case Op::kConditional:
      node->kinds = KindsOf(*node, 1) | KindsOf(*node, 2);
      return Want(*node, 0, kBoolOnly);
    default:
      break;
  }
  SWOOSH_CHECK(false);  // the parser makes no others
  return absl::OkStatus();
}

absl::Status Checker::CheckIndexKinds(Node* node) {
  const absl::Status status = Want(*node, 0, kListOnly | kMapOnly);
  if (!status.ok()) return status;
  const KindSet base = KindsOf(*node, 0);
  KindSet wanted = 0;
  if ((base & kListOnly) != 0) wanted |= kNumberOnly;
  if ((base & kMapOnly) != 0) wanted |= kStringOnly;
  return Want(*node, 1, wanted);
}

absl::Status Checker::CheckMapKinds(const Node& node) {
  for (size_t i = 0; i < node.count; i += 2) {
    const absl::Status status = Want(node, i, kStringOnly);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckAddKinds(Node* node) {
  const KindSet possible = kNumberOnly | kStringOnly | kListOnly;
  node->kinds = KindsOf(*node, 0) & KindsOf(*node, 1) & possible;
  if (node->kinds != 0) return absl::OkStatus();
  return Error(node->at, absl::StrCat("can't add a ", KindSetText(KindsOf(*node, 1)), " to a ",
                                      KindSetText(KindsOf(*node, 0))));
}

absl::Status Checker::CheckOrderKinds(const Node& node) {
  const KindSet possible = kNumberOnly | kStringOnly | kBoolOnly;
  if ((KindsOf(node, 0) & KindsOf(node, 1) & possible) != 0) return absl::OkStatus();
  return Error(node.at, absl::StrCat("can't order a ", KindSetText(KindsOf(node, 0)), " and a ",
                                     KindSetText(KindsOf(node, 1))));
}

// ---------------------------------------------------------------- constants

void Checker::MakeConstant(NodeIndex index, Value value) {
  Node& node = At(index);
  node.op = Op::kConstant;
  node.kinds = SetOf(value.kind());
  node.count = 0;
  node.payload = static_cast<uint32_t>(program_.constants.size());
  program_.constants.push_back(std::move(value));
}

// An error is left to the evaluation, which may absorb it.
void Checker::Fold(NodeIndex index) {
  const Node& node = At(index);
  if (node.count == 0 && node.op != Op::kList && node.op != Op::kMap) return;
  for (size_t i = 0; i < node.count; ++i) {
    if (program_.Operand(node, i).op != Op::kConstant) return;
  }
  const ExpressionScope scope;
  Evaluator evaluator(program_, scope);
  Value scratch;
  const Value* value = evaluator.Evaluate(index, &scratch);
  if (value != nullptr) MakeConstant(index, Value(*value));
}

// An expression that sees nothing is a constant, or always fails.
absl::Status Checker::FoldWhole() {
  if (At(program_.root).op == Op::kConstant) return absl::OkStatus();
  const ExpressionScope scope;
  Evaluator evaluator(program_, scope);
  Value scratch;
  const Value* value = evaluator.Evaluate(program_.root, &scratch);
  if (value == nullptr) {
    return Error(At(evaluator.failed_node()).at,
                 absl::StrCat("always fails: ", evaluator.status().message()));
  }
  MakeConstant(program_.root, Value(*value));
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckProgram(const std::function<int(absl::string_view)>& states, Program* program) {
  return Checker(states, program).Run();
}

}  // namespace swoosh::expression_internal
