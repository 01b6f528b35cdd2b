#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/conversion/literal.h"
#include "cli/conversion/scxml_translator.h"

// Comparisons and conditions.
namespace swoosh {
namespace {

constexpr EsKinds kReference = kEsList | kEsMap;
constexpr EsKinds kUnknown = kEsAny & ~kEsNull;
constexpr char kFalsy[] = "[null, false, 0, '']";

bool IsAbsent(const EsNode& node) {
  return node.kind == EsNode::Kind::kNull ||
         (node.kind == EsNode::Kind::kName && node.text == "undefined");
}

// Both operands are evaluated in ECMAScript. So what says that `term` has no value may stand in
// front only where `other` can't fail, or where both fail together.
bool MayGuard(const EsTerm& term, const EsTerm& other) {
  return other.fails == EsFails::kNever || (!term.base.empty() && term.base == other.base);
}

}  // namespace

using Result = EsTranslator::Result;

// A comparison with undefined is false.
Result EsTranslator::Relation(const EsNode& node) const {
  Result left = Read(node.children[0]);
  if (!left.ok()) return left;
  Result right = Read(node.children[1]);
  if (!right.ok()) return right;
  const EsKinds l = Solid(*left);
  const EsKinds r = Solid(*right);
  if ((l & r & (kEsNumber | kEsString)) == 0 && l != 0 && r != 0) {
    return UnsupportedEs(absl::StrCat(node.text, " of values of different kinds"));
  }
  const bool known = (l | r) == kEsNumber || (l | r) == kEsString;
  const EsFails fails = Either(left->fails, right->fails);
  std::string presence;
  bool guarded = true;  // whether all that may have no value is asked for
  for (const auto& [term, other] : {std::pair(&*left, &*right), std::pair(&*right, &*left)}) {
    std::string there = term->presence;
    if (there.empty() && term->is_path && known && !scope_.has_null &&
        (term->kinds & kEsNull) != 0) {
      there = absl::StrCat(term->text, " != null");
    }
    if (there.empty()) {
      guarded = guarded && (term->kinds & kEsNull) == 0;
    } else if (MayGuard(*term, *other)) {
      absl::StrAppend(&presence, presence.empty() ? "" : " && ", there);
    } else {
      guarded = false;
      *term = Whole(*term);
    }
  }
  return Guarded(
      presence,
      MakeEsTerm(absl::StrCat(Within(*left, kSum), " ", node.text, " ", Within(*right, kSum)),
                 kRelation, kEsBool, known && guarded ? fails : Either(fails, EsFails::kMay)));
}

Result EsTranslator::Equality(const EsNode& node) const {
  const EsNode& left = node.children[0];
  const EsNode& right = node.children[1];
  const bool strict = node.text.size() == 3;
  const auto is_type_of = [](const EsNode& a, const EsNode& b) {
    return a.kind == EsNode::Kind::kUnary && a.text == "typeof" && b.kind == EsNode::Kind::kString;
  };
  Result equal;
  if (is_type_of(left, right)) {
    equal = TypeOf(left.children[0], right.text);
  } else if (is_type_of(right, left)) {
    equal = TypeOf(right.children[0], left.text);
  } else if (IsAbsent(right)) {
    equal = EqualsAbsent(left, right, strict);
  } else if (IsAbsent(left)) {
    equal = EqualsAbsent(right, left, strict);
  } else {
    Result l = Read(left);
    if (!l.ok()) return l;
    Result r = Read(right);
    if (!r.ok()) return r;
    equal = strict ? StrictlyEqual(*l, *r) : LooselyEqual(*l, *r);
  }
  if (!equal.ok() || node.text[0] == '=') return equal;
  return Not(*std::move(equal));
}

Result EsTranslator::EqualsAbsent(const EsNode& node, const EsNode& absent, bool strict) const {
  Result term = Read(node);
  if (!term.ok()) return term;
  const bool is_null = absent.kind == EsNode::Kind::kNull;
  if (strict && is_null && term->presence.empty() && (term->kinds & kEsNull) != 0) {
    return UnsupportedEs("=== null can't be told from === undefined here; write == null");
  }
  if (strict && !is_null && scope_.has_null) {
    return UnsupportedEs("=== undefined can't be told from === null here; write == null");
  }
  EsTerm equal =
      MakeEsTerm(absl::StrCat(Within(*term, kSum), " == null"), kRelation, kEsBool, term->fails);
  if (term->presence.empty()) return equal;
  if (strict && is_null) return Guarded(term->presence, std::move(equal));
  equal.text = absl::StrCat(term->presence, " ? ", equal.text, " : true");
  equal.binding = kTernary;
  return equal;
}

Result EsTranslator::TypeOf(const EsNode& operand, absl::string_view type) const {
  if (type != "undefined") {
    return UnsupportedEs(absl::StrCat("typeof … == '", type, "' has no equal here"));
  }
  if (operand.kind == EsNode::Kind::kName && !scope_.variables.contains(operand.text) &&
      operand.text[0] != '_') {
    return EsBoolTerm(true);
  }
  EsNode undefined;
  undefined.kind = EsNode::Kind::kName;
  undefined.text = "undefined";
  return EqualsAbsent(operand, undefined, /*strict=*/true);
}

// Whether lists and maps are the same one is not known here, only whether they are equal.
Result EsTranslator::StrictlyEqual(const EsTerm& left, const EsTerm& right) const {
  if ((left.kinds & right.kinds & kReference) != 0) {
    return UnsupportedEs("=== of what may be two lists or objects");
  }
  const EsFails fails = Either(left.fails, right.fails);
  const auto equal = [&fails](const EsTerm& a, const EsTerm& b) {
    return MakeEsTerm(absl::StrCat(Within(a, kSum), " == ", Within(b, kSum)), kRelation, kEsBool,
                      fails);
  };
  if (!left.presence.empty() && (right.kinds & kEsNull) == 0 && right.presence.empty() &&
      MayGuard(left, right)) {
    return Guarded(left.presence, equal(left, right));
  }
  if (!right.presence.empty() && (left.kinds & kEsNull) == 0 && left.presence.empty() &&
      MayGuard(right, left)) {
    return Guarded(right.presence, equal(left, right));
  }
  return equal(Whole(left), Whole(right));
}

// Where the kinds agree, == is ===. A number and something unknown: a string is read as a number,
// whatever else is not null fails.
Result EsTranslator::LooselyEqual(const EsTerm& left, const EsTerm& right) const {
  const EsKinds l = Solid(left);
  const EsKinds r = Solid(right);
  const bool same =
      (l & ~r) == 0 && (r & ~l) == 0 && (l == kEsBool || l == kEsNumber || l == kEsString);
  if (same || l == 0 || r == 0) return StrictlyEqual(left, right);
  if (l != kUnknown && r != kUnknown) {
    return UnsupportedEs("== of values of different kinds; write ===");
  }
  const EsTerm& known = l == kUnknown ? right : left;
  const EsTerm& unknown = l == kUnknown ? left : right;
  double number = 0;
  if (known.kinds == kEsString && known.text[0] == '\'' && known.text.size() > 2 &&
      !absl::SimpleAtod(absl::string_view(known.text).substr(1, known.text.size() - 2), &number)) {
    return StrictlyEqual(left, right);
  }
  if (known.kinds != kEsNumber) {
    return UnsupportedEs("== of values whose kinds are not known; write ===");
  }
  EsTerm equal = MakeEsTerm(absl::StrCat("double(", unknown.text, ") == ", Within(known, kSum)),
                            kRelation, kEsBool, EsFails::kMay);
  equal.fails = Either(equal.fails, Either(left.fails, right.fails));
  if (!MayGuard(unknown, known)) {
    return UnsupportedEs("== of something unknown and what may fail; write ===");
  }
  if (!unknown.presence.empty()) return Guarded(unknown.presence, std::move(equal));
  return Guarded(absl::StrCat(Within(unknown, kSum), " != null"), std::move(equal));
}

// In a list, `in` asks for an index there, for an item here.
Result EsTranslator::In(const EsNode& node) const {
  const EsNode& key = node.children[0];
  Result base = Read(node.children[1]);
  if (!base.ok()) return base;
  if (key.kind != EsNode::Kind::kString || !base->is_path || (base->kinds & kEsMap) == 0) {
    return UnsupportedEs("'in' is understood of a literal key and a member or variable");
  }
  const EsFails fails = Either(base->fails, EsFails::kMay);
  if (IsPlainName(key.text)) {
    return MakeEsTerm(absl::StrCat("has(", MemberText(base->text, key.text), ")"), kAccess, kEsBool,
                      fails);
  }
  if (Solid(*base) != kEsMap) return UnsupportedEs("'in' of what may be a list");
  return MakeEsTerm(absl::StrCat(StringLiteral(key.text), " in ", base->text), kRelation, kEsBool,
                    fails);
}

// ---------------------------------------------------------------- conditions

Result EsTranslator::Condition(const EsNode& node) const {
  const bool is_and = node.kind == EsNode::Kind::kBinary && node.text == "&&";
  const bool is_or = node.kind == EsNode::Kind::kBinary && node.text == "||";
  if (!is_and && !is_or) {
    Result term = Read(node);
    if (!term.ok()) return term;
    return Truth(*term);
  }
  Result left = Condition(node.children[0]);
  if (!left.ok()) return left;
  Result right = Condition(node.children[1]);
  if (!right.ok()) return right;
  const EsFails fails = Either(left->fails, Sometimes(right->fails));
  if (left->fails != EsFails::kNever) {
    return MakeEsTerm(is_and
                          ? absl::StrCat(Within(*left, kOr), " ? ", Within(*right, kOr), " : false")
                          : absl::StrCat(Within(*left, kOr), " ? true : ", right->text),
                      kTernary, kEsBool, fails);
  }
  const int binding = is_and ? kAnd : kOr;
  return MakeEsTerm(
      absl::StrCat(Within(*left, binding), is_and ? " && " : " || ", Within(*right, binding)),
      binding, kEsBool, fails);
}

Result EsTranslator::Truth(const EsTerm& term) const {
  if (term.presence.empty() && term.kinds == kEsBool) return term;
  EsTerm truth = MakeEsTerm("", kRelation, kEsBool, term.fails);
  const std::string operand = Within(term, kSum);
  if ((term.kinds & ~(kEsBool | kEsNull)) == 0 && (term.kinds & kEsBool) != 0) {
    truth.text = absl::StrCat(operand, " == true");
  } else if (term.kinds == kEsNumber) {
    truth.text = absl::StrCat(operand, " != 0");
  } else if (term.kinds == kEsString) {
    truth.text = absl::StrCat(operand, " != ''");
  } else {
    truth.text = absl::StrCat("!(", operand, " in ", kFalsy, ")");
    truth.binding = kUnary;
  }
  return Guarded(term.presence, std::move(truth));
}

}  // namespace swoosh
