#include "cli/conversion/scxml_content.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/conversion/literal.h"
#include "cli/conversion/scxml_vocabulary.h"
#include "core/names.h"

namespace swoosh {
namespace {

constexpr char kLogEvent[] = "log";
constexpr double kDelaySecondsMax = 315'576'000'000;  // protobuf's Duration: 10,000 years
constexpr int64_t kNanosPerSecond = 1'000'000'000;

// The values of `type` that mean the processor that SCXML itself has, and the default.
constexpr absl::string_view kScxmlProcessors[] = {
    "", "scxml", "http://www.w3.org/TR/scxml", "http://www.w3.org/TR/scxml/",
    "http://www.w3.org/TR/scxml/#SCXMLEventProcessor"};

// The values of a list of members, as a map.
std::string MapText(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text = "{";
  for (const auto& [name, value] : members) {
    absl::StrAppend(&text, text.size() == 1 ? "" : ", ", StringLiteral(name), ": ", value);
  }
  return absl::StrCat(text, "}");
}

}  // namespace

bool ParseScxmlDelay(absl::string_view text, google::protobuf::Duration* delay) {
  text = absl::StripAsciiWhitespace(text);
  const bool millis = absl::ConsumeSuffix(&text, "ms");
  if (!millis && !absl::ConsumeSuffix(&text, "s")) return false;
  const auto is_digit = [](char c) { return absl::ascii_isdigit(c) || c == '.'; };
  double number = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit) || text.back() == '.' ||
      !absl::SimpleAtod(text, &number) || number > kDelaySecondsMax) {
    return false;
  }
  const double seconds = std::floor(millis ? number / 1000 : number);
  const double rest = millis ? number / 1000 - seconds : number - seconds;
  int64_t nanos = std::llround(rest * kNanosPerSecond);
  delay->set_seconds(static_cast<int64_t>(seconds) + nanos / kNanosPerSecond);
  delay->set_nanos(static_cast<int32_t>(nanos % kNanosPerSecond));
  return true;
}

absl::Status ScxmlContent::ImportBlock(const XmlElement& parent, Actions* actions, bool* fails) {
  fails_ = false;
  for (const XmlElement& element : parent.children) {
    if (absl::Status status = ImportAction(element, actions); !status.ok()) return status;
  }
  if (fails != nullptr) *fails = fails_;
  return absl::OkStatus();
}

absl::Status ScxmlContent::ImportAction(const XmlElement& element, Actions* actions) {
  if (element.name == "swoosh:emit" && chart_.language() == ScxmlChart::Language::kSwoosh) {
    return ImportEmit(element, actions);
  }
  if (element.foreign) return chart_.RefuseElement(element);
  if (element.name == "assign") return ImportAssign(element, actions);
  if (element.name == "raise") return ImportRaise(element, actions);
  if (element.name == "send") return ImportSend(element, actions);
  if (element.name == "cancel") return ImportCancel(element, actions);
  if (element.name == "log") return ImportLog(element, actions);
  if (element.name == "if") return ImportIf(element, actions);
  if (element.name == "script") return ImportScript(element, actions);
  return chart_.RefuseElement(element);
}

// ---------------------------------------------------------------- assignments

void ScxmlContent::AddAssign(const EsTranslation& place, const EsTranslation& value,
                             Actions* actions) {
  v1::Assign* assign = actions->Add()->mutable_assign();
  assign->set_location(place.text);
  // Assigning to what is not declared is an error in SCXML; reading it is one here.
  assign->set_value(place.fails == EsFails::kAlways ? place.text : value.text);
  Note(place.fails);
  Note(value.fails);
}

