#include "cli/conversion/scxml_chart.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/conversion/literal.h"
#include "cli/conversion/scxml_vocabulary.h"
#include "cli/document.h"
#include "core/expression.h"
#include "core/expression_scope.h"
#include "core/limits.h"
#include "core/names.h"

namespace swoosh {
namespace {

constexpr absl::string_view kStates[] = {"state", "parallel", "final", "history"};
constexpr absl::string_view kExpressionAttributes[] = {
    "cond", "expr", "delayexpr", "eventexpr", "targetexpr", "typeexpr", "location"};

EsKinds KindsOf(const Value& value) {
  return static_cast<EsKinds>(1 << static_cast<int>(value.kind()));
}
static_assert(1 << static_cast<int>(Value::Kind::kNull) == kEsNull);
static_assert(1 << static_cast<int>(Value::Kind::kString) == kEsString);
static_assert(1 << static_cast<int>(Value::Kind::kMap) == kEsMap);

bool Mentions(const EsNode& node, const std::function<bool(const EsNode&)>& what) {
  return what(node) || std::any_of(node.children.begin(), node.children.end(),
                                   [&](const EsNode& child) { return Mentions(child, what); });
}

bool IsNull(const EsNode& node) { return node.kind == EsNode::Kind::kNull; }

// `== null` and `!= null` bring no null into the world.
bool MakesNull(const EsNode& node) {
  if (IsNull(node)) return true;
  const bool compares = node.kind == EsNode::Kind::kBinary &&
                        (absl::StartsWith(node.text, "==") || absl::StartsWith(node.text, "!="));
  return std::any_of(node.children.begin(), node.children.end(), [&](const EsNode& child) {
    return !(compares && IsNull(child)) && MakesNull(child);
  });
}

bool IsIdentifier(absl::string_view text) {
  const auto is_part = [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '$'; };
  return !text.empty() && !absl::ascii_isdigit(text[0]) &&
         std::all_of(text.begin(), text.end(), is_part);
}

// Whether the value may be a list or object that also has another name.
bool SharesReference(const EsNode& node, const EsScope& scope) {
  switch (node.kind) {
    case EsNode::Kind::kName:
    case EsNode::Kind::kMember:
    case EsNode::Kind::kIndex: {
      if (!scope.variables.contains(EsRootName(node))) return false;
      const absl::StatusOr<EsTranslation> read = TranslateEsValue(node, scope);
      return !read.ok() || (read->kinds & (kEsList | kEsMap)) != 0;
    }
    case EsNode::Kind::kConditional:
    case EsNode::Kind::kArray:
    case EsNode::Kind::kObject:
      break;
    case EsNode::Kind::kBinary:
      if (node.text == "&&" || node.text == "||") break;
      return false;
    default:
      return false;
  }
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const EsNode& child) { return SharesReference(child, scope); });
}

}  // namespace

bool IsScxmlState(const XmlElement& element) {
  return !element.foreign &&
         std::find(std::begin(kStates), std::end(kStates), element.name) != std::end(kStates);
}

