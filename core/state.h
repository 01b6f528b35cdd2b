#ifndef SWOOSH_CORE_STATE_H_
#define SWOOSH_CORE_STATE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/hlc.h"
#include "core/sha256.h"
#include "core/state_tree.h"
#include "core/statechart/instance.h"
#include "core/statechart/machine.h"

namespace swoosh {

// Where in the log a state stands.
struct LogPosition {
  uint64_t index = 0;       // of the last record applied; 0 = none
  Hlc hlc;                  // of that record
  Digest record_hash = {};  // of its stored bytes; at index 0, SHA-256 of the history's origin id
};

struct StateCounts {
  uint64_t instances = 0;
  uint64_t machines = 0;  // names, not versions
  uint64_t timers = 0;
};

// One change of an entry. An empty `value` erases it.
struct EntryWrite {
  StateKey key;
  std::string value;
  std::string extra;
};

// What an accepted proposal does to the state. Made by Reduce, applied by StateWriter.
struct Effect {
  std::vector<EntryWrite> writes;
  std::vector<std::shared_ptr<const Machine>> machines;  // registered by it
  int64_t instances_added = 0;                           // negative: deleted
  std::string ns;                                        // of the timers; "" without any
  std::vector<TimerKey> timers_cleared;
  std::vector<std::pair<TimerKey, std::string>> timers_set;  // with the instances' ids
};

// The timers of a state's instances in the order in which they are due. Made from the instances,
// not hashed.
class TimerIndex {
 public:
  using Timers = absl::btree_map<TimerKey, std::string>;  // to the instance's id
  struct Due {
    std::string ns;
    int64_t due_us = 0;
  };

  // Those of one namespace.
  const Timers& In(absl::string_view ns) const;
  // The first one of all.
  std::optional<Due> First() const;
  uint64_t size() const { return size_; }

  void Insert(absl::string_view ns, const TimerKey& key, absl::string_view instance_id);
  void Erase(absl::string_view ns, const TimerKey& key);

 private:
  std::map<std::string, Timers, std::less<>> by_namespace_;  // none is empty
  uint64_t size_ = 0;
};

// The compiled machines of a state, by namespace, name and version.
class MachineTable {
 public:
  // nullptr when there is none. Version 0 is the latest.
  const Machine* Find(absl::string_view ns, absl::string_view name, uint32_t version) const;
  // The names of a namespace, in byte order, from the first one not less than `from`; `visit` gets
  // the latest version and returns false to stop.
  void VisitLatest(absl::string_view ns, absl::string_view from,
                   absl::FunctionRef<bool(const Machine&)> visit) const;
  size_t name_count() const { return name_count_; }
  // Whether a machine of the namespace, of any version, has an external guard.
  bool HasExternalGuards(absl::string_view ns) const { return guarded_namespaces_.contains(ns); }

  // Adds a machine, in any order of versions. False when it is there already.
  bool Insert(std::shared_ptr<const Machine> machine);
  // Whether the versions of every name run from 1 without a gap.
  bool IsComplete() const;

 private:
  using Versions = std::vector<std::shared_ptr<const Machine>>;  // version v at v - 1
  std::map<std::string, std::map<std::string, Versions, std::less<>>, std::less<>> by_namespace_;
  size_t name_count_ = 0;
  std::set<std::string, std::less<>> guarded_namespaces_;
};

// What Reduce can see: the entries and machines as of one moment. Refers to the StateWriter or
// State that made it.
class StateView {
 public:
  bool Find(const StateKey& key, StateEntry* entry) const {
    return tree_ != nullptr ? tree_->Find(key, entry) : root_->Find(key, entry);
  }
  // As StateTree::Prefetch; no effect in a view of a State.
  void Prefetch(absl::Span<const StateKey* const> keys) const {
    if (tree_ != nullptr) tree_->Prefetch(keys);
  }
  const MachineTable& machines() const { return *machines_; }
  // Of the last record applied.
  uint64_t index() const { return index_; }
  // nullptr where time can't be advanced: in a view of a State.
  const TimerIndex* timers() const { return timers_; }

