#ifndef SWOOSH_SERVER_REQUEST_WINDOW_H_
#define SWOOSH_SERVER_REQUEST_WINDOW_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/sha256.h"

namespace swoosh {

// Over how many of the newest records a request_id is remembered, unless --retain_records keeps
// fewer.
inline constexpr uint64_t kRequestWindowRecords = 1'000'000;

// Which requests the newest records hold: (namespace, request_id) to index and fingerprint. It is
// no part of the state: it is rebuilt from the log at start, and says the same after a restart.
//
// Some 60 bytes a request: ids and fingerprints are kept as 16 bytes of SHA-256 each. Thread-safe:
// one thread adds, and others may look before they ask an external guard for a request.
class RequestWindow {
 public:
  struct Found {
    uint64_t index = 0;
    bool same_content = false;  // the fingerprint is the one given
  };

  // Remembers over the newest `window_records` records; at least 1.
  explicit RequestWindow(uint64_t window_records = kRequestWindowRecords);
  RequestWindow(const RequestWindow&) = delete;
  RequestWindow& operator=(const RequestWindow&) = delete;

  // A record with this index is made: what leaves the window by it is forgotten, and its request
  // remembered when `request_id` is not "". Indexes must rise from call to call. Returns false, and
  // remembers nothing, when the request is remembered already.
  bool Add(uint64_t index, absl::string_view ns, absl::string_view request_id,
           const Digest& fingerprint) ABSL_LOCKS_EXCLUDED(mutex_);
  // The same for a record that is read at the start. One whose request is remembered takes the
  // place of the older one, which was forgotten when it was made: the window may have been smaller
  // then.
  void Restore(uint64_t index, absl::string_view ns, absl::string_view request_id,
               const Digest& fingerprint) ABSL_LOCKS_EXCLUDED(mutex_);

  // nullopt when it is not remembered.
  std::optional<Found> Find(absl::string_view ns, absl::string_view request_id,
                            const Digest& fingerprint) const ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t window_records() const { return window_records_; }
  size_t size() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return sequences_.size();
  }

 private:
  using Short = std::array<uint8_t, 16>;  // the first half of a SHA-256
  struct Entry {
    Short key;
    Short fingerprint;
    uint64_t index;
  };
  // The set holds sequence numbers, `entries_` what they stand for: entry `sequence` is
  // entries_[sequence - forgotten_].
  struct Hash {
    using is_transparent = void;
    const RequestWindow* window;
    size_t operator()(uint64_t sequence) const { return (*this)(window->KeyOf(sequence)); }
    size_t operator()(const Short& key) const;
  };
  struct Equal {
    using is_transparent = void;
    const RequestWindow* window;
    bool operator()(uint64_t a, uint64_t b) const { return a == b; }
    bool operator()(uint64_t a, const Short& b) const { return window->KeyOf(a) == b; }
    bool operator()(const Short& a, uint64_t b) const { return window->KeyOf(b) == a; }
  };

  static Short KeyOf(absl::string_view ns, absl::string_view request_id);
  // Called by the set, which is used under the lock.
  const Short& KeyOf(uint64_t sequence) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return entries_[sequence - forgotten_].key;
  }
  static Short Shorten(const Digest& digest);
  void BeginRecord(uint64_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Insert(const Short& key, const Digest& fingerprint) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t window_records_;
  mutable absl::Mutex mutex_;
  // By rising index; also those whose place a newer one took.
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;  // entries that left at the front
  uint64_t last_index_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_set<uint64_t, Hash, Equal> sequences_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_REQUEST_WINDOW_H_
