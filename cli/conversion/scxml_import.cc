#include "cli/conversion/scxml_import.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/conversion/scxml_chart.h"
#include "cli/conversion/scxml_content.h"
#include "cli/conversion/scxml_document.h"
#include "cli/conversion/scxml_refusal.h"
#include "cli/conversion/scxml_vocabulary.h"
#include "core/limits.h"
#include "core/statechart/machine.h"
#include "core/struct_value.h"

namespace swoosh {
namespace {

constexpr char kErrorEvent[] = "error.execution";
constexpr char kVersion[] = "1.0";
constexpr char kNamespace[] = "default";  // what the compiler is told; it has no meaning here

// `text` with what can't stand in a name replaced; `otherwise` when nothing is left.
std::string Sanitised(absl::string_view text, absl::string_view otherwise) {
  std::string name;
  for (const char c : text.substr(0, kMachineNameBytesMax)) {
    name.push_back(absl::ascii_isalnum(c) || absl::StrContains("._~-", c) ? c : '-');
  }
  return name.empty() ? std::string(otherwise) : name;
}

// "dir/order.scxml" is order.
absl::string_view Stem(absl::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  if (path == "-") return "";
  const size_t dot = path.rfind('.');
  return dot == absl::string_view::npos || dot == 0 ? path : path.substr(0, dot);
}

class Importer {
 public:
  Importer(absl::string_view path, const XmlElement& document)
      : path_(path), document_(document), chart_(path, document), content_(&chart_) {}

  absl::StatusOr<v1::Machine> Import();

 private:
  absl::Status ImportOurs(v1::Machine* machine);
  absl::Status ImportRoot(v1::StateNode* root);
  absl::Status ImportFailingData(v1::StateNode* root);
  absl::Status ImportState(const XmlElement& element, v1::StateNode* state);
  absl::Status ImportAtomicOrCompound(const XmlElement& element, v1::StateNode* state);
  absl::Status ImportFinal(const XmlElement& element, v1::StateNode* state);
  absl::Status ImportHistory(const XmlElement& element, v1::StateNode* state);
  // What may stand in a state beside its children that are states.
  absl::Status ImportChildren(const XmlElement& element, v1::StateNode* state);
  absl::Status ImportInitial(const XmlElement& element, v1::StateNode* state);
  absl::Status ImportInitialElement(const XmlElement& element, v1::StateNode* state);
  absl::Status ImportTransition(const XmlElement& element, v1::StateNode* state);
  absl::Status ImportEvent(const XmlElement& element, v1::Edge* edge);
  absl::Status ImportAfter(const XmlElement& element, v1::Edge* edge);
  absl::Status ImportTargets(const XmlElement& element, const std::string* words,
                             google::protobuf::RepeatedPtrField<std::string>* targets);
  // The blocks of all <onentry>, or all <onexit>, of an element as one.
  absl::Status ImportBlocks(const XmlElement& element, absl::string_view name,
                            ScxmlContent::Actions* actions);
  // A lone <transition> that says where to begin.
  absl::StatusOr<const XmlElement*> DefaultTransition(const XmlElement& element,
                                                      ScxmlRefusal with_content);

