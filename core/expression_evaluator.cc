#include "core/expression_evaluator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace swoosh::expression_internal {
namespace {

std::string Wanted(Value::Kind wanted, Value::Kind found) {
  return absl::StrCat("is a ", KindName(found), ", where a ", KindName(wanted), " is wanted");
}

std::string NoKey(absl::string_view key) {
  return absl::StrCat("there is no key ",
                      ToJsonText(Value::String(std::string(key)), kShownBytesMax));
}

}  // namespace

absl::Status Evaluator::status() const {
  SWOOSH_CHECK(failure_.has_value());
  return absl::InvalidArgumentError(
      absl::StrCat(program_.TextOf(program_.nodes[failure_->node]), ": ", failure_->reason));
}

bool Evaluator::ForgetFailure() {
  if (cost_ > cost_max_) return false;
  failure_.reset();
  return true;
}

const Value* Evaluator::Fail(NodeIndex node, std::string reason) {
  failure_ = Failure{node, std::move(reason)};
  return nullptr;
}

bool Evaluator::Charge(NodeIndex node, int64_t cost) {
  cost_ += cost;
  if (cost_ <= cost_max_) return true;
  Fail(node, absl::StrCat("the evaluation costs more than ", cost_max_));
  return false;
}

const Value* Evaluator::GiveComputed(NodeIndex node, Value value, Value* scratch) {
  if (value.encoded_bytes() > kComputedBytesMax) {
    return Fail(node, absl::StrCat("the ", KindName(value.kind()), " is larger than ",
                                   kComputedBytesMax, " bytes"));
  }
  if (value.depth() > kValueDepthMax) {
    return Fail(node, absl::StrCat("lists and maps nest more than ", kValueDepthMax, " deep"));
  }
  return Give(std::move(value), scratch);
}

const Value* Evaluator::OperandOf(Value::Kind kind, NodeIndex operand, Value* scratch) {
  const Value* value = Evaluate(operand, scratch);
  if (value == nullptr || value->kind() == kind) return value;
  return Fail(operand, Wanted(kind, value->kind()));
}

const Value* Evaluator::Evaluate(NodeIndex index, Value* scratch) {
  static const Value null;
  if (!Charge(index, 1)) return nullptr;
  const Node& node = program_.nodes[index];
  switch (node.op) {
    case Op::kConstant:
      return &program_.constants[node.payload];
    case Op::kContext:
      return scope_.context != nullptr ? scope_.context : &null;
    case Op::kEventData:
      return scope_.event_data != nullptr ? scope_.event_data : &null;
    case Op::kVariable:
      return slots_[node.payload];
    case Op::kSelect:
      return Select(node, index, scratch);
    default:
      return Dispatch(node, index, scratch);
  }
}

const Value* Evaluator::Dispatch(const Node& node, NodeIndex index, Value* scratch) {
  switch (node.op) {
    case Op::kEventName:
      return Give(Value::String(std::string(scope_.event_name)), scratch);
    case Op::kEventActor:
      return Give(Value::String(std::string(scope_.event_actor)), scratch);
    case Op::kEventTime:
      return Finite(index, scope_.event_time_s, scratch);
    case Op::kHasEventData:
      return Give(Value::Bool(scope_.event_data != nullptr && !scope_.event_data->is_null()),
                  scratch);
    case Op::kInState:
      return Give(Value::Bool(IsActive(node.payload)), scratch);
    case Op::kHas:
      return Has(node, scratch);
    case Op::kIndex:
      return Index(node, index, scratch);
    case Op::kList:
      return List(node, index, scratch);
    case Op::kMap:
      return Map(node, index, scratch);
    case Op::kNot:
      return Not(node, scratch);
    case Op::kNegate:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo:
    case Op::kSubtract:
      return Arithmetic(node, index, scratch);
    case Op::kAdd:
      return Add(node, index, scratch);
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return Compare(node, index, scratch);
    case Op::kEqual:
    case Op::kNotEqual:
      return Equality(node, index, scratch);
    case Op::kIn:
      return In(node, index, scratch);
    case Op::kAnd:
      return Chain(node, false, scratch);
    case Op::kOr:
      return Chain(node, true, scratch);
    case Op::kConditional:
      return Conditional(node, scratch);
    case Op::kSize:
      return Size(node, index, scratch);
    case Op::kStartsWith:
    case Op::kEndsWith:
    case Op::kContains:
      return Search(node, index, scratch);
    case Op::kMatches:
      return Matches(node, index, scratch);
    case Op::kToString:
      return ToText(node, index, scratch);
    case Op::kToDouble:
      return ToDouble(node, index, scratch);
    case Op::kToInt:
      return ToInt(node, index, scratch);
    case Op::kAll:
    case Op::kExists:
    case Op::kExistsOne:
    case Op::kFilter:
    case Op::kMapEach:
      return Macro(node, index, scratch);
    default:
      break;
  }
  SWOOSH_CHECK(false);  // resolved programs have no other operations
  return nullptr;
}

