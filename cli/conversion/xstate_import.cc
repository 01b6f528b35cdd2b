#include "cli/conversion/xstate_import.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/conversion/refusals.h"
#include "cli/conversion/xstate_actions.h"
#include "cli/conversion/xstate_chart.h"
#include "cli/conversion/xstate_transitions.h"
#include "cli/document.h"
#include "cli/message_reader.h"
#include "core/near_name.h"

namespace swoosh {
namespace {

constexpr absl::string_view kStateKeys[] = {
    "after", "always", "entry",  "exit",   "history", "id",   "initial",
    "on",    "onDone", "output", "states", "target",  "type",
};

// Why a member of a state is refused: what is known, by name.
absl::string_view ReasonAgainst(absl::string_view key) {
  static constexpr std::pair<absl::string_view, absl::string_view> kReasons[] = {
      {"invoke",
       "an actor can't be imported: emit a task on entry, and let a worker send the outcome as an "
       "event"},
      {"activities", "is XState v4; v5 has invoke, which can't be imported either"},
      {"key", "stands in a machine's definition; import its config, what createMachine takes"},
      {"order", "stands in a machine's definition; import its config, what createMachine takes"},
      {"transitions", "stands in a machine's definition; import its config"},
      {"data", "is XState v4; v5 calls it output"},
      {"route", "routable states can't be imported"},
  };
  for (const auto& [name, reason] : kReasons) {
    if (key == name) return reason;
  }
  return "";
}

class XStateImporter {
 public:
  XStateImporter(const Node& config, const XStateImportOptions& options, std::string name,
                 Refusals* refusals)
      : options_(options),
        refusals_(refusals),
        chart_(XStateChart::Read(config, name, refusals)),
        transitions_(&chart_, &options.dropped, refusals) {
    machine_.set_name(std::move(name));
  }

  v1::Machine Import() && {
    ReadContext();
    ConvertState(0, machine_.mutable_root());
    SetRootOutput();
    transitions_.SettleDifferences(machine_.mutable_root());
    return std::move(machine_);
  }

 private:
  const XStateState& state(int index) const { return chart_.states()[index]; }

  void ReadContext();
  void CheckMembers(int index);
  void ConvertState(int index, v1::StateNode* node);
  void SetInitial(int index, v1::StateNode* node);
  void SetHistory(int index, v1::StateNode* node);
  void AddHistoryDefaults(int index, v1::StateNode* node);
  void SetOutput(int index, v1::StateNode* node);
  void SetRootOutput();
  void RefuseMember(int index, absl::string_view key, absl::string_view why);

