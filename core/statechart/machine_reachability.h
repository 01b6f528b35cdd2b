#ifndef SWOOSH_CORE_STATECHART_MACHINE_REACHABILITY_H_
#define SWOOSH_CORE_STATECHART_MACHINE_REACHABILITY_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "core/statechart/machine.h"

namespace swoosh {

// Which states of a machine can be entered and which edges can be taken, whatever clients send and
// guards that are not constant say: what it finds impossible is so, what it finds possible may
// still not be. Refers to the machine. Thread-safe once made. Linear in the machine's size, but for
// edges of one state, which are compared with each other.
class MachineReachability {
 public:
  explicit MachineReachability(const Machine& machine);

  bool Reached(int state) const { return reached_[state]; }

  // Whether a reachable state's edge may be taken; if not, `why` (which may be nullptr) says why.
  bool MayBeTaken(const Edge& edge, std::string* why) const;

  // Whether an edge may be taken by which a reachable atomic state is left, be it an edge of
  // another region.
  bool MayBeLeft(int atomic_state) const;

  // Whether the machine may raise done.state.ID for it.
  bool MayBeDone(int state) const;

 private:
  const StateNode& state(int index) const { return machine_.states()[index]; }
  void FindObstacles(int index);
  void FindShadows(const std::vector<Edge>& edges);
  void FindObstacleOfEvent(const Edge& edge);
  bool MayCome(const EventDescriptors& events) const;
  bool MayBeComplete(int index) const;
  void FindReached();
  void Mark(int index);
  void EnterTargets(absl::Span<const int> targets, int within);
  void EnterByDefault(int index);
  void FindOutermostDomains();

  const Machine& machine_;
  absl::flat_hash_map<const Edge*, std::string> obstacles_;
  // The certain `always` edge of the state or of one around it; nullptr: none.
  std::vector<const Edge*> left_at_once_by_;
  std::vector<bool> reached_;
  std::vector<bool> entered_by_default_;
  std::vector<int> waiting_;
  // Of the edges of the state and of those inside it that may be taken: the least depth of a
  // domain.
  std::vector<int> outermost_domain_depth_;
};

// Whether nothing but the event decides about it.
bool IsUnguarded(const Edge& edge);

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATECHART_MACHINE_REACHABILITY_H_