  const std::string path_;
  const XmlElement& document_;
  ScxmlChart chart_;
  ScxmlContent content_;
};

absl::StatusOr<v1::Machine> Importer::Import() {
  if (absl::Status status = chart_.Read(); !status.ok()) return status;
  v1::Machine machine;
  const std::string* name = document_.Find("name");
  machine.set_name(Sanitised(name != nullptr ? absl::string_view(*name) : Stem(path_), "machine"));
  if (!chart_.context().as_map().empty()) ToStruct(chart_.context(), machine.mutable_context());
  v1::StateNode* root = machine.mutable_root();
  const bool is_ours = chart_.language() == ScxmlChart::Language::kSwoosh;
  root->set_id(is_ours ? chart_.swoosh_root_id()
                       : chart_.UnusedId(name != nullptr ? Sanitised(*name, "scxml") : "scxml"));
  if (absl::Status status = ImportRoot(root); !status.ok()) return status;
  if (is_ours) {
    if (absl::Status status = ImportOurs(&machine); !status.ok()) return status;
  } else if (chart_.may_fail()) {
    root->add_on()->set_event(kErrorEvent);
  }
  const absl::Status compiled = Machine::Compile(kNamespace, machine, 1, "machine").status();
  if (!compiled.ok()) {
    return chart_.Refuse(document_, ScxmlRefusal::kMachine, compiled.message());
  }
  return machine;
}

// What is on <scxml> only in our own language: a root that is a state, and the retention.
absl::Status Importer::ImportOurs(v1::Machine* machine) {
  if (const std::string* retention = document_.Find(kSwooshRetention)) {
    if (!ParseScxmlDelay(*retention, machine->mutable_retention())) {
      return chart_.Refuse(document_, ScxmlRefusal::kAttribute, "the retention is no time");
    }
  }
  for (const XmlElement& child : document_.children) {
    const std::string* is_root = child.Find(kSwooshRoot);
    if (is_root == nullptr) continue;
    if (*is_root != "true" || machine->root().states_size() != 1) {
      return chart_.Refuse(child, ScxmlRefusal::kElement, "the root must be the only state");
    }
    v1::StateNode root = machine->root().states(0);
    *machine->mutable_root() = std::move(root);
  }
  return absl::OkStatus();
}

absl::Status Importer::ImportRoot(v1::StateNode* root) {
  if (absl::Status status = chart_.CheckForm(document_, {"initial", "name", "version", "datamodel",
                                                         "binding", kSwooshRoot, kSwooshRetention});
      !status.ok()) {
    return status;
  }
  const std::string* version = document_.Find("version");
  if (version != nullptr && *version != kVersion) {
    return chart_.Refuse(document_, ScxmlRefusal::kAttribute, "version must be 1.0");
  }
  root->set_type(v1::StateNode::COMPOUND);
  if (absl::Status status = ImportFailingData(root); !status.ok()) return status;
  if (absl::Status status = ImportChildren(document_, root); !status.ok()) return status;
  if (root->states().empty()) {
    return chart_.Refuse(document_, ScxmlRefusal::kElement, "it has no state");
  }
  return ImportInitial(document_, root);
}

// A value that can't be computed leaves its variable without one and raises error.execution, which
// here is done first of all.
absl::Status Importer::ImportFailingData(v1::StateNode* root) {
  for (const ScxmlChart::FailingData& data : chart_.failing_data()) {
    if (root->entry_size() > 0) {
      return chart_.Refuse(*data.element, ScxmlRefusal::kSeveralBlocks,
                           "a second value that can't be computed");
    }
    v1::Assign* assign = root->add_entry()->mutable_assign();
    assign->set_location(data.location);
    assign->set_value(data.value);
  }
  return absl::OkStatus();
}

absl::Status Importer::ImportState(const XmlElement& element, v1::StateNode* state) {
  state->set_id(chart_.IdOf(element));
  if (element.name == "final") return ImportFinal(element, state);
  if (element.name == "history") return ImportHistory(element, state);
  return ImportAtomicOrCompound(element, state);
}

absl::Status Importer::ImportAtomicOrCompound(const XmlElement& element, v1::StateNode* state) {
  const bool parallel = element.name == "parallel";
  if (absl::Status status = parallel ? chart_.CheckForm(element, {"id", kSwooshRoot})
                                     : chart_.CheckForm(element, {"id", "initial", kSwooshRoot});
      !status.ok()) {
    return status;
  }
  if (absl::Status status = ImportChildren(element, state); !status.ok()) return status;
  const bool has_children = std::any_of(
      state->states().begin(), state->states().end(),
      [](const v1::StateNode& child) { return child.type() != v1::StateNode::HISTORY; });
  if (!has_children) {
    if (!state->states().empty() || element.Find("initial") != nullptr ||
        !state->initial().empty()) {
      return chart_.Refuse(element, ScxmlRefusal::kElement, "it has no states");
    }
    state->set_type(v1::StateNode::ATOMIC);
    return absl::OkStatus();
  }
  state->set_type(parallel ? v1::StateNode::PARALLEL : v1::StateNode::COMPOUND);
  return parallel ? absl::OkStatus() : ImportInitial(element, state);
}

absl::Status Importer::ImportFinal(const XmlElement& element, v1::StateNode* state) {
  state->set_type(v1::StateNode::FINAL);
  if (absl::Status status = chart_.CheckForm(element, {"id"}); !status.ok()) return status;
  bool has_data = false;
  for (const XmlElement& child : element.children) {
    if (child.name == "donedata" && !child.foreign) {
      if (has_data) return chart_.Refuse(child, ScxmlRefusal::kElement, "a second one");
      has_data = true;
      const absl::StatusOr<std::string> output = content_.ImportDoneData(child);
      if (!output.ok()) return output.status();
      state->set_output(*output);
    } else if ((child.name != "onentry" && child.name != "onexit") || child.foreign) {
      return chart_.RefuseElement(child);
    }
  }
  if (absl::Status status = ImportBlocks(element, "onentry", state->mutable_entry());
      !status.ok()) {
    return status;
  }
  return ImportBlocks(element, "onexit", state->mutable_exit());
}

absl::Status Importer::ImportHistory(const XmlElement& element, v1::StateNode* state) {
  state->set_type(v1::StateNode::HISTORY);
  if (absl::Status status = chart_.CheckForm(element, {"id", "type"}); !status.ok()) return status;
  const std::string* type = element.Find("type");
  if (type != nullptr && *type != "shallow" && *type != "deep") {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "type is 'shallow' or 'deep'");
  }
  const bool deep = type != nullptr && *type == "deep";
  state->set_history(deep ? v1::StateNode::DEEP : v1::StateNode::SHALLOW);
  if (element.children.empty()) {
    return chart_.Refuse(element, ScxmlRefusal::kHistoryDefault, "it has no default transition");
  }
  const absl::StatusOr<const XmlElement*> transition =
      DefaultTransition(element, ScxmlRefusal::kHistoryContent);
  if (!transition.ok()) return transition.status();
  return ImportTargets(**transition, (*transition)->Find("target"), state->mutable_initial());
}

absl::StatusOr<const XmlElement*> Importer::DefaultTransition(const XmlElement& element,
                                                              ScxmlRefusal with_content) {
  if (element.children.size() != 1) {
    return chart_.Refuse(element, ScxmlRefusal::kElement, "it needs exactly one <transition>");
  }
  const XmlElement& transition = element.children[0];
  if (transition.name != "transition" || transition.foreign) {
    return chart_.RefuseElement(transition);
  }
  if (absl::Status status = chart_.CheckForm(transition, {"target", "type"}); !status.ok()) {
    return status;
  }
  if (transition.Find("target") == nullptr) {
    return chart_.Refuse(transition, ScxmlRefusal::kTarget, "target is missing");
  }
  if (!transition.children.empty()) {
    return chart_.Refuse(transition.children[0], with_content,
                         "a default transition has no actions here");
  }
  return &transition;
}

absl::Status Importer::ImportChildren(const XmlElement& element, v1::StateNode* state) {
  for (const XmlElement& child : element.children) {
    absl::Status status;
    if (child.foreign) {
      status = chart_.RefuseElement(child);
    } else if (IsScxmlState(child)) {
      status = ImportState(child, state->add_states());
    } else if (child.name == "transition") {
      status = ImportTransition(child, state);
    } else if (child.name == "initial" && element.name == "state") {
      status = ImportInitialElement(child, state);
    } else if (child.name != "datamodel" &&
               ((child.name != "onentry" && child.name != "onexit") || &element == &document_)) {
      status = chart_.RefuseElement(child);
    }
    if (!status.ok()) return status;
  }
  if (absl::Status status = ImportBlocks(element, "onentry", state->mutable_entry());
      !status.ok()) {
    return status;
  }
  return ImportBlocks(element, "onexit", state->mutable_exit());
}

absl::Status Importer::ImportInitialElement(const XmlElement& element, v1::StateNode* state) {
  if (!state->initial().empty()) {
    return chart_.Refuse(element, ScxmlRefusal::kElement, "a second one");
  }
  if (absl::Status status = chart_.CheckForm(element, {}); !status.ok()) return status;
  const absl::StatusOr<const XmlElement*> transition =
      DefaultTransition(element, ScxmlRefusal::kInitialContent);
  if (!transition.ok()) return transition.status();
  return ImportTargets(**transition, (*transition)->Find("target"), state->mutable_initial());
}

// Where to begin: the attribute, the element (read before), or the first child.
absl::Status Importer::ImportInitial(const XmlElement& element, v1::StateNode* state) {
  const std::string* initial = element.Find("initial");
  if (initial != nullptr) {
    if (!state->initial().empty()) {
      return chart_.Refuse(element, ScxmlRefusal::kAttribute,
                           "both the attribute and the element initial");
    }
    return ImportTargets(element, initial, state->mutable_initial());
  }
  if (!state->initial().empty()) return absl::OkStatus();
  if (state->states(0).type() == v1::StateNode::HISTORY) {
    return chart_.Refuse(element, ScxmlRefusal::kTarget,
                         "say where to begin: the first state in it is a history");
  }
  state->add_initial(state->states(0).id());
  return absl::OkStatus();
}

absl::Status Importer::ImportTargets(const XmlElement& element, const std::string* words,
                                     google::protobuf::RepeatedPtrField<std::string>* targets) {
  for (const std::string& target : ScxmlWords(words)) {
    if (!chart_.HasState(target)) {
      return chart_.Refuse(element, ScxmlRefusal::kTarget,
                           absl::StrCat("there is no state '", target, "'"));
    }
    targets->Add(std::string(target));
  }
  if (words == nullptr || !targets->empty()) return absl::OkStatus();
  return chart_.Refuse(element, ScxmlRefusal::kTarget, "it names no state");
}

absl::Status Importer::ImportTransition(const XmlElement& element, v1::StateNode* state) {
  if (absl::Status status =
          chart_.CheckForm(element, {"event", "cond", "target", "type", kSwooshAfter,
                                     kSwooshAfterExpression, kSwooshExternalGuard, kSwooshEdgeId});
      !status.ok()) {
    return status;
  }
  const std::string* event = element.Find("event");
  const std::string* cond = element.Find("cond");
  const std::string* type = element.Find("type");
  if (event == nullptr && cond == nullptr && element.Find("target") == nullptr &&
      element.children.empty()) {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "it needs an event, cond or target");
  }
  if (type != nullptr && *type != "internal" && *type != "external") {
    return chart_.Refuse(element, ScxmlRefusal::kAttribute, "type is 'internal' or 'external'");
  }
  const bool after =
      element.Find(kSwooshAfter) != nullptr || element.Find(kSwooshAfterExpression) != nullptr;
  v1::Edge* edge = after              ? state->add_after()
                   : event != nullptr ? state->add_on()
                                      : state->add_always();
  if (absl::Status status = after ? ImportAfter(element, edge) : ImportEvent(element, edge);
      !status.ok()) {
    return status;
  }
  if (cond != nullptr) {
    const absl::StatusOr<EsTranslation> guard = chart_.TranslateCondition(element, *cond);
    if (!guard.ok()) return guard.status();
    edge->set_guard(guard->text);
  }
  if (const std::string* guard = element.Find(kSwooshExternalGuard)) {
    edge->set_external_guard(*guard);
  }
  if (const std::string* id = element.Find(kSwooshEdgeId)) edge->set_id(*id);
  edge->set_internal(type != nullptr && *type == "internal");
  if (absl::Status status = ImportTargets(element, element.Find("target"), edge->mutable_target());
      !status.ok()) {
    return status;
  }
  return content_.ImportBlock(element, edge->mutable_actions());
}