  const XStateImportOptions& options_;
  Refusals* const refusals_;
  const XStateChart chart_;
  XStateTransitions transitions_;
  v1::Machine machine_;
};

void XStateImporter::ReadContext() {
  const Node::Member* context = FindMember(*state(0).config, "context");
  if (context == nullptr) return;
  for (const Node::Member& member : context->value.members) {
    Node one;
    one.kind = Node::Kind::kMap;
    one.members.push_back(member);
    const absl::Status status = ReadStruct(one, "context", machine_.mutable_context());
    if (!status.ok()) refusals_->AddLocated(member.position, status.message());
  }
  if (context->value.kind != Node::Kind::kMap) {
    refusals_->Add(context->value.position, "context", "must be a map");
  }
}

// Refuses a member if the state has it.
void XStateImporter::RefuseMember(int index, absl::string_view key, absl::string_view why) {
  const Node::Member* member = FindMember(*state(index).config, key);
  if (member != nullptr) refusals_->Add(member->position, Below(state(index).where, key), why);
}

void XStateImporter::CheckMembers(int index) {
  for (const Node::Member& member : state(index).config->members) {
    const std::string& key = member.key;
    if (std::count(std::begin(kStateKeys), std::end(kStateKeys), key) > 0) continue;
    if (index == 0 && key == "context") continue;
    const std::string where = Below(state(index).where, key);
    if (std::count(std::begin(kXStateDroppable), std::end(kXStateDroppable), key) > 0 &&
        (key != "version" || index == 0)) {
      if (options_.dropped.contains(key)) continue;
      refusals_->Add(member.position, where,
                     absl::StrCat("a machine has no place for it; --drop ", key, " leaves it out"));
    } else if (const absl::string_view reason = ReasonAgainst(key); !reason.empty()) {
      refusals_->Add(member.position, where, reason);
    } else {
      refusals_->Add(member.position, where,
                     absl::StrCat("is not understood",
                                  DidYouMean(NearestName(key, absl::MakeConstSpan(kStateKeys)))));
    }
  }
}

void XStateImporter::ConvertState(int index, v1::StateNode* node) {
  const XStateState& source = state(index);
  CheckMembers(index);
  node->set_id(source.id);
  node->set_type(source.type);
  SetInitial(index, node);
  SetHistory(index, node);
  SetOutput(index, node);
  if (source.type == v1::StateNode::FINAL || source.type == v1::StateNode::HISTORY) {
    const absl::string_view why = source.type == v1::StateNode::FINAL
                                      ? "a final state takes no event and waits for nothing"
                                      : "a history state is never active";
    for (const char* key : {"on", "always", "after"}) RefuseMember(index, key, why);
  } else {
    transitions_.Convert(index, node);
  }
  for (const bool entry : {true, false}) {
    const char* key = entry ? "entry" : "exit";
    const Node::Member* member = FindMember(*source.config, key);
    if (member == nullptr) continue;
    if (source.type == v1::StateNode::HISTORY) {
      RefuseMember(index, key, "a history state is never active");
      continue;
    }
    ConvertXStateActions(member->value, Below(source.where, key), refusals_,
                         entry ? node->mutable_entry() : node->mutable_exit());
  }
  for (const int child : source.children) ConvertState(child, node->add_states());
}

void XStateImporter::SetInitial(int index, v1::StateNode* node) {
  const XStateState& source = state(index);
  const Node::Member* initial = FindMember(*source.config, "initial");
  const std::string where = Below(source.where, "initial");
  if (source.type != v1::StateNode::COMPOUND) {
    RefuseMember(index, "initial", "only a compound state begins in one of its states");
    return;
  }
  if (initial == nullptr) {
    refusals_->Add(source.position, where,
                   "is missing: a compound state names the state it begins in");
    return;
  }
  if (initial->value.kind != Node::Kind::kString) {
    refusals_->Add(initial->value.position, where,
                   "must be the name of a state in it; actions of an initial transition can't be "
                   "imported: put them into the state's entry");
    return;
  }
  const int child = chart_.FindChild(index, initial->value.text);
  if (child < 0) {
    refusals_->Add(initial->value.position, where,
                   absl::StrCat("there is no state '", initial->value.text, "' in it"));
    return;
  }
  node->add_initial(state(child).id);
}

void XStateImporter::SetHistory(int index, v1::StateNode* node) {
  const XStateState& source = state(index);
  const Node::Member* history = FindMember(*source.config, "history");
  if (source.type != v1::StateNode::HISTORY) {
    RefuseMember(index, "history", "only a state of type history remembers");
    RefuseMember(index, "target", "only a state of type history has a target of its own");
    return;
  }
  if (index == 0) {
    refusals_->Add(source.position, "type", "the root can't be a history state");
    return;
  }
  node->set_history(v1::StateNode::SHALLOW);
  if (history != nullptr) {
    const Node& value = history->value;
    if (value.kind == Node::Kind::kString && value.text == "deep") {
      node->set_history(v1::StateNode::DEEP);
    } else if (!(value.kind == Node::Kind::kString && value.text == "shallow") &&
               !(value.kind == Node::Kind::kBool && value.boolean)) {
      refusals_->Add(value.position, Below(source.where, "history"),
                     "must be \"shallow\" or \"deep\"");
    }
  }
  AddHistoryDefaults(index, node);
}

// Where a history leads that has nothing to remember: to its `target`, else to where its parent
// begins.
void XStateImporter::AddHistoryDefaults(int index, v1::StateNode* node) {
  const XStateState& source = state(index);
  const XStateState& parent = state(source.parent);
  const Node::Member* target = FindMember(*source.config, "target");
  if (target != nullptr) {
    const std::string where = Below(source.where, "target");
    for (const Node* item : ItemsOf(target->value)) {
      if (item->kind != Node::Kind::kString) {
        refusals_->Add(item->position, where, "must be the text of a target");
        continue;
      }
      const absl::StatusOr<int> found = chart_.ResolveHistoryTarget(index, item->text);
      if (!found.ok()) {
        refusals_->Add(item->position, where, found.status().message());
      } else if (!chart_.IsInside(*found, source.parent)) {
        refusals_->Add(item->position, where,
                       absl::StrCat("'", item->text, "' does not lie in the history's parent"));
      } else {
        node->add_initial(state(*found).id);
      }
    }
    return;
  }
  if (parent.type == v1::StateNode::COMPOUND) {
    const Node::Member* initial = FindMember(*parent.config, "initial");
    if (initial == nullptr || initial->value.kind != Node::Kind::kString) return;
    const int child = chart_.FindChild(source.parent, initial->value.text);
    if (child >= 0) node->add_initial(state(child).id);
    return;
  }
  for (const int child : parent.children) {
    if (state(child).type != v1::StateNode::HISTORY) node->add_initial(state(child).id);
  }
}

void XStateImporter::SetOutput(int index, v1::StateNode* node) {
  const XStateState& source = state(index);
  const Node::Member* output = FindMember(*source.config, "output");
  if (output == nullptr || index == 0) return;
  if (source.type != v1::StateNode::FINAL) {
    RefuseMember(index, "output", "only a final state has an output");
    return;
  }
  const bool of_machine = FindMember(*state(0).config, "output") != nullptr;
  if (source.parent == 0 && of_machine) {
    RefuseMember(index, "output", "the machine's output stands in its place");
    return;
  }
  node->set_output(ConstantExpression(output->value, Below(source.where, "output"), refusals_));
}

// A machine's output is that of the final state in which it ends.
void XStateImporter::SetRootOutput() {
  const Node::Member* output = FindMember(*state(0).config, "output");
  if (output == nullptr) return;
  const std::string literal = ConstantExpression(output->value, "output", refusals_);
  bool is_set = false;
  for (v1::StateNode& child : *machine_.mutable_root()->mutable_states()) {
    if (child.type() != v1::StateNode::FINAL) continue;
    child.set_output(literal);
    is_set = true;
  }
  if (!is_set)
    RefuseMember(0, "output", "there is no final state at the top in which it could end");
}

}  // namespace

absl::StatusOr<v1::Machine> ImportXState(absl::string_view path, absl::string_view text,
                                         const XStateImportOptions& options) {
  const absl::StatusOr<Node> config = ParseJson(text);
  if (!config.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", config.status().message()));
  }
  Refusals refusals(path);
  if (config->kind != Node::Kind::kMap) {
    refusals.Add(config->position, "",
                 absl::StrCat("an XState config is a map, not ", KindName(config->kind)));
    return refusals.ToStatus();
  }
  std::string name = options.name;
  const Node::Member* id = FindMember(*config, "id");
  if (name.empty() && id != nullptr && id->value.kind == Node::Kind::kString) {
    name = CleanName(id->value.text);
  }
  if (name.empty()) {
    refusals.Add(config->position, "id", "is missing: give the machine a name with --name");
    return refusals.ToStatus();
  }
  v1::Machine machine = XStateImporter(*config, options, name, &refusals).Import();
  if (!refusals.empty()) return refusals.ToStatus();
  return machine;
}

}  // namespace swoosh
