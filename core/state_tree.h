#ifndef SWOOSH_CORE_STATE_TREE_H_
#define SWOOSH_CORE_STATE_TREE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/sha256.h"
#include "core/state_entry.h"

// The state as a persistent value: an immutable 16-ary trie over SHA-256 of the entry's key, with
// the hashes of the children inline. Its shape, and so its root hash, are a function of the entries
// alone. core/state_tree.md gives the hash's definition, with vectors in
// core/testdata/state_tree.txt.
//
// One writer thread owns a StateTree and edits it; Seal() ends the group of edits, hashes the paths
// that were touched once, and gives out an immutable StateRoot, which any thread may read, copy and
// drop at any time, without locks. Nodes that an edit superseded are freed by the writer when no
// held root can reach them: there is no reference count per node. What is left when the StateTree
// and all of its roots are gone is freed by whoever dropped the last of them.
namespace swoosh {

class StateTree;

// An immutable tree. Empty when default-constructed. Copying is O(1). Thread-safe.
class StateRoot {
 public:
  StateRoot() = default;

  // False when there is no such entry.
  bool Find(const StateKey& key, StateEntry* entry) const;

  // Visits entries in the order of SHA-256 of their keys, starting at `from`, until `visit` returns
  // false. Returns true when there are more entries after the one visited last, with `next` set to
  // the first of them; false, and `next` untouched, when that was the last one of all. A cursor may
  // be used with any root; with the one it came from, each entry is visited once. O(log n) and the
  // entries visited.
  bool Walk(const StateCursor& from, absl::FunctionRef<bool(const StateEntry&)> visit,
            StateCursor* next) const;

  size_t entry_count() const;
  // The Merkle root.
  const Digest& hash() const;

  // The first entry (in walk order) that is in only one of the two, or has another value there, as
  // its key; false when there is none. The two may be of different StateTrees. O(log n): subtrees
  // of equal hash are not entered.
  static bool FirstDifference(const StateRoot& a, const StateRoot& b, std::string* key);

 private:
  friend class StateTree;
  struct Hold;
  std::shared_ptr<const Hold> hold_;
};

// The writer's side. Used by one thread. Roots may outlive it.
class StateTree {
 public:
  StateTree();
  ~StateTree();
  StateTree(const StateTree&) = delete;
  StateTree& operator=(const StateTree&) = delete;

  // As StateRoot::Find, on the newest edits. The entry is valid until the next edit.
  bool Find(const StateKey& key, StateEntry* entry) const;

  // A hint that the entries of `keys` will be looked for soon; a call for several costs little more
  // than one for the slowest of them, which Find then is spared.
  void Prefetch(absl::Span<const StateKey* const> keys) const;

  // Adds the entry or replaces the one of its key. The value and extra may be parts of an entry
  // that Find returned. Requires that each of the three is smaller than 4 GiB.
  void Put(const StateKey& key, absl::string_view value, absl::string_view extra);

  // False, and no effect, when there is no such entry.
  bool Erase(const StateKey& key);

  // The Merkle root of the newest edits, without ending the group: what follows goes on in place.
  // For who has no use for a StateRoot.
  const Digest& Hash();

  // Ends the group: hashes what it touched, and returns the tree as it is now. Edits that follow
  // leave the returned root as it was. Also frees superseded nodes that no held root can reach, a
  // bounded number of them (see core/state_tree.md): the rest waits for later calls.
  StateRoot Seal();

  size_t entry_count() const;
  // Bytes of memory in nodes and entries, superseded ones that are not freed yet included. Once all
  // of those are freed it is a function of the content, as the hash is.
  size_t bytes_allocated() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATE_TREE_H_