absl::Status Importer::ImportEvent(const XmlElement& element, v1::Edge* edge) {
  const std::string* event = element.Find("event");
  if (event == nullptr) return absl::OkStatus();
  std::vector<std::string> descriptors = ScxmlWords(event);
  if (descriptors.empty()) {
    return chart_.Refuse(element, ScxmlRefusal::kEvent, "event names no event");
  }
  for (std::string& descriptor : descriptors) {
    if (chart_.language() == ScxmlChart::Language::kSwoosh) break;
    // "a." is "a.*", which is "a"; and ".*" is every event.
    while (absl::EndsWith(descriptor, ".") || absl::EndsWith(descriptor, ".*")) {
      descriptor.resize(descriptor.rfind('.'));
    }
    if (descriptor.empty()) descriptor.push_back('*');
  }
  edge->set_event(absl::StrJoin(descriptors, " "));
  return absl::OkStatus();
}

absl::Status Importer::ImportAfter(const XmlElement& element, v1::Edge* edge) {
  const std::string* delay = element.Find(kSwooshAfter);
  if (delay != nullptr) {
    if (ParseScxmlDelay(*delay, edge->mutable_delay())) return absl::OkStatus();
    return chart_.Refuse(element, ScxmlRefusal::kDelay, absl::StrCat("'", *delay, "' is no time"));
  }
  const absl::StatusOr<EsTranslation> seconds =
      chart_.TranslateValue(element, *element.Find(kSwooshAfterExpression));
  if (!seconds.ok()) return seconds.status();
  edge->set_delay_expression(seconds->text);
  return absl::OkStatus();
}

// SCXML goes on with the next block when one fails; here an action that fails ends them all.
absl::Status Importer::ImportBlocks(const XmlElement& element, absl::string_view name,
                                    ScxmlContent::Actions* actions) {
  bool fails = false;
  for (const XmlElement& child : element.children) {
    if (child.name != name || child.foreign) continue;
    if (absl::Status status = chart_.CheckForm(child, {}); !status.ok()) return status;
    if (fails && !child.children.empty()) {
      return chart_.Refuse(
          child, ScxmlRefusal::kSeveralBlocks,
          absl::StrCat("a second <", name, ">, which runs even if the one before fails"));
    }
    bool may_fail = false;
    if (absl::Status status = content_.ImportBlock(child, actions, &may_fail); !status.ok()) {
      return status;
    }
    fails = fails || may_fail;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Machine> ImportScxml(absl::string_view path, absl::string_view text) {
  const absl::StatusOr<XmlElement> document = ParseXml(path == "-" ? "standard input" : path, text);
  if (!document.ok()) return document.status();
  return Importer(path, *document).Import();
}

}  // namespace swoosh
