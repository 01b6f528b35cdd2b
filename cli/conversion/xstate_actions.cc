#include "cli/conversion/xstate_actions.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/conversion/literal.h"
#include "cli/conversion/xstate_chart.h"
#include "core/limits.h"
#include "core/names.h"

namespace swoosh {
namespace {

using Actions = google::protobuf::RepeatedPtrField<v1::Action>;

constexpr int64_t kMillisecondsMax = kDelaySecondsMax * 1'000;
constexpr size_t kNanosecondDigitsMax = 6;  // of a millisecond

// An action as XState has it: its type and the map around it, nullptr for a mere name.
struct Source {
  std::string type;
  const Node* map = nullptr;
  const Node* node = nullptr;
  std::string where;
};

// A member of the action, or of its `params`.
const Node::Member* FindArgument(const Source& source, absl::string_view key) {
  if (const Node::Member* member = FindMember(*source.map, key)) return member;
  const Node::Member* params = FindMember(*source.map, "params");
  if (params == nullptr || params->value.kind != Node::Kind::kMap) return nullptr;
  return FindMember(params->value, key);
}

// Refuses the members that nothing was made of.
void RefuseOthers(const Node& map, const std::vector<absl::string_view>& known,
                  absl::string_view where, Refusals* refusals) {
  for (const Node::Member& member : map.members) {
    bool is_known = false;
    for (absl::string_view key : known) is_known = is_known || member.key == key;
    if (!is_known) refusals->Add(member.position, Below(where, member.key), "is not understood");
  }
}

void RefuseOtherArguments(const Source& source, std::vector<absl::string_view> known,
                          Refusals* refusals) {
  const Node::Member* params = FindMember(*source.map, "params");
  if (params != nullptr && params->value.kind == Node::Kind::kMap) {
    RefuseOthers(params->value, known, Below(source.where, "params"), refusals);
  } else if (params != nullptr) {
    refusals->Add(params->value.position, Below(source.where, "params"), "must be a map");
  }
  known.push_back("type");
  known.push_back("params");
  RefuseOthers(*source.map, known, source.where, refusals);
}

// An event's name, and its other members as data: "" when there are none.
struct EventSource {
  std::string name;
  std::string data;
};
std::optional<EventSource> ReadEvent(const Source& source, Refusals* refusals) {
  const Node::Member* member = FindArgument(source, "event");
  const std::string where = Below(source.where, "event");
  if (member == nullptr) {
    refusals->Add(source.node->position, where,
                  "is missing; an event that a function makes can't be imported");
    return std::nullopt;
  }
  EventSource event;
  const Node& node = member->value;
  const Node* name = &node;
  if (node.kind == Node::Kind::kMap) {
    const Node::Member* type = FindMember(node, "type");
    if (type != nullptr) name = &type->value;
    Node data;
    data.kind = Node::Kind::kMap;
    for (const Node::Member& each : node.members) {
      if (each.key != "type") data.members.push_back(each);
    }
    if (!data.members.empty()) event.data = ConstantExpression(data, where, refusals);
  }
  if (name->kind != Node::Kind::kString) {
    refusals->Add(node.position, where, "must be an event's name, or a map with its `type`");
    return std::nullopt;
  }
  event.name = name->text;
  if (!CheckXStateName(event.name, "event", name->position, where, refusals)) return std::nullopt;
  return event;
}

void ConvertRaise(const Source& source, Refusals* refusals, Actions* actions) {
  RefuseOtherArguments(source, {"event", "delay", "id"}, refusals);
  const std::optional<EventSource> event = ReadEvent(source, refusals);
  if (!event.has_value()) return;
  const Node::Member* delay = FindArgument(source, "delay");
  const Node::Member* id = FindArgument(source, "id");
  if (delay == nullptr) {
    if (id != nullptr) {
      refusals->Add(id->position, Below(source.where, "id"), "only a delayed event has one");
      return;
    }
    v1::Raise* raise = actions->Add()->mutable_raise();
    raise->set_event(event->name);
    raise->set_data(event->data);
    return;
  }
  const auto duration = delay->value.kind == Node::Kind::kNumber
                            ? ParseMilliseconds(delay->value.text)
                            : std::nullopt;
  if (!duration.has_value()) {
    refusals->Add(delay->value.position, Below(source.where, "delay"),
                  "must be a number of milliseconds, not negative and at most 100 years");
    return;
  }
  if (id != nullptr && id->value.kind != Node::Kind::kString) {
    refusals->Add(id->value.position, Below(source.where, "id"), "must be text");
    return;
  }
  v1::Send* send = actions->Add()->mutable_send();
  send->set_event(event->name);
  send->set_data(event->data);
  *send->mutable_delay() = *duration;
  if (id != nullptr) send->set_id(id->value.text);
}

void ConvertCancel(const Source& source, Refusals* refusals, Actions* actions) {
  RefuseOtherArguments(source, {"sendId"}, refusals);
  const Node::Member* id = FindArgument(source, "sendId");
  if (id == nullptr || id->value.kind != Node::Kind::kString || id->value.text.empty()) {
    refusals->Add(source.node->position, Below(source.where, "sendId"),
                  "must be the id of a delayed event");
    return;
  }
  actions->Add()->mutable_cancel()->set_id(id->value.text);
}

void ConvertEmit(const Source& source, Refusals* refusals, Actions* actions) {
  RefuseOtherArguments(source, {"event"}, refusals);
  const std::optional<EventSource> event = ReadEvent(source, refusals);
  if (!event.has_value()) return;
  v1::Emit* emit = actions->Add()->mutable_emit();
  emit->set_name(event->name);
  emit->set_data(event->data);
}

// An action that XState knows by name only: whoever runs the machine does it.
void ConvertNamed(const Source& source, Refusals* refusals, Actions* actions) {
  if (!CheckXStateName(source.type, "action", source.node->position, source.where, refusals)) {
    return;
  }
  v1::Emit* emit = actions->Add()->mutable_emit();
  emit->set_name(source.type);
  if (source.map == nullptr) return;
  RefuseOthers(*source.map, {"type", "params"}, source.where, refusals);
  if (const Node::Member* params = FindMember(*source.map, "params")) {
    emit->set_data(ConstantExpression(params->value, Below(source.where, "params"), refusals));
  }
}

void ConvertAction(const Source& source, Refusals* refusals, Actions* actions) {
  if (source.map != nullptr) {
    if (source.type == "xstate.raise" ||
        (source.type == "raise" && FindArgument(source, "event"))) {
      return ConvertRaise(source, refusals, actions);
    }
    if (source.type == "xstate.cancel") return ConvertCancel(source, refusals, actions);
    if (source.type == "xstate.emit") return ConvertEmit(source, refusals, actions);
  }
  const absl::string_view type = source.type;
  if (type == "xstate.assign" || (source.map != nullptr && FindMember(*source.map, "assignment"))) {
    refusals->Add(source.node->position, source.where,
                  "assign computes in JavaScript, which can't be imported: write an `assign` with "
                  "an expression in its place after the import");
  } else if (absl::StartsWith(type, "xstate.")) {
    refusals->Add(source.node->position, source.where,
                  absl::StrCat("the action ", type,
                               " can't be imported; xstate.raise, xstate.cancel and xstate.emit "
                               "can, and actions by name"));
  } else {
    ConvertNamed(source, refusals, actions);
  }
}

}  // namespace

void ConvertXStateActions(const Node& node, absl::string_view where, Refusals* refusals,
                          Actions* actions) {
  const std::vector<const Node*> items = ItemsOf(node);
  for (size_t i = 0; i < items.size(); ++i) {
    Source source;
    source.node = items[i];
    source.where =
        node.kind == Node::Kind::kList ? absl::StrCat(where, "[", i, "]") : std::string(where);
    const Node& item = *items[i];
    if (item.kind == Node::Kind::kString) {
      source.type = item.text;
    } else if (item.kind == Node::Kind::kMap) {
      const Node::Member* type = FindMember(item, "type");
      if (type != nullptr && type->value.kind == Node::Kind::kString) {
        source.type = type->value.text;
      }
      source.map = &item;
    }
    if (item.kind == Node::Kind::kNull) {
      refusals->Add(item.position, source.where,
                    "null: a function, most likely, which JSON can't hold; name the action");
    } else if (source.type.empty()) {
      refusals->Add(item.position, source.where,
                    "must be the name of an action, or a map with its `type`");
    } else {
      ConvertAction(source, refusals, actions);
    }
  }
}

bool CheckXStateName(absl::string_view name, absl::string_view what, const Position& position,
                     absl::string_view where, Refusals* refusals) {
  if (!CheckEventName(name, "").ok()) {
    refusals->Add(position, where,
                  absl::StrCat("an ", what, "'s name has 1 to ", kEventNameBytesMax,
                               " bytes and no white space"));
    return false;
  }
  if (what != "event") return true;
  const std::vector<absl::string_view> tokens = absl::StrSplit(name, '.');
  for (absl::string_view token : tokens) {
    if (!token.empty() && !absl::StrContains(token, "*")) continue;
    refusals->Add(position, where,
                  absl::StrCat("'", name,
                               "' can't be an event's name here: no part between dots "
                               "may be empty or have a '*'"));
    return false;
  }
  if (IsReservedEvent(name) || absl::StartsWith(name, "xstate.")) {
    refusals->Add(position, where,
                  absl::StrCat("'", name, "' is an event that only the interpreter sends"));
    return false;
  }
  return true;
}

std::optional<google::protobuf::Duration> ParseMilliseconds(absl::string_view text) {
  std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('.', 1));
  const absl::string_view digits = "0123456789";
  const bool plain = !parts.first.empty() && parts.first.find_first_not_of(digits) == text.npos &&
                     parts.second.find_first_not_of(digits) == text.npos &&
                     parts.second.size() <= kNanosecondDigitsMax &&
                     (parts.second.empty() != absl::StrContains(text, "."));
  int64_t milliseconds = 0;
  if (!plain || !absl::SimpleAtoi(parts.first, &milliseconds) || milliseconds > kMillisecondsMax) {
    return std::nullopt;
  }
  std::string fraction(parts.second);
  fraction.resize(kNanosecondDigitsMax, '0');
  int32_t nanoseconds = 0;
  if (!absl::SimpleAtoi(fraction, &nanoseconds)) return std::nullopt;
  google::protobuf::Duration duration;
  duration.set_seconds(milliseconds / 1'000);
  duration.set_nanos(static_cast<int32_t>(milliseconds % 1'000) * 1'000'000 + nanoseconds);
  return duration;
}

std::string ConstantExpression(const Node& node, absl::string_view where, Refusals* refusals) {
  const absl::StatusOr<std::string> literal = JsonLiteral(node);
  if (literal.ok()) return *literal;
  refusals->Add(node.position, where, literal.status().message());
  return "null";
}

}  // namespace swoosh
