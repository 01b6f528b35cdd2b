#ifndef SWOOSH_CORE_PROPOSAL_REDUCER_H_
#define SWOOSH_CORE_PROPOSAL_REDUCER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/reducer.h"
#include "core/statechart/interpreter.h"
#include "core/wire_writer.h"

// What Reduce is made of: reducer.cc has the clients' transitions, reducer_time.cc the passing of
// time.
namespace swoosh {

// What the proposal found of an instance, as far as it is asked for later.
struct FoundInstance {
  const Machine* machine = nullptr;
  v1::Instance::Status status = v1::Instance::RUNNING;
  uint64_t version = 0;
  StateList atomic_states;
  Value context;
  std::vector<Timer> timers;
};

// One instance as the proposal found it and as it is now.
struct Draft {
  StateKey key;
  absl::string_view id;  // in `key`
  std::optional<FoundInstance> before;
  std::optional<Instance> now;
  // The transition whose outcome is `now`, as long as no later one changes it; -1 = none.
  int outcome_of = -1;
  const Machine* machine = nullptr;  // of `now`; else of `before`
  bool created = false;
  bool changed = false;
  // Ids, which stand in the machine's definition.
  absl::InlinedVector<const std::string*, 4> exited;  // of those active before
  absl::InlinedVector<const std::string*, 4> edges;
  std::vector<v1::Emitted> emitted;
  bool faulted = false;  // by this record

  // Whether the record is to tell of it: one that lived within the record only is no change.
  bool has_change() const { return changed && (before.has_value() || now.has_value()); }
};

// Reduces one proposal. The drafts stand in front of the state, so that each transition sees the
// ones before it, and nothing is changed when one is refused.
class ProposalReducer {
 public:
  ProposalReducer(const StateView& state, const Proposal& proposal, Hlc hlc)
      : state_(state), proposal_(proposal), hlc_(hlc), index_(state.index() + 1) {}

  absl::StatusOr<Reduction> Run();

 private:
  // Errors name the fields of the transition, which Run puts its place in front of.
  absl::Status Apply(const v1::Transition& transition);
  absl::Status RegisterMachine(const v1::Transition& transition);
  absl::Status CreateInstance(const v1::Transition& transition);
  absl::Status SendEvent(const v1::Transition& transition);
  absl::Status DeleteInstance(const v1::Transition& transition);
  absl::Status AdvanceTime(const v1::AdvanceTime& advance);

  absl::Status CheckGuardOutcomes(const Draft& draft) const;
  void Delete(Draft* draft);
  bool Fire(const TimerKey& key, const std::string& id, int64_t to_us);
  void FireStep(const Timer& timer, Draft* draft);
  void FaultInstance(const absl::Status& why, Draft* draft);
  StepPlace Place(const Draft& draft);

  Draft* KnownDraft(absl::string_view id) const;
  // `field` names the id.
  absl::StatusOr<Draft*> FindDraft(absl::string_view id, absl::string_view field);
  StateKey MakeKey(absl::string_view id) const;
  void LookAhead() const;
  absl::Status CheckVersion(const v1::Transition& transition, const std::string& id,
                            const Draft& draft) const;
  static absl::StatusOr<Value> InitialContext(const v1::CreateInstance& create,
                                              const Machine& machine);
  static absl::StatusOr<Value> EventData(const v1::SendEvent& send);
  const Machine* FindMachine(absl::string_view name, uint32_t version) const;
  static void MarkExited(const StateList& exited, Draft* draft);
  absl::Status FinishStep(StepTrace trace, Draft* draft);
  void GiveOutcome(Draft* draft);
  void WriteChanges();
  static void WriteChange(const Draft& draft, WireWriter* writer);
  void WriteEntry(Draft* draft);
  void WriteTimers(const Draft& draft);

  const StateView& state_;
  const Proposal& proposal_;
  const Hlc hlc_;
  const uint64_t index_;
  InstanceKeyList own_keys_;  // where the proposal has none
  absl::Span<const StateKey> keys_;
  int transition_ = 0;
  uint32_t timer_count_ = 0;  // that this record has set
  // Those of them that are due already, while time is advanced.
  std::map<TimerKey, std::string> due_at_once_;
  absl::InlinedVector<std::unique_ptr<Draft>, 1> drafts_;
  // Of all but the first one; the keys are in the drafts.
  absl::flat_hash_map<absl::string_view, Draft*> by_id_;
  Reduction reduction_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_PROPOSAL_REDUCER_H_
