#include "cli/conversion/scxml_expressions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/conversion/literal.h"
#include "cli/conversion/scxml_term.h"
#include "cli/conversion/scxml_translator.h"
#include "core/limits.h"

namespace swoosh {

using Result = EsTranslator::Result;

Result EsTranslator::Value(const EsNode& node) const {
  Result term = Read(node);
  if (!term.ok()) return term;
  return Whole(*std::move(term));
}

Result EsTranslator::Read(const EsNode& node) const {
  if (++reads_ > kEsReadsMax) return UnsupportedEs("too complex");
  Result term = ReadUnbounded(node);
  if (term.ok() && term->text.size() + term->presence.size() > kExpressionBytesMax) {
    return UnsupportedEs(absl::StrCat("longer than ", kExpressionBytesMax, " bytes"));
  }
  return term;
}

Result EsTranslator::ReadUnbounded(const EsNode& node) const {
  switch (node.kind) {
    case EsNode::Kind::kNull:
      return EsAtom("null", kEsNull);
    case EsNode::Kind::kBool:
      return EsBoolTerm(node.number != 0);
    case EsNode::Kind::kNumber:
      return EsAtom(NumberText(node.number), kEsNumber);
    case EsNode::Kind::kString:
      return EsAtom(StringLiteral(node.text), kEsString);
    case EsNode::Kind::kName:
      return Name(node);
    case EsNode::Kind::kMember:
      return ReadMember(node);
    case EsNode::Kind::kIndex:
      return ReadIndex(node);
    case EsNode::Kind::kCall:
      return Call(node);
    case EsNode::Kind::kUnary:
      return Unary(node);
    case EsNode::Kind::kBinary:
      return Binary(node);
    case EsNode::Kind::kConditional:
      return Conditional(node);
    case EsNode::Kind::kArray:
      return Array(node);
    case EsNode::Kind::kObject:
      return Object(node);
  }
  return UnsupportedEs("unknown syntax");
}

// ---------------------------------------------------------------- names and places

Result EsTranslator::Name(const EsNode& node) const {
  constexpr absl::string_view kGlobals[] = {
      "Array",    "Boolean", "Date",       "Error",         "Infinity",   "JSON",     "Math",
      "NaN",      "Number",  "Object",     "RegExp",        "String",     "isFinite", "isNaN",
      "parseInt", "console", "parseFloat", "_ioprocessors", "_sessionid", "_x",       "_event"};
  const std::string& name = node.text;
  if (name == "undefined") return EsAtom("null", kEsNull);
  if (name == "_name") {
    return scope_.name.has_value() ? EsAtom(StringLiteral(*scope_.name), kEsString)
                                   : EsAtom("null", kEsNull);
  }
  if (std::find(std::begin(kGlobals), std::end(kGlobals), name) != std::end(kGlobals)) {
    return UnsupportedEs(absl::StrCat(name, " has no equal here"));
  }
  const auto found = scope_.variables.find(name);
  EsTerm term = EsAtom(MemberText("context", name), kEsAny);
  term.is_path = true;
  if (found == scope_.variables.end()) {
    term.fails = EsFails::kAlways;
  } else {
    term.kinds = found->second;
  }
  return term;
}

Result EsTranslator::EventField(absl::string_view name) const {
  if (name == "name") return EsAtom("event.name", kEsString);
  if (name != "data") return UnsupportedEs(absl::StrCat("_event.", name, " has no equal here"));
  EsTerm term = EsAtom("event.data", kEsAny);
  term.is_path = true;
  return term;
}

Result EsTranslator::ReadMember(const EsNode& node) const {
  const EsNode& base_node = node.children[0];
  if (base_node.kind == EsNode::Kind::kName && base_node.text == "_event") {
    return EventField(node.text);
  }
  Result base = Read(base_node);
  if (!base.ok()) return base;
  if (node.text == "length") return Length(*base);
  if (!base->is_path) {
    return UnsupportedEs(absl::StrCat("the member ", node.text, " of a computed value"));
  }
  if ((Solid(*base) & kEsMap) == 0 && Solid(*base) != 0) {
    return UnsupportedEs(absl::StrCat("the member ", node.text, " of what is no object"));
  }
  EsTerm term = EsAtom(MemberText(base->text, node.text), kEsAny);
  term.is_path = true;
  term.fails = Either(base->fails, base->kinds == kEsMap ? EsFails::kNever : EsFails::kMay);
  if (base->fails == EsFails::kAlways) return term;
  term.base = base->text;
  term.presence = IsPlainName(node.text)
                      ? absl::StrCat("has(", term.text, ")")
                      : absl::StrCat(StringLiteral(node.text), " in ", base->text);
  return term;
}

// Adding an empty list fails for all that is none: a string's length counts otherwise, and a map's
// would be a member.
Result EsTranslator::Length(const EsTerm& base) const {
  if ((base.kinds & kEsList) == 0 && base.kinds != kEsNull) {
    return UnsupportedEs("length of what is no list");
  }
  const bool is_list = (base.kinds & ~(kEsList | kEsNull)) == 0;
  const std::string list = is_list ? base.text : absl::StrCat(Within(base, kSum), " + []");
  return MakeEsTerm(absl::StrCat("size(", list, ")"), kAccess, kEsNumber,
                    Either(base.fails, base.kinds == kEsList ? EsFails::kNever : EsFails::kMay));
}

Result EsTranslator::ReadIndex(const EsNode& node) const {
  Result base = Read(node.children[0]);
  if (!base.ok()) return base;
  Result index = Value(node.children[1]);
  if (!index.ok()) return index;
  if (!base->is_path) return UnsupportedEs("an index into a computed value");
  EsTerm term = EsAtom(absl::StrCat(base->text, "[", index->text, "]"), kEsAny);
  term.is_path = true;
  term.fails = Either(base->fails, index->fails);
  if (term.fails == EsFails::kAlways) return term;
  if (index->kinds == kEsString && (Solid(*base) & kEsMap) != 0) {
    if ((Solid(*base) & kEsList) != 0) return UnsupportedEs("a computed key of what may be a list");
    term.presence = absl::StrCat(Within(*index, kSum), " in ", base->text);
    if (base->kinds != kEsMap) term.fails = EsFails::kMay;
    return term;
  }
  if (index->kinds != kEsNumber || (Solid(*base) & kEsList) == 0) {
    return UnsupportedEs("an index that may be a number or a key");
  }
  const bool is_list = (Solid(*base) & ~kEsList) == 0;
  const bool is_literal = node.children[1].kind == EsNode::Kind::kNumber;
  const std::string at = Within(*index, kSum);
  term.presence = absl::StrCat(at, " < size(", base->text, is_list ? ")" : " + [])");
  // Not with &&, which would pass over what fails in the other half.
  if (!is_literal) term.presence = absl::StrCat("(", term.presence, " ? ", at, " >= 0 : false)");
  if (base->kinds != kEsList || !is_literal) term.fails = EsFails::kMay;
  return term;
}

Result EsTranslator::Path(const EsNode& node) const {
  const absl::string_view root = EsRootName(node);
  if (root.empty()) return UnsupportedEs("this is no place to assign to");
  const auto found = scope_.variables.find(root);
  if (found == scope_.variables.end()) {
    EsTerm term = EsAtom(MemberText("context", root), kEsAny);
    term.fails = EsFails::kAlways;
    return term;
  }
  if (node.kind == EsNode::Kind::kName) return EsAtom(MemberText("context", root), found->second);
  Result base = Path(node.children[0]);
  if (!base.ok()) return base;
  base->kinds = kEsAny;
  base->fails = EsFails::kMay;
  if (node.kind == EsNode::Kind::kMember) {
    if (node.text == "length") return UnsupportedEs("assigning to a length");
    base->text = MemberText(base->text, node.text);
    return base;
  }
  Result index = Value(node.children[1]);
  if (!index.ok()) return index;
  if (index->kinds != kEsNumber && index->kinds != kEsString) {
    return UnsupportedEs("an index that may be a number or a key");
  }
  base->text = absl::StrCat(base->text, "[", index->text, "]");
  base->fails = Either(base->fails, index->fails);
  return base;
}

// ---------------------------------------------------------------- calls

Result EsTranslator::Call(const EsNode& node) const {
  const EsNode& callee = node.children[0];
  if (callee.kind == EsNode::Kind::kMember) return StringMethod(node);
  if (callee.kind != EsNode::Kind::kName || callee.text != "In") {
    return UnsupportedEs(absl::StrCat("a call of ", callee.text, " has no equal here"));
  }
  if (node.children.size() != 2 || node.children[1].kind != EsNode::Kind::kString) {
    return UnsupportedEs("In() takes the id of a state, as a literal");
  }
  const std::string& id = node.children[1].text;
  if (!scope_.states.contains(id)) return EsBoolTerm(false);
  return EsAtom(absl::StrCat("In(", StringLiteral(id), ")"), kEsBool);
}

Result EsTranslator::StringMethod(const EsNode& node) const {
  const EsNode& callee = node.children[0];
  constexpr std::pair<absl::string_view, absl::string_view> kMethods[] = {
      {"startsWith", "startsWith"}, {"endsWith", "endsWith"}, {"includes", "contains"}};
  for (const auto& [theirs, ours] : kMethods) {
    if (callee.text != theirs || node.children.size() != 2) continue;
    Result receiver = Read(callee.children[0]);
    if (!receiver.ok()) return receiver;
    Result argument = Value(node.children[1]);
    if (!argument.ok()) return argument;
    if ((receiver->kinds & kEsString) == 0 || (argument->kinds & kEsString) == 0) break;
    const bool known = receiver->kinds == kEsString && argument->kinds == kEsString;
    return MakeEsTerm(
        absl::StrCat(Within(*receiver, kAccess), ".", ours, "(", argument->text, ")"), kAccess,
        kEsBool,
        Either(known ? EsFails::kNever : EsFails::kMay, Either(receiver->fails, argument->fails)));
  }
  return UnsupportedEs(absl::StrCat("the method ", callee.text, " has no equal here"));
}

// ---------------------------------------------------------------- operators

Result EsTranslator::Unary(const EsNode& node) const {
  const EsNode& operand = node.children[0];
  if (node.text == "!") {
    Result condition = Condition(operand);
    if (!condition.ok()) return condition;
    return Not(*std::move(condition));
  }
  if (node.text == "typeof") return UnsupportedEs("typeof is understood in comparisons only");
  Result term = Value(operand);
  if (!term.ok()) return term;
  if ((term->kinds & kEsNumber) == 0 && Solid(*term) != 0) {
    return UnsupportedEs(absl::StrCat("unary ", node.text, " of what is no number"));
  }
  const bool known = term->kinds == kEsNumber;
  if (node.text == "+") {
    if (!known) return UnsupportedEs("unary + of what may be no number");
    return term;
  }
  return MakeEsTerm(absl::StrCat("-", Within(*term, kUnary)), kUnary, kEsNumber,
                    Either(term->fails, known ? EsFails::kNever : EsFails::kMay));
}

Result EsTranslator::Binary(const EsNode& node) const {
  const std::string& op = node.text;
  if (op == "&&" || op == "||") return Logic(node);
  if (op == "+") return Sum(node);
  if (op == "==" || op == "!=" || op == "===" || op == "!==") return Equality(node);
  if (op == "in") return In(node);
  if (op == "<" || op == "<=" || op == ">" || op == ">=") return Relation(node);
  return Arithmetic(node);
}

// As a value, && and || give one of their operands.
Result EsTranslator::Logic(const EsNode& node) const {
  Result left = Value(node.children[0]);
  if (!left.ok()) return left;
  Result right = Value(node.children[1]);
  if (!right.ok()) return right;
  if (left->kinds == kEsBool && right->kinds == kEsBool) return Condition(node);
  Result condition = Condition(node.children[0]);
  if (!condition.ok()) return condition;
  const bool is_and = node.text == "&&";
  const EsTerm& yes = is_and ? *right : *left;
  const EsTerm& no = is_and ? *left : *right;
  return MakeEsTerm(absl::StrCat(Within(*condition, kOr), " ? ", Within(yes, kOr), " : ", no.text),
                    kTernary, left->kinds | right->kinds,
                    Either(left->fails, Sometimes(right->fails)));
}

Result EsTranslator::Arithmetic(const EsNode& node) const {
  Result left = Value(node.children[0]);
  if (!left.ok()) return left;
  Result right = Value(node.children[1]);
  if (!right.ok()) return right;
  for (const EsTerm* term : {&*left, &*right}) {
    if ((term->kinds & kEsNumber) == 0 && Solid(*term) != 0) {
      return UnsupportedEs(absl::StrCat(node.text, " of what is no number"));
    }
  }
  const absl::string_view op = node.text == "++" ? absl::string_view("+") : node.text;
  const int binding = op == "-" || op == "+" ? kSum : kProduct;
  return MakeEsTerm(absl::StrCat(Within(*left, binding), " ", op, " ", Within(*right, binding + 1)),
                    binding, kEsNumber, Either(EsFails::kMay, Either(left->fails, right->fails)));
}

Result EsTranslator::Sum(const EsNode& node) const {
  Result left = Value(node.children[0]);
  if (!left.ok()) return left;
  Result right = Value(node.children[1]);
  if (!right.ok()) return right;
  const EsKinds l = Solid(*left);
  const EsKinds r = Solid(*right);
  const EsFails fails = Either(EsFails::kMay, Either(left->fails, right->fails));
  const auto joined = [&](const std::string& a, const std::string& b, EsKinds kinds) {
    return MakeEsTerm(absl::StrCat(a, " + ", b), kSum, kinds, fails);
  };
  if (left->kinds == kEsString && right->kinds == kEsString) {
    return joined(Within(*left, kSum), Within(*right, kProduct), kEsString);
  }
  // string() fails for null, lists and maps.
  if (left->kinds == kEsString) {
    return joined(Within(*left, kSum), absl::StrCat("string(", right->text, ")"), kEsString);
  }
  if (right->kinds == kEsString) {
    return joined(absl::StrCat("string(", left->text, ")"), Within(*right, kProduct), kEsString);
  }
  // Ours fails unless both are numbers, strings or lists; two lists would be text in ECMAScript.
  const bool numeric = (l & ~kEsNumber) == 0 || (r & ~kEsNumber) == 0;
  if (!numeric || ((l & kEsNumber) == 0 && l != 0) || ((r & kEsNumber) == 0 && r != 0)) {
    return UnsupportedEs("+ of values whose kinds are not known to be numbers or strings");
  }
  return joined(Within(*left, kSum), Within(*right, kProduct), kEsNumber);
}

Result EsTranslator::Conditional(const EsNode& node) const {
  Result condition = Condition(node.children[0]);
  if (!condition.ok()) return condition;
  Result yes = Value(node.children[1]);
  if (!yes.ok()) return yes;
  Result no = Value(node.children[2]);
  if (!no.ok()) return no;
  return MakeEsTerm(
      absl::StrCat(Within(*condition, kOr), " ? ", Within(*yes, kOr), " : ", no->text), kTernary,
      yes->kinds | no->kinds, Either(condition->fails, Sometimes(Either(yes->fails, no->fails))));
}

Result EsTranslator::Array(const EsNode& node) const {
  EsTerm term = EsAtom("[", kEsList);
  for (size_t i = 0; i < node.children.size(); ++i) {
    Result item = Value(node.children[i]);
    if (!item.ok()) return item;
    absl::StrAppend(&term.text, i == 0 ? "" : ", ", item->text);
    term.fails = Either(term.fails, item->fails);
  }
  term.text.push_back(']');
  return term;
}

Result EsTranslator::Object(const EsNode& node) const {
  EsTerm term = EsAtom("{", kEsMap);
  for (size_t i = 0; i < node.children.size(); ++i) {
    Result value = Value(node.children[i]);
    if (!value.ok()) return value;
    absl::StrAppend(&term.text, i == 0 ? "" : ", ", StringLiteral(node.keys[i]), ": ", value->text);
    term.fails = Either(term.fails, value->fails);
  }
  term.text.push_back('}');
  return term;
}

namespace {

absl::StatusOr<EsTranslation> Finished(const Result& term) {
  if (!term.ok()) return term.status();
  EsTranslation translation;
  translation.text = term->text;
  translation.kinds = term->kinds;
  translation.fails = term->fails;
  return translation;
}

}  // namespace

absl::StatusOr<EsTranslation> TranslateEsValue(const EsNode& node, const EsScope& scope) {
  return Finished(EsTranslator(scope).Value(node));
}

absl::StatusOr<EsTranslation> TranslateEsCondition(const EsNode& node, const EsScope& scope) {
  return Finished(EsTranslator(scope).Condition(node));
}

absl::StatusOr<EsTranslation> TranslateEsLocation(const EsNode& node, const EsScope& scope) {
  return Finished(EsTranslator(scope).Path(node));
}

absl::string_view EsRootName(const EsNode& node) {
  const EsNode* at = &node;
  while (at->kind == EsNode::Kind::kMember || at->kind == EsNode::Kind::kIndex) {
    at = &at->children[0];
  }
  return at->kind == EsNode::Kind::kName ? absl::string_view(at->text) : absl::string_view();
}

}  // namespace swoosh