absl::Status ScxmlContent::ImportAssign(const XmlElement& element, Actions* actions) {
  const std::string* location = element.Find("location");
  const std::string* expr = element.Find("expr");
  if (location == nullptr) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "location is missing");
  }
  for (const XmlAttribute& attribute : element.attributes) {
    if (attribute.name == "location" || attribute.name == "expr") continue;
    return chart_.Refuse(element, ScxmlRefusal::kAttribute,
                         absl::StrCat("the attribute ", attribute.name, " is not known here"));
  }
  if (expr != nullptr && (element.has_text() || !element.children.empty())) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "both expr and content");
  }
  const absl::StatusOr<EsTranslation> place = chart_.TranslateLocation(element, *location);
  if (!place.ok()) return place.status();
  const absl::StatusOr<EsTranslation> value =
      expr != nullptr ? chart_.TranslateValue(element, *expr) : chart_.TranslateText(element);
  if (!value.ok()) return value.status();
  AddAssign(*place, *value, actions);
  return absl::OkStatus();
}

absl::Status ScxmlContent::ImportScript(const XmlElement& element, Actions* actions) {
  if (element.Find("src") != nullptr) {
    return chart_.Refuse(element, ScxmlRefusal::kDataSrc, "a script from another file");
  }
  const auto script = chart_.ParseScript(element);
  if (!script.ok()) return script.status();
  for (const auto& [place_node, value_node] : *script) {
    const absl::StatusOr<EsTranslation> place = chart_.TranslatePlace(element, place_node);
    if (!place.ok()) return place.status();
    if (place->fails == EsFails::kAlways) {
      return chart_.Refuse(element, ScxmlRefusal::kScript,
                           absl::StrCat("declares a variable: ", EsRootName(place_node)));
    }
    const absl::StatusOr<EsTranslation> value = chart_.TranslateNode(element, value_node);
    if (!value.ok()) return value.status();
    AddAssign(*place, *value, actions);
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------- telling

absl::Status ScxmlContent::ImportRaise(const XmlElement& element, Actions* actions) {
  if (absl::Status status = chart_.CheckForm(element, {"event"}); !status.ok()) return status;
  if (!element.children.empty()) return chart_.RefuseElement(element.children[0]);
  const std::string* event = element.Find("event");
  const absl::StatusOr<std::string> name = EventName(element, event == nullptr ? "" : *event);
  if (!name.ok()) return name.status();
  actions->Add()->mutable_raise()->set_event(*name);
  return absl::OkStatus();
}

absl::Status ScxmlContent::ImportLog(const XmlElement& element, Actions* actions) {
  if (absl::Status status = chart_.CheckForm(element, {"label", "expr"}); !status.ok()) {
    return status;
  }
  if (!element.children.empty()) return chart_.RefuseElement(element.children[0]);
  std::vector<std::pair<std::string, std::string>> members;
  if (const std::string* label = element.Find("label")) {
    members.emplace_back("label", StringLiteral(*label));
  }
  if (const std::string* expr = element.Find("expr")) {
    // What a log shows of the event is the processor's choice.
    if (absl::StripAsciiWhitespace(*expr) == "_event") {
      members.emplace_back("value", "{'name': event.name, 'data': event.data}");
    } else {
      const absl::StatusOr<EsTranslation> value = chart_.TranslateValue(element, *expr);
      if (!value.ok()) return value.status();
      Note(value->fails);
      members.emplace_back("value", value->text);
    }
  }
  v1::Emit* emit = actions->Add()->mutable_emit();
  emit->set_name(kLogEvent);
  emit->set_data(MapText(members));
  return absl::OkStatus();
}

absl::Status ScxmlContent::ImportEmit(const XmlElement& element, Actions* actions) {
  if (absl::Status status = chart_.CheckForm(element, {"name", "data"}); !status.ok()) {
    return status;
  }
  if (!element.children.empty()) return chart_.RefuseElement(element.children[0]);
  const std::string* name = element.Find("name");
  const std::string* data = element.Find("data");
  if (name == nullptr) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "name is missing");
  }
  v1::Emit* emit = actions->Add()->mutable_emit();
  emit->set_name(*name);
  if (data == nullptr) return absl::OkStatus();
  const absl::StatusOr<EsTranslation> value = chart_.TranslateValue(element, *data);
  if (!value.ok()) return value.status();
  Note(value->fails);
  emit->set_data(value->text);
  return absl::OkStatus();
}

// ---------------------------------------------------------------- choices