std::vector<std::string> ScxmlWords(const std::string* attribute) {
  if (attribute == nullptr) return {};
  return absl::StrSplit(*attribute, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
}

absl::Status ScxmlChart::Read() {
  if (root_.name != "scxml" || root_.foreign) {
    return Refuse(root_, ScxmlRefusal::kElement, "the root element must be <scxml>");
  }
  if (absl::Status status = ReadLanguage(); !status.ok()) return status;
  if (const std::string* name = root_.Find("name")) scope_.name = *name;
  if (absl::Status status = ReadIds(root_); !status.ok()) return status;
  if (absl::Status status = MakeIds(root_); !status.ok()) return status;
  if (absl::Status status = CollectData(root_); !status.ok()) return status;
  if (language_ == Language::kSwoosh) {
    scope_.states.insert(swoosh_root_id());
  } else {
    CollectExpressions(root_);
  }
  if (absl::Status status = ReadData(); !status.ok()) return status;
  InferKinds();
  return CheckAliases();
}

absl::Status ScxmlChart::ReadLanguage() {
  const std::string* datamodel = root_.Find("datamodel");
  if (datamodel == nullptr || *datamodel == "ecmascript") return absl::OkStatus();
  if (*datamodel == kSwooshDatamodel) {
    language_ = Language::kSwoosh;
  } else if (*datamodel == "null") {
    language_ = Language::kNull;
  } else {
    return Refuse(root_, ScxmlRefusal::kDatamodel,
                  absl::StrCat("the datamodel '", *datamodel, "' is not supported"));
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------- ids

absl::Status ScxmlChart::ReadIds(const XmlElement& parent) {
  for (const XmlElement& element : parent.children) {
    if (!IsScxmlState(element)) continue;
    if (const std::string* id = element.Find("id")) {
      if (!CheckName(*id, kStateIdBytesMax, "id").ok()) {
        return Refuse(element, ScxmlRefusal::kId,
                      absl::StrCat("the id '", *id, "' must match [A-Za-z0-9._~-]{1,",
                                   kStateIdBytesMax, "}"));
      }
      if (!scope_.states.insert(*id).second) {
        return Refuse(element, ScxmlRefusal::kId, absl::StrCat("the id '", *id, "' stands twice"));
      }
      ids_[&element] = *id;
    }
    if (absl::Status status = ReadIds(element); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Ids for those that have none: from the place in the parent, so that they don't change when
// something else is added.
absl::Status ScxmlChart::MakeIds(const XmlElement& parent) {
  int position = 0;
  for (const XmlElement& element : parent.children) {
    if (!IsScxmlState(element)) continue;
    ++position;
    if (!ids_.contains(&element)) {
      const auto parent_id = ids_.find(&parent);
      const absl::string_view prefix =
          parent_id == ids_.end() ? absl::string_view("scxml") : parent_id->second;
      std::string id = UnusedId(absl::StrCat(prefix, ".", element.name, position));
      if (id.size() > kStateIdBytesMax) {
        return Refuse(element, ScxmlRefusal::kId, "give it an id: the one made would be too long");
      }
      scope_.states.insert(id);
      ids_[&element] = std::move(id);
    }
    if (absl::Status status = MakeIds(element); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string ScxmlChart::swoosh_root_id() const {
  if (const std::string* id = root_.Find(kSwooshRoot)) return *id;
  const std::string* name = root_.Find("name");
  return name == nullptr ? std::string() : *name;
}

std::string ScxmlChart::UnusedId(absl::string_view wish) const {
  std::string id(wish);
  for (int number = 2; scope_.states.contains(id); ++number) id = absl::StrCat(wish, "-", number);
  return id;
}

// ---------------------------------------------------------------- the datamodel

absl::Status ScxmlChart::CollectData(const XmlElement& parent) {
  const std::string* binding = root_.Find("binding");
  if (binding != nullptr && *binding != "early" && *binding != "late") {
    return Refuse(root_, ScxmlRefusal::kAttribute, "binding is 'early' or 'late'");
  }
  for (const XmlElement& element : parent.children) {
    if (element.foreign) continue;
    if (IsScxmlState(element)) {
      if (absl::Status status = CollectData(element); !status.ok()) return status;
    }
    if (element.name != "datamodel") continue;
    if (absl::Status status = CheckForm(element, {}); !status.ok()) return status;
    for (const XmlElement& data : element.children) {
      if (data.name != "data" || data.foreign) return RefuseElement(data);
      if (binding != nullptr && *binding == "late" && &parent != &root_) {
        return Refuse(data, ScxmlRefusal::kLateBinding,
                      "data of a state that is bound when the state is entered first");
      }
      data_.push_back(&data);
    }
  }
  return absl::OkStatus();
}

absl::Status ScxmlChart::ReadData() {
  Value::Map members;
  for (const XmlElement* data : data_) {
    const std::string* id = data->Find("id");
    if (id == nullptr) return Refuse(*data, ScxmlRefusal::kAttribute, "id is missing");
    if (!IsIdentifier(*id) && language_ != Language::kSwoosh) {
      return Refuse(*data, ScxmlRefusal::kAttribute, absl::StrCat("'", *id, "' is no identifier"));
    }
    if (!scope_.variables.emplace(*id, kEsNull).second) {
      return Refuse(*data, ScxmlRefusal::kId, absl::StrCat("'", *id, "' is declared twice"));
    }
    members.emplace_back(*id, Value());
  }
  for (size_t i = 0; i < data_.size(); ++i) {
    if (absl::Status status = ReadDatum(*data_[i], members, &members[i].second); !status.ok()) {
      return status;
    }
  }
  context_ = Value::OfMap(std::move(members));
  return absl::OkStatus();
}

absl::Status ScxmlChart::ReadDatum(const XmlElement& element, const Value::Map& members,
                                   Value* value) {
  const std::string& id = *element.Find("id");
  const absl::StatusOr<EsTranslation> translation = TranslateDatum(element);
  if (!translation.ok()) return translation.status();
  if (translation->fails == EsFails::kAlways) {
    failing_data_.push_back({&element, absl::StrCat("context.", id), translation->text});
    return absl::OkStatus();
  }
  const absl::StatusOr<Expression> expression = Expression::Parse(translation->text, nullptr);
  absl::StatusOr<Value> constant = Value();
  if (!expression.ok()) {
    constant = expression.status();
  } else if (expression->constant() != nullptr) {
    constant = *expression->constant();
  } else {
    const Value context = Value::OfMap(members);
    ExpressionScope scope;
    scope.context = &context;
    constant = expression->Evaluate(scope);
  }
  if (!constant.ok()) {
    return Refuse(element, ScxmlRefusal::kData,
                  absl::StrCat("no constant value: ", constant.status().message()));
  }
  *value = *std::move(constant);
  scope_.variables[id] = KindsOf(*value);
  return absl::OkStatus();
}

absl::StatusOr<EsTranslation> ScxmlChart::TranslateDatum(const XmlElement& element) {
  const std::string* expr = element.Find("expr");
  const bool has_content = element.has_text() || !element.children.empty();
  if (element.Find("src") != nullptr) {
    return Refuse(element, ScxmlRefusal::kDataSrc, "a value from another file");
  }
  for (const XmlAttribute& attribute : element.attributes) {
    if (attribute.name == "id" || attribute.name == "expr") continue;
    return Refuse(element, ScxmlRefusal::kAttribute,
                  absl::StrCat("the attribute ", attribute.name, " is not known here"));
  }
  if (expr != nullptr && has_content) {
    return Refuse(element, ScxmlRefusal::kAttribute, "both expr and content");
  }
  if (expr == nullptr && has_content) return TranslateText(element);
  if (expr == nullptr) return EsTranslation{"null", kEsNull, EsFails::kNever};
  if (language_ != Language::kEcmascript) return TranslateValue(element, *expr);
  const absl::StatusOr<EsNode> node = ParseExpression(element, *expr);
  if (!node.ok()) return node.status();
  const auto needs_run = [](const EsNode& each) {
    return each.kind == EsNode::Kind::kCall ||
           (each.kind == EsNode::Kind::kName && each.text == "_event");
  };
  if (Mentions(*node, needs_run)) {
    return Refuse(element, ScxmlRefusal::kData,
                  "a value that is not known before the machine runs");
  }
  return TranslateNode(element, *node);
}

// ---------------------------------------------------------------- kinds

// All assignments, and whether null is ever made. What can't be read is refused when it is
// imported.
void ScxmlChart::CollectExpressions(const XmlElement& element) {
  for (const XmlAttribute& attribute : element.attributes) {
    if (std::find(std::begin(kExpressionAttributes), std::end(kExpressionAttributes),
                  attribute.name) == std::end(kExpressionAttributes)) {
      continue;
    }
    const absl::StatusOr<EsNode> node = ParseEsExpression(attribute.value);
    if (node.ok() && MakesNull(*node)) scope_.has_null = true;
  }
  if ((element.name == "data" || element.name == "content" || element.name == "assign") &&
      absl::StrContains(element.text, "null")) {
    scope_.has_null = true;
  }
  if (element.name == "assign" && element.Find("location") != nullptr) {
    const absl::StatusOr<EsNode> place = ParseEsExpression(*element.Find("location"));
    EsNode value;
    value.kind = EsNode::Kind::kName;  // unknown
    value.text = "_event";
    if (const std::string* expr = element.Find("expr")) {
      absl::StatusOr<EsNode> node = ParseEsExpression(*expr);
      if (node.ok()) value = *std::move(node);
    }
    if (place.ok()) assignments_.push_back({&element, *place, std::move(value)});
  }
  if (element.name == "script") {
    absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> script =
        ParseEsAssignments(element.text);
    if (script.ok()) {
      for (auto& [place, value] : *script) {
        if (MakesNull(value)) scope_.has_null = true;
        assignments_.push_back({&element, std::move(place), std::move(value)});
      }
    }
  }
  for (const XmlElement& child : element.children) CollectExpressions(child);
}

// A variable's kinds are those of all that is ever assigned to it, up to a fixed point.
void ScxmlChart::InferKinds() {
  for (bool changed = true; changed;) {
    changed = false;
    for (const Assignment& assignment : assignments_) {
      if (assignment.place.kind != EsNode::Kind::kName) continue;
      const auto variable = scope_.variables.find(assignment.place.text);
      if (variable == scope_.variables.end()) continue;
      const absl::StatusOr<EsTranslation> value = TranslateEsValue(assignment.value, scope_);
      if (value.ok() && value->fails == EsFails::kAlways) continue;
      const EsKinds kinds = variable->second | (value.ok() ? value->kinds : kEsAny);
      changed = changed || kinds != variable->second;
      variable->second = kinds;
    }
  }
}

// In ECMAScript two names may stand for one list, and what is put into it by one is seen by the
// other. Here values are copied.
absl::Status ScxmlChart::CheckAliases() const {
  const auto shares = [this](const Assignment& assignment) {
    return SharesReference(assignment.value, scope_);
  };
  if (std::none_of(assignments_.begin(), assignments_.end(), shares)) return absl::OkStatus();
  for (const Assignment& assignment : assignments_) {
    if (assignment.place.kind == EsNode::Kind::kName) continue;
    if (!scope_.variables.contains(EsRootName(assignment.place))) continue;
    return Refuse(*assignment.element, ScxmlRefusal::kExpression,
                  "changes a list or object in place that may also have another name");
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------- expressions

absl::StatusOr<EsTranslation> ScxmlChart::Checked(const XmlElement& element,
                                                  absl::StatusOr<EsTranslation> translation) {
  absl::Status status = translation.status();
  if (status.ok()) {
    const auto lookup = [this](absl::string_view id) { return HasState(id) ? 0 : -1; };
    status = Expression::Parse(translation->text, lookup).status();
  }
  if (!status.ok()) return Refuse(element, ScxmlRefusal::kExpression, status.message());
  if (translation->fails != EsFails::kNever) may_fail_ = true;
  return translation;
}

absl::StatusOr<EsNode> ScxmlChart::ParseExpression(const XmlElement& element,
                                                   absl::string_view text) const {
  absl::StatusOr<EsNode> node = ParseEsExpression(text);
  if (node.ok() && language_ == Language::kNull) {
    const bool is_in =
        node->kind == EsNode::Kind::kCall && node->children[0].kind == EsNode::Kind::kName;
    if (!is_in && node->kind != EsNode::Kind::kString && node->kind != EsNode::Kind::kNumber) {
      node = absl::InvalidArgumentError("the null datamodel has In() and literals only");
    }
  }
  if (node.ok()) return node;
  return Refuse(element, ScxmlRefusal::kExpression,
                absl::StrCat("'", text, "': ", node.status().message()));
}

absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> ScxmlChart::ParseScript(
    const XmlElement& element) const {
  absl::StatusOr<std::vector<std::pair<EsNode, EsNode>>> script = ParseEsAssignments(element.text);
  if (script.ok() && language_ == Language::kEcmascript) return script;
  return Refuse(element, ScxmlRefusal::kScript,
                absl::StrCat("only assignments are understood: ", script.status().message()));
}

absl::StatusOr<EsTranslation> ScxmlChart::TranslateNode(const XmlElement& element,
                                                        const EsNode& node) {
  return Checked(element, TranslateEsValue(node, scope_));
}

absl::StatusOr<EsTranslation> ScxmlChart::TranslatePlace(const XmlElement& element,
                                                         const EsNode& node) {
  return Checked(element, TranslateEsLocation(node, scope_));
}

absl::StatusOr<EsTranslation> ScxmlChart::TranslateValue(const XmlElement& element,
                                                         absl::string_view text) {
  if (language_ == Language::kSwoosh) {
    return Checked(element, EsTranslation{std::string(text), kEsAny, EsFails::kMay});
  }
  const absl::StatusOr<EsNode> node = ParseExpression(element, text);
  if (!node.ok()) return node.status();
  return TranslateNode(element, *node);
}

absl::StatusOr<EsTranslation> ScxmlChart::TranslateCondition(const XmlElement& element,
                                                             absl::string_view text) {
  if (language_ == Language::kSwoosh) return TranslateValue(element, text);
  const absl::StatusOr<EsNode> node = ParseExpression(element, text);
  if (!node.ok()) return node.status();
  return Checked(element, TranslateEsCondition(*node, scope_));
}

absl::StatusOr<EsTranslation> ScxmlChart::TranslateLocation(const XmlElement& element,
                                                            absl::string_view text) {
  if (language_ == Language::kSwoosh) return TranslateValue(element, text);
  const absl::StatusOr<EsNode> node = ParseExpression(element, text);
  if (!node.ok()) return node.status();
  return TranslatePlace(element, *node);
}

absl::StatusOr<EsTranslation> ScxmlChart::TranslateText(const XmlElement& element) const {
  if (!element.children.empty()) {
    return Refuse(element, ScxmlRefusal::kContent, "XML as a value");
  }
  const std::vector<absl::string_view> words =
      absl::StrSplit(element.text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  const std::string normal = absl::StrJoin(words, " ");
  const absl::StatusOr<Node> json = ParseJson(element.text);
  const absl::StatusOr<std::string> literal =
      json.ok() ? JsonLiteral(*json) : absl::StatusOr<std::string>(json.status());
  if (!literal.ok() && (normal[0] == '{' || normal[0] == '[')) {
    return Refuse(element, ScxmlRefusal::kContent,
                  absl::StrCat("neither JSON nor plain text: ", literal.status().message()));
  }
  const std::string text = literal.ok() ? *literal : StringLiteral(normal);
  const absl::StatusOr<Expression> expression = Expression::Parse(text, nullptr);
  if (!expression.ok() || expression->constant() == nullptr) {
    return Refuse(element, ScxmlRefusal::kContent, expression.status().message());
  }
  return EsTranslation{text, KindsOf(*expression->constant()), EsFails::kNever};
}

// ---------------------------------------------------------------- form

absl::Status ScxmlChart::CheckForm(const XmlElement& element,
                                   absl::Span<const absl::string_view> attributes) const {
  for (const XmlAttribute& attribute : element.attributes) {
    const bool known =
        std::find(attributes.begin(), attributes.end(), attribute.name) != attributes.end();
    if (known && (language_ == Language::kSwoosh || !absl::StrContains(attribute.name, ':'))) {
      continue;
    }
    return Refuse(element, ScxmlRefusal::kAttribute,
                  absl::StrCat("the attribute ", attribute.name, " is not known here"));
  }
  if (!element.has_text()) return absl::OkStatus();
  return Refuse(element, ScxmlRefusal::kText, "text where none belongs");
}

absl::Status ScxmlChart::RefuseElement(const XmlElement& element) const {
  constexpr std::pair<absl::string_view, ScxmlRefusal> kKnown[] = {
      {"foreach", ScxmlRefusal::kForeach},
      {"invoke", ScxmlRefusal::kInvoke},
      {"script", ScxmlRefusal::kScript}};
  for (const auto& [name, refusal] : kKnown) {
    if (element.name == name && !element.foreign) {
      return Refuse(element, refusal, "a machine has nothing like it");
    }
  }
  return Refuse(
      element, ScxmlRefusal::kElement,
      element.foreign ? "an element that is not SCXML's" : "this element can't stand here");
}

}  // namespace swoosh
