#ifndef SWOOSH_CORE_MACHINE_H_
#define SWOOSH_CORE_MACHINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/expression.h"
#include "core/sha256.h"
#include "core/value.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// The version of the interpretation of definitions that this binary gives to new machines.
inline constexpr uint32_t kSemanticsVersion = 1;

// Executable content, compiled.
struct Action {
  enum class Kind : uint8_t { kAssign, kRaise, kEmit, kChoose };
  struct Branch;
  Kind kind;
  std::string name;                  // raise: the event; emit: its name
  std::optional<Location> location;  // assign
  std::optional<Expression> value;   // assign: always; raise and emit: their data
  std::vector<Branch> branches;      // choose
};
struct Action::Branch {
  std::optional<Expression> guard;  // none: else
  std::vector<Action> actions;
};

// SCXML's event descriptors: each a prefix of dot-separated tokens, "*" for all.
struct EventDescriptors {
  bool any = false;
  std::vector<std::string> prefixes;
  bool Match(absl::string_view event) const;
};

// An edge between states, or from a state to nowhere, compiled.
struct Edge {
  std::string id;
  int source = 0;
  int target = -1;  // -1: targetless
  bool internal = false;
  int domain = -1;          // SCXML's transition domain; -1: targetless, nothing is exited
  EventDescriptors events;  // none: eventless
  std::string event_text;
  std::optional<Expression> guard;
  std::vector<Action> actions;
};

struct StateNode {
  std::string id;
  v1::StateNode::Type type;
  int parent = -1;
  int depth = 0;
  int end = 0;       // the descendants are the indexes (own index, end)
  int initial = -1;  // a descendant; of a compound state only
  std::vector<Edge> on;
  std::vector<Edge> always;
  std::vector<Action> entry;
  std::vector<Action> exit;
  std::optional<Expression> output;
  std::string done_event;  // "done.state.ID"
};

// A registered machine, compiled: states by index in document order, the root first. Immutable and
// thread-safe.
class Machine : public std::enable_shared_from_this<Machine> {
 public:
  absl::string_view ns() const { return ns_; }
  const std::string& name() const { return name_; }
  uint32_t version() const { return version_; }
  uint32_t semantics_version() const { return semantics_version_; }
  const Value& context() const { return context_; }
  const std::vector<StateNode>& states() const { return states_; }
  int FindState(absl::string_view id) const;  // -1: none
  bool IsDescendant(int state, int ancestor) const {
    return state > ancestor && state < states_[ancestor].end;
  }
  // SHA-256 of the canonical encoding of the definition.
  const Digest& definition_hash() const { return definition_hash_; }
  // That encoding: of the definition's JSON form without its output fields (state.md).
  const std::string& definition() const { return definition_; }

  bool IsSelfOrDescendant(int state, int ancestor) const {
    return state >= ancestor && state < states_[ancestor].end;
  }

  // What GetMachine answers.
  v1::Machine ToProto(bool with_root) const;

  // Compiles. kInvalidArgument names the field below `field`.
  static absl::StatusOr<std::shared_ptr<const Machine>> Compile(absl::string_view ns,
                                                                const v1::Machine& definition,
                                                                uint32_t version,
                                                                absl::string_view field);

 private:
  friend class MachineCompiler;
  Machine() = default;
  std::string ns_;
  std::string name_;
  uint32_t version_ = 0;
  uint32_t semantics_version_ = kSemanticsVersion;
  Value context_;
  std::vector<StateNode> states_;
  absl::flat_hash_map<std::string, int> by_id_;
  Digest definition_hash_ = {};
  std::string definition_;
};

std::string MachineKey(absl::string_view ns, absl::string_view name, uint32_t version);
bool ParseMachineKey(absl::string_view key, absl::string_view* ns, absl::string_view* name,
                     uint32_t* version);
std::string EncodeMachine(const Machine& machine);
// kDataLoss when the entry can't be understood.
absl::StatusOr<std::shared_ptr<const Machine>> DecodeMachine(absl::string_view key,
                                                             absl::string_view value);

}  // namespace swoosh

#endif  // SWOOSH_CORE_MACHINE_H_