// The branches of an <if> stand one after the other in it, parted by <elseif> and <else>.
absl::Status ScxmlContent::ImportIf(const XmlElement& element, Actions* actions) {
  if (absl::Status status = chart_.CheckForm(element, {"cond"}); !status.ok()) return status;
  v1::Choose* choose = actions->Add()->mutable_choose();
  if (absl::Status status = AddBranch(element, choose); !status.ok()) return status;
  bool has_else = false;
  for (const XmlElement& child : element.children) {
    const bool is_else = child.name == "else" && !child.foreign;
    absl::Status status;
    if (is_else || (child.name == "elseif" && !child.foreign)) {
      if (has_else) {
        return chart_.Refuse(child, ScxmlRefusal::kElement, "it stands after <else>");
      }
      has_else = is_else;
      if (!child.children.empty()) return chart_.RefuseElement(child.children[0]);
      status = is_else ? chart_.CheckForm(child, {}) : chart_.CheckForm(child, {"cond"});
      if (status.ok() && is_else) choose->add_branches();
      if (status.ok() && !is_else) status = AddBranch(child, choose);
    } else {
      v1::Choose::Branch* last = choose->mutable_branches(choose->branches_size() - 1);
      status = ImportAction(child, last->mutable_actions());
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ScxmlContent::AddBranch(const XmlElement& element, v1::Choose* choose) {
  const std::string* cond = element.Find("cond");
  if (cond == nullptr) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "cond is missing");
  }
  const absl::StatusOr<EsTranslation> guard = chart_.TranslateCondition(element, *cond);
  if (!guard.ok()) return guard.status();
  Note(guard->fails);
  choose->add_branches()->set_guard(guard->text);
  return absl::OkStatus();
}

// ---------------------------------------------------------------- sending

absl::StatusOr<std::string> ScxmlContent::Constant(const XmlElement& element,
                                                   absl::string_view attribute,
                                                   absl::string_view expression,
                                                   ScxmlRefusal refusal) {
  const std::string* value = element.Find(attribute);
  const std::string* computed = element.Find(expression);
  if (value != nullptr && computed != nullptr) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute,
                         absl::StrCat("both ", attribute, " and ", expression));
  }
  if (computed == nullptr) return value == nullptr ? std::string() : *value;
  const absl::StatusOr<EsNode> node = ParseEsExpression(*computed);
  if (node.ok() && node->kind == EsNode::Kind::kString) return node->text;
  return chart_.Refuse(element, refusal, absl::StrCat(expression, " must be a literal string"));
}

absl::StatusOr<std::string> ScxmlContent::EventName(const XmlElement& element,
                                                    absl::string_view name) {
  const absl::Status status = CheckEventName(name, "event");
  if (status.ok()) return std::string(name);
  return chart_.Refuse(element, ScxmlRefusal::kEvent, status.message());
}

// Only events to the machine itself: `internal` for those into its internal queue.
absl::Status ScxmlContent::CheckDestination(const XmlElement& element, bool* internal) {
  const absl::StatusOr<std::string> target =
      Constant(element, "target", "targetexpr", ScxmlRefusal::kSendTarget);
  if (!target.ok()) return target.status();
  const absl::StatusOr<std::string> type =
      Constant(element, "type", "typeexpr", ScxmlRefusal::kSendType);
  if (!type.ok()) return type.status();
  if (std::find(std::begin(kScxmlProcessors), std::end(kScxmlProcessors), *type) ==
      std::end(kScxmlProcessors)) {
    return chart_.Refuse(element, ScxmlRefusal::kSendType,
                         absl::StrCat("the event processor ", *type));
  }
  *internal = *target == kScxmlInternalTarget;
  if (*internal || target->empty()) return absl::OkStatus();
  return chart_.Refuse(element, ScxmlRefusal::kSendTarget,
                       absl::StrCat("an event to ", *target, ", not to the machine itself"));
}

