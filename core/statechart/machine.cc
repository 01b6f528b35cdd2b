#include "core/statechart/machine.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/canonical.h"
#include "core/check.h"
#include "core/statechart/definition_encoding.h"
#include "core/statechart/machine_compiler.h"

namespace swoosh {
namespace {

constexpr char kMachineKeyKind = 'm';
constexpr uint8_t kMachineFormatVersion = 1;
constexpr size_t kVersionBytes = 4;

}  // namespace

bool EventDescriptors::Match(absl::string_view event) const {
  if (any) return true;
  return std::any_of(prefixes.begin(), prefixes.end(), [event](const std::string& prefix) {
    return absl::StartsWith(event, prefix) &&
           (event.size() == prefix.size() || event[prefix.size()] == '.');
  });
}

int Machine::FindState(absl::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? -1 : found->second;
}

int Machine::TransitionDomain(const Edge& edge, absl::Span<const int> targets) const {
  const auto holds_all = [&](int state) {
    return std::all_of(targets.begin(), targets.end(),
                       [&](int target) { return IsDescendant(target, state); });
  };
  const auto is_compound = [this](int state) {
    return states_[state].type == v1::StateNode::COMPOUND;
  };
  if (edge.internal && is_compound(edge.source) && holds_all(edge.source)) return edge.source;
  // findLCCA: the innermost proper ancestor that is compound and holds all targets.
  int ancestor = states_[edge.source].parent;
  while (ancestor > 0 && !(is_compound(ancestor) && holds_all(ancestor))) {
    ancestor = states_[ancestor].parent;
  }
  return std::max(ancestor, 0);
}

v1::Machine Machine::ToProto(bool with_root) const {
  v1::Machine message;
  SWOOSH_CHECK(DecodeDefinition(definition_, &message).ok());
  if (!with_root) message.clear_root();
  message.set_version(version_);
  message.set_semantics_version(semantics_version_);
  message.set_definition_hash(definition_hash_.data(), definition_hash_.size());
  return message;
}

absl::StatusOr<std::shared_ptr<const Machine>> Machine::Compile(absl::string_view ns,
                                                                const v1::Machine& definition,
                                                                uint32_t version,
                                                                absl::string_view field,
                                                                uint32_t semantics_version) {
  return MachineCompiler::Compile(ns, definition, version, field, semantics_version);
}

std::string MachineKey(absl::string_view ns, absl::string_view name, uint32_t version) {
  std::string key;
  key.push_back(kMachineKeyKind);
  absl::StrAppend(&key, ns, absl::string_view("\0", 1), name, absl::string_view("\0", 1));
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(version >> shift));
  return key;
}

bool ParseMachineKey(absl::string_view key, absl::string_view* ns, absl::string_view* name,
                     uint32_t* version) {
  if (key.empty() || key[0] != kMachineKeyKind) return false;
  const size_t first = key.find('\0');
  if (first == absl::string_view::npos) return false;
  const size_t second = key.find('\0', first + 1);
  if (second == absl::string_view::npos || key.size() != second + 1 + kVersionBytes) return false;
  *ns = key.substr(1, first - 1);
  *name = key.substr(first + 1, second - first - 1);
  *version = 0;
  for (size_t i = second + 1; i < key.size(); ++i) {
    *version = (*version << 8) | static_cast<uint8_t>(key[i]);
  }
  return true;
}

std::string EncodeMachine(const Machine& machine) {
  std::string out;
  out.push_back(kMachineFormatVersion);
  AppendVarint(machine.semantics_version(), &out);
  AppendBytes(machine.definition(), &out);
  return out;
}

absl::StatusOr<std::shared_ptr<const Machine>> DecodeMachine(absl::string_view key,
                                                             absl::string_view value) {
  absl::string_view ns;
  absl::string_view name;
  uint32_t version = 0;
  if (!ParseMachineKey(key, &ns, &name, &version)) {
    return absl::DataLossError("the entry's key is no machine's");
  }
  CanonicalReader reader(value);
  const uint8_t format = reader.ReadByte();
  const uint64_t semantics = reader.ReadVarint();
  const absl::string_view encoded = reader.ReadBytes();
  const std::string which = absl::StrCat("machine ", name, " version ", version, ": ");
  if (absl::Status finished = reader.Finish(); !finished.ok()) {
    return absl::DataLossError(absl::StrCat(which, finished.message()));
  }
  if (format != kMachineFormatVersion || semantics < 1 || semantics > kSemanticsVersion) {
    return absl::DataLossError(absl::StrCat(which, "format ", static_cast<int>(format),
                                            " with semantics version ", semantics,
                                            " is not known to this binary"));
  }
  v1::Machine definition;
  if (absl::Status status = DecodeDefinition(encoded, &definition); !status.ok()) {
    return absl::DataLossError(absl::StrCat(which, status.message()));
  }
  absl::StatusOr<std::shared_ptr<const Machine>> machine =
      Machine::Compile(ns, definition, version, "machine", static_cast<uint32_t>(semantics));
  if (!machine.ok()) {
    return absl::DataLossError(absl::StrCat(which, machine.status().message()));
  }
  if ((*machine)->name() != name || (*machine)->definition() != encoded) {
    return absl::DataLossError(absl::StrCat(which, "is another machine's definition"));
  }
  return machine;
}

}  // namespace swoosh
