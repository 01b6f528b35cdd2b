#ifndef SWOOSH_CORE_STATECHART_MACHINE_H_
#define SWOOSH_CORE_STATECHART_MACHINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/expression.h"
#include "core/sha256.h"
#include "core/value.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// The version of the interpretation of definitions that this binary gives to new machines. Those
// registered under another one keep it.
//
//   1  a branch of `choose` whose guard can't be evaluated ends its list of actions
//   2  such a branch counts as false (SCXML 5.9.1)
inline constexpr uint32_t kSemanticsVersion = 2;

// How long after a record's time something is due.
struct Delay {
  int64_t constant_us = 0;
  std::optional<Expression> expression_s;  // gives the delay in seconds, instead of the constant
};

// Executable content, compiled.
struct Action {
  enum class Kind : uint8_t { kAssign, kRaise, kSend, kCancel, kEmit, kChoose };
  struct Branch;
  Kind kind;
  std::string name;                  // raise and send: the event; emit: its name
  std::string send_id;               // send and cancel
  std::optional<Location> location;  // assign
  std::optional<Expression> value;   // assign: always; raise, send and emit: their data
  Delay delay;                       // send
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

// What Edge::domain is when it is no state.
inline constexpr int kNoDomain = -1;         // targetless: nothing is exited
inline constexpr int kDomainByHistory = -2;  // a target is a history state: depends on its value

// An edge between states, or from a state to nowhere, compiled. SCXML's transition.
struct Edge {
  enum class Kind : uint8_t { kOn, kAlways, kAfter };
  std::string id;
  Kind kind = Kind::kOn;
  int source = 0;
  absl::InlinedVector<int, 1> targets;  // none: targetless
  bool internal = false;
  int domain = kNoDomain;   // SCXML's transition domain
  EventDescriptors events;  // of an `on` edge
  std::string event_text;
  std::optional<Expression> guard;
  std::string external_guard;  // of an `on` edge; "" = none
  std::vector<Action> actions;
  Delay delay;  // of an `after` edge
};

struct StateNode {
  std::string id;
  v1::StateNode::Type type;
  bool deep = false;  // of a history state
  int parent = -1;
  int depth = 0;
  int end = 0;  // the descendants are the indexes (own index, end)
  // Of a compound state: the descendants that are entered by default. Of a history state: those
  // entered while it has no value. Never empty there, and empty everywhere else.
  absl::InlinedVector<int, 1> initial;
  std::vector<int> histories;  // the children that are history states
  std::vector<Edge> on;
  std::vector<Edge> always;
  std::vector<Edge> after;
  std::vector<Action> entry;
  std::vector<Action> exit;
  std::optional<Expression> output;
  std::string done_event;   // "done.state.ID"
  std::string after_event;  // "after.ID": event.name while one of its `after` edges is taken

  bool is_atomic() const { return type == v1::StateNode::ATOMIC || type == v1::StateNode::FINAL; }
  bool is_history() const { return type == v1::StateNode::HISTORY; }
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
  bool IsSelfOrDescendant(int state, int ancestor) const {
    return state >= ancestor && state < states_[ancestor].end;
  }
  // getTransitionDomain of the standard, of an edge whose effective targets (no history states
  // among them) are `targets`. The root stands for the <scxml> element: it is never left, and is
  // the domain of its own edges.
  int TransitionDomain(const Edge& edge, absl::Span<const int> targets) const;
  // Whether two atomic states may be active at once.
  bool has_parallel() const { return has_parallel_; }
  // Whether a state has an eventless edge.
  bool has_eventless() const { return has_eventless_; }
  // Whether an edge has an external guard.
  bool has_external_guards() const { return has_external_guards_; }
  // How long an instance is kept once it is done; none: until it is deleted.
  const std::optional<int64_t>& retention_us() const { return retention_us_; }
  // SHA-256 of the canonical encoding of the definition.
  const Digest& definition_hash() const { return definition_hash_; }
  // That encoding: of the definition's JSON form without its output fields (state.md).
  const std::string& definition() const { return definition_; }

  // What GetMachine answers.
  v1::Machine ToProto(bool with_root) const;

  // Compiles. kInvalidArgument names the field below `field`.
  static absl::StatusOr<std::shared_ptr<const Machine>> Compile(
      absl::string_view ns, const v1::Machine& definition, uint32_t version,
      absl::string_view field, uint32_t semantics_version = kSemanticsVersion);

 private:
  friend class MachineCompiler;
  Machine() = default;
  std::string ns_;
  std::string name_;
  uint32_t version_ = 0;
  uint32_t semantics_version_ = kSemanticsVersion;
  Value context_;
  std::vector<StateNode> states_;
  bool has_parallel_ = false;
  bool has_eventless_ = false;
  bool has_external_guards_ = false;
  std::optional<int64_t> retention_us_;
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

#endif  // SWOOSH_CORE_STATECHART_MACHINE_H_