absl::Status ScxmlContent::ImportSend(const XmlElement& element, Actions* actions) {
  if (absl::Status status = chart_.CheckForm(
          element, {"event", "eventexpr", "target", "targetexpr", "type", "typeexpr", "id",
                    "idlocation", "delay", "delayexpr", "namelist"});
      !status.ok()) {
    return status;
  }
  bool internal = false;
  if (absl::Status status = CheckDestination(element, &internal); !status.ok()) return status;
  if (element.Find("idlocation") != nullptr) {
    return chart_.Refuse(element, ScxmlRefusal::kIdLocation, "an id that is made at run time");
  }
  absl::StatusOr<std::string> event =
      Constant(element, "event", "eventexpr", ScxmlRefusal::kEventExpression);
  if (event.ok()) event = EventName(element, *event);
  if (!event.ok()) return event.status();
  const absl::StatusOr<std::string> data = ImportData(element);
  if (!data.ok()) return data.status();
  const bool delayed = element.Find("delay") != nullptr || element.Find("delayexpr") != nullptr;
  if (internal) {
    if (delayed) {
      return chart_.Refuse(element, ScxmlRefusal::kDelay, "an internal event can't be delayed");
    }
    v1::Raise* raise = actions->Add()->mutable_raise();
    raise->set_event(*event);
    raise->set_data(*data);
    return absl::OkStatus();
  }
  v1::Send* send = actions->Add()->mutable_send();
  send->set_event(*event);
  send->set_data(*data);
  if (const std::string* id = element.Find("id")) send->set_id(*id);
  return ImportDelay(element, send);
}

absl::Status ScxmlContent::ImportDelay(const XmlElement& element, v1::Send* send) {
  const std::string* delay = element.Find("delay");
  const std::string* computed = element.Find("delayexpr");
  if (delay != nullptr && computed != nullptr) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "both delay and delayexpr");
  }
  if (computed != nullptr) return ImportDelayExpression(element, *computed, send);
  if (delay == nullptr) {
    if (chart_.language() != ScxmlChart::Language::kSwoosh) send->mutable_delay();
    return absl::OkStatus();
  }
  if (ParseScxmlDelay(*delay, send->mutable_delay())) return absl::OkStatus();
  return chart_.Refuse(element, ScxmlRefusal::kDelay,
                       absl::StrCat("'", *delay, "' is no time: write 1.5s or 500ms"));
}

// SCXML's delays are texts with a unit, ours are seconds.
absl::Status ScxmlContent::ImportDelayExpression(const XmlElement& element, absl::string_view text,
                                                 v1::Send* send) {
  if (chart_.language() == ScxmlChart::Language::kSwoosh) {
    const absl::StatusOr<EsTranslation> seconds = chart_.TranslateValue(element, text);
    if (!seconds.ok()) return seconds.status();
    Note(seconds->fails);
    send->set_delay_expression(seconds->text);
    return absl::OkStatus();
  }
  const absl::StatusOr<EsNode> node = chart_.ParseExpression(element, text);
  if (!node.ok()) return node.status();
  if (node->kind == EsNode::Kind::kString && ParseScxmlDelay(node->text, send->mutable_delay())) {
    return absl::OkStatus();
  }
  const bool has_unit = node->kind == EsNode::Kind::kBinary && node->text == "+" &&
                        node->children[1].kind == EsNode::Kind::kString &&
                        (node->children[1].text == "s" || node->children[1].text == "ms");
  if (has_unit) {
    const absl::StatusOr<EsTranslation> number = chart_.TranslateNode(element, node->children[0]);
    if (!number.ok()) return number.status();
    if (number->kinds == kEsNumber) {
      Note(EsFails::kMay);  // below zero
      chart_.NoteFailure();
      send->set_delay_expression(node->children[1].text == "s"
                                     ? number->text
                                     : absl::StrCat("(", number->text, ") / 1000"));
      return absl::OkStatus();
    }
  }
  return chart_.Refuse(element, ScxmlRefusal::kDelay,
                       "a computed delay must be a number + 's' or + 'ms'");
}

absl::Status ScxmlContent::ImportCancel(const XmlElement& element, Actions* actions) {
  if (absl::Status status = chart_.CheckForm(element, {"sendid", "sendidexpr"}); !status.ok()) {
    return status;
  }
  if (!element.children.empty()) return chart_.RefuseElement(element.children[0]);
  const absl::StatusOr<std::string> id =
      Constant(element, "sendid", "sendidexpr", ScxmlRefusal::kSendIdExpression);
  if (!id.ok()) return id.status();
  if (id->empty()) return chart_.Refuse(element, ScxmlRefusal::kAttribute, "sendid is missing");
  actions->Add()->mutable_cancel()->set_id(*id);
  return absl::OkStatus();
}

