#include "cli/conversion/machine_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace swoosh {
namespace {

std::string Call(absl::string_view verb, absl::string_view name, absl::string_view data) {
  return absl::StrCat(verb, " ", name, data.empty() ? "" : " ", data);
}

std::string SendText(const v1::Send& send) {
  std::string text = Call("send", send.event(), send.data());
  if (!send.id().empty()) absl::StrAppend(&text, " as ", send.id());
  if (send.has_delay()) absl::StrAppend(&text, " after ", DelayText(send.delay()));
  if (!send.delay_expression().empty()) {
    absl::StrAppend(&text, " after (", send.delay_expression(), ") s");
  }
  return text;
}

std::string ChooseText(const v1::Choose& choose) {
  return absl::StrJoin(choose.branches(), " else ",
                       [](std::string* out, const v1::Choose::Branch& branch) {
                         if (!branch.guard().empty()) {
                           absl::StrAppend(out, "if (", branch.guard(), ") ");
                         }
                         absl::StrAppend(out, "{ ", ActionsText(branch.actions()), " }");
                       });
}

}  // namespace

v1::StateNode::Type TypeOf(const v1::StateNode& state) {
  if (state.type() != v1::StateNode::TYPE_UNSPECIFIED) return state.type();
  const bool compound = state.states_size() > 0 || state.initial_size() > 0;
  return compound ? v1::StateNode::COMPOUND : v1::StateNode::ATOMIC;
}

std::string SecondsText(const google::protobuf::Duration& duration) {
  std::string text = absl::StrCat(duration.seconds());
  if (duration.nanos() != 0) {
    absl::StrAppendFormat(&text, ".%09d", duration.nanos());
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "s";
}

std::string DelayText(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(absl::Seconds(duration.seconds()) +
                              absl::Nanoseconds(duration.nanos()));
}

std::string ActionText(const v1::Action& action) {
  switch (action.kind_case()) {
    case v1::Action::kAssign:
      return absl::StrCat(action.assign().location(), " = ", action.assign().value());
    case v1::Action::kRaise:
      return Call("raise", action.raise().event(), action.raise().data());
    case v1::Action::kSend:
      return SendText(action.send());
    case v1::Action::kCancel:
      return absl::StrCat("cancel ", action.cancel().id());
    case v1::Action::kEmit:
      return Call("emit", action.emit().name(), action.emit().data());
    case v1::Action::kChoose:
      return ChooseText(action.choose());
    case v1::Action::KIND_NOT_SET:
      break;
  }
  return "";
}

std::string ActionsText(const google::protobuf::RepeatedPtrField<v1::Action>& actions) {
  return absl::StrJoin(actions, ", ", [](std::string* out, const v1::Action& action) {
    absl::StrAppend(out, ActionText(action));
  });
}

std::string EdgeText(const v1::Edge& edge) {
  std::string text = edge.event();
  if (edge.has_delay()) absl::StrAppend(&text, "after ", DelayText(edge.delay()));
  if (!edge.delay_expression().empty()) {
    absl::StrAppend(&text, "after (", edge.delay_expression(), ") s");
  }
  std::string guard = edge.guard();
  if (!edge.external_guard().empty()) {
    absl::StrAppend(&guard, guard.empty() ? "" : " && ", edge.external_guard(), "?");
  }
  if (!guard.empty()) absl::StrAppend(&text, text.empty() ? "" : " ", "[", guard, "]");
  if (!edge.actions().empty()) {
    absl::StrAppend(&text, text.empty() ? "" : " ", "/ ", ActionsText(edge.actions()));
  }
  return text;
}

}  // namespace swoosh
