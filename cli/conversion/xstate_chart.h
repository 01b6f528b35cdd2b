#ifndef SWOOSH_CLI_CONVERSION_XSTATE_CHART_H_
#define SWOOSH_CLI_CONVERSION_XSTATE_CHART_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/refusals.h"
#include "cli/document.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// A member of a map, or nullptr.
const Node::Member* FindMember(const Node& map, absl::string_view key);

// The members as JavaScript iterates over them: keys that are array indexes first, by their value,
// then the others as they stand.
std::vector<const Node::Member*> InKeyOrder(const Node& map);

// The item itself when it is no list.
std::vector<const Node*> ItemsOf(const Node& node);

// A path in the file, a step further: "states.a" and "on" make "states.a.on".
std::string Below(absl::string_view where, absl::string_view step);

// Each character that a name of ours can't have becomes '_'.
std::string CleanName(absl::string_view name);

// A state of an XState config.
struct XStateState {
  const Node* config = nullptr;  // a map
  Position position;
  std::string where;  // "states.a.states.b"; "" for the root
  std::string key;
  std::string xstate_id;  // by which "#id" finds it
  std::string id;         // ours
  v1::StateNode::Type type = v1::StateNode::ATOMIC;
  int parent = -1;
  int end = 0;                // the descendants are the indexes (own index, end)
  std::vector<int> children;  // histories too
};

// The states of an XState v5 config in document order, the root first: their ids and what targets
// mean. Refers to the nodes that it was read from. Thread-safe once read.
class XStateChart {
 public:
  // `name` is the root's id in our definition. What is no state is refused and left out.
  static XStateChart Read(const Node& config, absl::string_view name, Refusals* refusals);

  const std::vector<XStateState>& states() const { return states_; }
  bool IsInside(int state, int ancestor) const {
    return state > ancestor && state < states_[ancestor].end;
  }
  // The innermost state that has all of them inside it; -1: none.
  int LeastCommonAncestor(const std::vector<int>& of) const;

  int FindChild(int parent, absl::string_view key) const;  // -1: none
  int FindXStateId(absl::string_view xstate_id) const;     // -1: none

  // The state that a transition's target stands for: "#id", ".child", "sibling", each with a path
  // after it. kInvalidArgument says why there is none.
  absl::StatusOr<int> ResolveTarget(int state, absl::string_view target) const;
  // The same of the default target of a history state.
  absl::StatusOr<int> ResolveHistoryTarget(int history, absl::string_view target) const;

 private:
  void AddState(const Node& config, const Position& position, absl::string_view key, int parent,
                Refusals* refusals);
  void ReadType(int state, Refusals* refusals);
  void ReadXStateId(int state, Refusals* refusals);
  void AddChildren(int state, Refusals* refusals);
  void NameStates(absl::string_view name, Refusals* refusals);
  std::string PathOf(int state) const;
  absl::StatusOr<int> Descend(int from, const std::vector<std::string>& path, size_t first) const;
  absl::StatusOr<int> ResolveId(absl::string_view target) const;

  std::vector<XStateState> states_;
  absl::flat_hash_map<std::pair<int, std::string>, int> by_key_;
  absl::flat_hash_map<std::string, int> by_xstate_id_;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_XSTATE_CHART_H_