// ---------------------------------------------------------------- data

absl::StatusOr<std::string> ScxmlContent::ImportDoneData(const XmlElement& element) {
  if (absl::Status status = chart_.CheckForm(element, {}); !status.ok()) return status;
  return ImportData(element);
}

absl::StatusOr<std::string> ScxmlContent::ImportData(const XmlElement& element) {
  std::vector<std::pair<std::string, std::string>> members;
  if (absl::Status status = ImportNameList(element, &members); !status.ok()) return status;
  const XmlElement* content = nullptr;
  for (const XmlElement& child : element.children) {
    const bool is_content = child.name == "content" && !child.foreign;
    if (!is_content && (child.name != "param" || child.foreign)) return chart_.RefuseElement(child);
    if (content != nullptr || (is_content && !members.empty())) {
      return chart_.Refuse(child, ScxmlRefusal::kElement, "<content> must stand alone");
    }
    if (is_content) {
      content = &child;
    } else if (absl::Status status = ImportParam(child, &members); !status.ok()) {
      return status;
    }
  }
  if (content != nullptr) return ImportContent(*content);
  return members.empty() ? std::string() : MapText(members);
}

absl::StatusOr<std::string> ScxmlContent::ImportContent(const XmlElement& element) {
  const std::string* expr = element.Find("expr");
  if (expr != nullptr) {
    if (absl::Status status = chart_.CheckForm(element, {"expr"}); !status.ok()) return status;
    if (!element.children.empty()) {
      return chart_.Refuse(element, ScxmlRefusal::kAttribute, "both expr and content");
    }
  } else if (!element.attributes.empty()) {
    return chart_.CheckForm(element, {});
  }
  const absl::StatusOr<EsTranslation> value =
      expr != nullptr ? chart_.TranslateValue(element, *expr) : chart_.TranslateText(element);
  if (!value.ok()) return value.status();
  Note(value->fails);
  return value->text;
}

absl::Status ScxmlContent::ImportNameList(
    const XmlElement& element, std::vector<std::pair<std::string, std::string>>* members) {
  for (const std::string& name : ScxmlWords(element.Find("namelist"))) {
    const absl::StatusOr<EsTranslation> value = chart_.TranslateValue(element, name);
    if (!value.ok()) return value.status();
    Note(value->fails);
    members->emplace_back(name, value->text);
  }
  return absl::OkStatus();
}

absl::Status ScxmlContent::ImportParam(const XmlElement& element,
                                       std::vector<std::pair<std::string, std::string>>* members) {
  if (absl::Status status = chart_.CheckForm(element, {"name", "expr", "location"}); !status.ok()) {
    return status;
  }
  if (!element.children.empty()) return chart_.RefuseElement(element.children[0]);
  const std::string* name = element.Find("name");
  const std::string* expr = element.Find("expr");
  const std::string* location = element.Find("location");
  if (name == nullptr || (expr == nullptr) == (location == nullptr)) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute,
                         "it needs a name, and either expr or location");
  }
  const auto same = [name](const auto& member) { return member.first == *name; };
  if (std::any_of(members->begin(), members->end(), same)) {
    return chart_.Refuse(element, ScxmlRefusal::kParam, absl::StrCat("'", *name, "' stands twice"));
  }
  const absl::StatusOr<EsTranslation> value =
      chart_.TranslateValue(element, expr != nullptr ? *expr : *location);
  if (!value.ok()) return value.status();
  if (value->fails == EsFails::kAlways) {
    return chart_.Refuse(element, ScxmlRefusal::kParam,
                         absl::StrCat("'", *name, "' always fails, and would be left out"));
  }
  Note(value->fails);
  members->emplace_back(*name, value->text);
  return absl::OkStatus();
}

}  // namespace swoosh