bool Evaluator::IsActive(uint32_t state) const {
  const size_t word = state / 64;
  return word < scope_.active_states.size() && (scope_.active_states[word] >> state % 64 & 1) != 0;
}

const Value* Evaluator::Select(const Node& node, NodeIndex index, Value* scratch) {
  Value base_scratch;
  const Value* base = OperandOf(Value::Kind::kMap, Link(node, 0), &base_scratch);
  if (base == nullptr) return nullptr;
  const std::string& key = program_.names[node.payload];
  const Value* member = base->Find(key);
  if (member == nullptr) return Fail(index, NoKey(key));
  // What lives in the scratch value of this frame must be copied out of it.
  return base == &base_scratch ? Give(*member, scratch) : member;
}

const Value* Evaluator::Has(const Node& node, Value* scratch) {
  Value base_scratch;
  const Value* base = OperandOf(Value::Kind::kMap, Link(node, 0), &base_scratch);
  if (base == nullptr) return nullptr;
  return Give(Value::Bool(base->Find(program_.names[node.payload]) != nullptr), scratch);
}

const Value* Evaluator::Index(const Node& node, NodeIndex index, Value* scratch) {
  Value base_scratch;
  const Value* base = Evaluate(Link(node, 0), &base_scratch);
  if (base == nullptr) return nullptr;
  if (!base->is_map() && !base->is_list()) {
    return Fail(Link(node, 0),
                absl::StrCat("is a ", KindName(base->kind()), ", where a list or map is wanted"));
  }
  Value key_scratch;
  const Value* key = OperandOf(base->is_map() ? Value::Kind::kString : Value::Kind::kNumber,
                               Link(node, 1), &key_scratch);
  if (key == nullptr) return nullptr;
  const Value* found = nullptr;
  if (base->is_map()) {
    if (!Charge(index, static_cast<int64_t>(key->as_string().size()) / kBytesPerCost)) {
      return nullptr;
    }
    found = base->Find(key->as_string());
    if (found == nullptr) return Fail(index, NoKey(key->as_string()));
  } else {
    const Value::List& items = base->as_list();
    const double at = key->as_number();
    if (!(at >= 0 && at < static_cast<double>(items.size())) ||
        static_cast<double>(static_cast<size_t>(at)) != at) {
      return Fail(index, absl::StrCat("there is no index ", ToJsonText(*key), " in a list of ",
                                      items.size()));
    }
    found = &items[static_cast<size_t>(at)];
  }
  return base == &base_scratch ? Give(*found, scratch) : found;
}

const Value* Evaluator::List(const Node& node, NodeIndex index, Value* scratch) {
  Value::List items;
  items.reserve(node.count);
  for (size_t i = 0; i < node.count; ++i) {
    Value item_scratch;
    const Value* item = Evaluate(Link(node, i), &item_scratch);
    if (item == nullptr) return nullptr;
    items.push_back(*item);
  }
  return GiveComputed(index, Value::OfList(std::move(items)), scratch);
}

const Value* Evaluator::Map(const Node& node, NodeIndex index, Value* scratch) {
  Value::Map members;
  members.reserve(node.count / 2);
  for (size_t i = 0; i < node.count; i += 2) {
    Value key_scratch;
    const Value* key = OperandOf(Value::Kind::kString, Link(node, i), &key_scratch);
    if (key == nullptr) return nullptr;
    Value member_scratch;
    const Value* member = Evaluate(Link(node, i + 1), &member_scratch);
    if (member == nullptr) return nullptr;
    members.emplace_back(key->as_string(), *member);
  }
  std::sort(members.begin(), members.end(),
            [](const Value::Member& a, const Value::Member& b) { return a.first < b.first; });
  for (size_t i = 1; i < members.size(); ++i) {
    if (members[i - 1].first == members[i].first) {
      return Fail(index, absl::StrCat("the key ",
                                      ToJsonText(Value::String(members[i].first), kShownBytesMax),
                                      " stands twice"));
    }
  }
  return GiveComputed(index, Value::OfMap(std::move(members)), scratch);
}