 private:
  friend class State;
  friend class StateWriter;
  StateView(const StateTree* tree, const StateRoot* root, const MachineTable* machines,
            const TimerIndex* timers, uint64_t index)
      : tree_(tree), root_(root), machines_(machines), timers_(timers), index_(index) {}
  const StateTree* tree_;
  const StateRoot* root_;
  const MachineTable* machines_;
  const TimerIndex* timers_;
  uint64_t index_;
};

// The whole state at one index: immutable, O(1) to copy, thread-safe.
class State {
 public:
  State() = default;

  const LogPosition& position() const { return position_; }
  uint64_t index() const { return position_.index; }
  const Digest& hash() const { return root_.hash(); }
  const StateRoot& root() const { return root_; }
  const MachineTable& machines() const { return *machines_; }
  const StateCounts& counts() const { return counts_; }
  StateView view() const {
    return StateView(nullptr, &root_, machines_.get(), nullptr, position_.index);
  }

  // nullopt when there is none.
  std::optional<Instance> FindInstance(absl::string_view ns, absl::string_view id) const;

 private:
  friend class StateWriter;
  StateRoot root_;
  std::shared_ptr<const MachineTable> machines_ = std::make_shared<const MachineTable>();
  StateCounts counts_;
  LogPosition position_;
};

// The newest state, which one thread advances.
class StateWriter {
 public:
  // The state before the first record of the history: no machines, no instances, the constants of
  // reducer version 1. The first record's chain begins with `origin_id` (storage/history_id.md).
  explicit StateWriter(absl::string_view origin_id);

  // For loading a snapshot: entries in any order, each once, then FinishLoading. kDataLoss names
  // the entry that can't be understood, or what is missing.
  static StateWriter ForLoading() { return StateWriter(); }
  absl::Status LoadEntry(const StateEntry& entry);
  absl::Status FinishLoading(const LogPosition& position);

  StateWriter(StateWriter&&) = default;
  StateWriter& operator=(StateWriter&&) = default;

  StateView view() const {
    return StateView(tree_.get(), nullptr, machines_.get(), &timers_, position_.index);
  }
  const LogPosition& position() const { return position_; }
  // What is due first; nullopt when there is no timer.
  std::optional<TimerIndex::Due> first_due() const { return timers_.First(); }
  uint32_t reducer_version() const { return reducer_version_; }

  // Makes `effect` of the record with the next index part of the state. A `reducer_version` above
  // that of the state replaces its constants.
  void Apply(const Effect& effect, uint32_t reducer_version, Hlc hlc);
  // The hash of the record applied last, once its bytes are known.
  void SetRecordHash(const Digest& hash) { position_.record_hash = hash; }

  // The state's hash now, without ending a group: for a replay, where nobody holds the states
  // between.
  const Digest& Hash() { return tree_->Hash(); }
  // Ends a group: hashes what it touched, and returns the root. The last record of a group holds
  // its hash, so it is known before that record's own.
  const Digest& Seal();
  // The state as sealed last. Requires that nothing was applied since, and that the hash of the
  // last record was set.
  State Sealed();

  size_t bytes_allocated() const { return tree_->bytes_allocated(); }

 private:
  StateWriter() = default;
  void PutConstants(uint32_t reducer_version);
  absl::Status LoadTimers(const StateEntry& entry, absl::string_view ns);
  void RegisterMachine(std::shared_ptr<const Machine> machine);

  std::unique_ptr<StateTree> tree_ = std::make_unique<StateTree>();
  StateRoot sealed_;
  std::shared_ptr<MachineTable> machines_ = std::make_shared<MachineTable>();
  bool machines_shared_ = false;  // with a State: copied before the next registration
  TimerIndex timers_;
  StateCounts counts_;
  LogPosition position_;
  uint32_t reducer_version_ = 0;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATE_H_
