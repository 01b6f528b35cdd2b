#ifndef SWOOSH_CLI_CONVERSION_XSTATE_TRANSITIONS_H_
#define SWOOSH_CLI_CONVERSION_XSTATE_TRANSITIONS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/refusals.h"
#include "cli/conversion/xstate_chart.h"
#include "cli/document.h"
#include "google/protobuf/duration.pb.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {

// Turns the transitions of an XState config into edges. Where XState v5 and SCXML, which our edges
// follow, take the same edge but leave and enter other states, the edge is written so that it does
// what XState does, or refused. One use each; not thread-safe.
class XStateTransitions {
 public:
  // All must outlive it. `dropped`: members without behaviour that may be left out.
  XStateTransitions(const XStateChart* chart, const absl::flat_hash_set<std::string>* dropped,
                    Refusals* refusals)
      : chart_(*chart), dropped_(*dropped), refusals_(refusals) {}

  // Adds the edges of the state's `on`, `onDone`, `always` and `after`.
  void Convert(int state, v1::StateNode* node);

  // Once all states are converted, into `root`, and before any of it is moved: settles what only
  // several edges together show to differ.
  void SettleDifferences(v1::StateNode* root);

 private:
  enum class List { kOn, kAlways, kAfter };
  // What a transition waits for, and where it stands.
  struct Trigger {
    List list = List::kOn;
    std::string event;  // of an `on` edge: one descriptor
    google::protobuf::Duration delay;
  };
  // An `on` edge, for SettleDifferences.
  struct Taken {
    int state;
    v1::Edge* edge;
    Position position;
    std::string where;
  };

  void ConvertOn(int state, v1::StateNode* node);
  void ConvertOnDone(int state, v1::StateNode* node);
  void ConvertAfter(int state, v1::StateNode* node);
  // What an `on` key is in our words: "" when it was refused.
  std::string EventOf(int state, const Node::Member& member, absl::string_view where);
  void ConvertList(int state, const Trigger& trigger, const Node& node, const Position& position,
                   absl::string_view where, v1::StateNode* to);
  void ConvertOne(int state, const Trigger& trigger, const Node& node, const Position& position,
                  const std::string& where, v1::StateNode* to);
  void CheckMembers(const Node& node, absl::string_view where);
  std::vector<int> ResolveTargets(int state, const Node& node, absl::string_view where);
  void SetGuard(const Trigger& trigger, const Node& node, absl::string_view where, v1::Edge* edge);
  void SetTargets(int state, const std::vector<int>& targets, bool reenter,
                  const Position& position, absl::string_view where, v1::Edge* edge);
  void SetSelfTarget(int state, const Position& position, absl::string_view where, v1::Edge* edge);
  bool LeadsToOwnHistory(int state, int target, bool reenter) const;
  bool CanLeaveParallel(int parallel, const Position& position, absl::string_view where);
  bool HasBehaviourWhenLeft(int state) const;
  void CheckWildcard(const Taken& wildcard);
  void HoldBackOuterEdges(const Taken& inner);
  void CheckGuardOfRaised(const Taken& taken, const std::vector<std::string>& raised);
  bool MayBeActiveTogether(int a, int b) const;

  const XStateChart& chart_;
  const absl::flat_hash_set<std::string>& dropped_;
  Refusals* const refusals_;
  std::vector<Taken> taken_;
  std::vector<std::vector<size_t>> taken_by_state_;
  std::vector<int> states_with_after_;
};

// Whether some event is matched by both of two descriptors, each an XState one: a name, "name.*" or
// "*".
bool XStateDescriptorsOverlap(absl::string_view a, absl::string_view b);

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_XSTATE_TRANSITIONS_H_