const Value* Evaluator::Not(const Node& node, Value* scratch) {
  Value operand_scratch;
  const Value* operand = OperandOf(Value::Kind::kBool, Link(node, 0), &operand_scratch);
  if (operand == nullptr) return nullptr;
  return Give(Value::Bool(!operand->as_bool()), scratch);
}

// && and ||: an operand that is `decisive` decides, whatever the others are, errors included; the
// first error stands when none is.
const Value* Evaluator::Chain(const Node& node, bool decisive, Value* scratch) {
  std::optional<Failure> first_failure;
  for (size_t i = 0; i < node.count; ++i) {
    Value operand_scratch;
    const Value* operand = OperandOf(Value::Kind::kBool, Link(node, i), &operand_scratch);
    if (operand == nullptr) {
      Failure failure = std::move(*failure_);
      if (!ForgetFailure()) {
        failure_ = std::move(failure);
        return nullptr;
      }
      if (!first_failure.has_value()) first_failure = std::move(failure);
      continue;
    }
    if (operand->as_bool() == decisive) return Give(Value::Bool(decisive), scratch);
  }
  if (first_failure.has_value()) {
    failure_ = std::move(first_failure);
    return nullptr;
  }
  return Give(Value::Bool(!decisive), scratch);
}

const Value* Evaluator::Conditional(const Node& node, Value* scratch) {
  Value condition_scratch;
  const Value* condition = OperandOf(Value::Kind::kBool, Link(node, 0), &condition_scratch);
  if (condition == nullptr) return nullptr;
  return Evaluate(Link(node, condition->as_bool() ? 1 : 2), scratch);
}

// What a macro has gathered so far.
struct Evaluator::Loop {
  std::optional<Failure> first_failure;  // all and exists go on after one
  size_t true_count = 0;
  bool decided = false;
  Value::List items;
};

const Value* Evaluator::Macro(const Node& node, NodeIndex index, Value* scratch) {
  Value range_scratch;
  const Value* range = Evaluate(Link(node, 0), &range_scratch);
  if (range == nullptr) return nullptr;
  Loop loop;
  if (range->is_list()) {
    for (const Value& item : range->as_list()) {
      if (!Iterate(node, item, &loop)) return nullptr;
      if (loop.decided) break;
    }
  } else if (range->is_map()) {
    for (const Value::Member& member : range->as_map()) {
      const Value key = Value::String(member.first);
      if (!Iterate(node, key, &loop)) return nullptr;
      if (loop.decided) break;
    }
  } else {
    return Fail(Link(node, 0),
                absl::StrCat("is a ", KindName(range->kind()), ", where a list or map is wanted"));
  }
  if (loop.first_failure.has_value() && !loop.decided) {
    failure_ = std::move(loop.first_failure);
    return nullptr;
  }
  switch (node.op) {
    case Op::kAll:
      return Give(Value::Bool(!loop.decided), scratch);
    case Op::kExists:
      return Give(Value::Bool(loop.decided), scratch);
    case Op::kExistsOne:
      return Give(Value::Bool(loop.true_count == 1), scratch);
    default:
      return GiveComputed(index, Value::OfList(std::move(loop.items)), scratch);
  }
}

// One round of a macro. False on an error that ends it.
bool Evaluator::Iterate(const Node& node, const Value& item, Loop* loop) {
  const NodeIndex body = Link(node, 1);
  if (!Charge(body, 1)) return false;
  Bind(node.payload, &item);
  Value scratch;
  const bool maps_all = node.op == Op::kMapEach && node.count == 2;
  const Value* result =
      maps_all ? Evaluate(body, &scratch) : OperandOf(Value::Kind::kBool, body, &scratch);
  if (result == nullptr) {
    if (node.op != Op::kAll && node.op != Op::kExists) return false;
    Failure failure = std::move(*failure_);
    if (!ForgetFailure()) {
      failure_ = std::move(failure);
      return false;
    }
    if (!loop->first_failure.has_value()) loop->first_failure = std::move(failure);
    return true;
  }
  if (maps_all) {
    loop->items.push_back(*result);
    return true;
  }
  const bool is_true = result->as_bool();
  if (is_true) ++loop->true_count;
  if (node.op == Op::kAll) loop->decided = !is_true;
  if (node.op == Op::kExists) loop->decided = is_true;
  if (node.op == Op::kFilter && is_true) loop->items.push_back(item);
  if (node.op == Op::kMapEach && is_true) {
    Value mapped_scratch;
    const Value* mapped = Evaluate(Link(node, 2), &mapped_scratch);
    if (mapped == nullptr) return false;
    loop->items.push_back(*mapped);
  }
  return true;
}

}  // namespace swoosh::expression_internal
