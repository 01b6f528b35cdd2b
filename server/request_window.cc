#include "server/request_window.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/canonical.h"
#include "core/check.h"

namespace swoosh {
namespace {

// Distinct pairs make distinct bytes: the namespace's size stands before it.
std::string PairBytes(absl::string_view ns, absl::string_view request_id) {
  std::string bytes;
  bytes.reserve(ns.size() + request_id.size() + 2);
  AppendBytes(ns, &bytes);
  bytes.append(request_id.data(), request_id.size());
  return bytes;
}

}  // namespace

RequestWindow::RequestWindow(uint64_t window_records)
    : window_records_(window_records), sequences_(0, Hash{this}, Equal{this}) {
  SWOOSH_CHECK(window_records_ > 0);
}

size_t RequestWindow::Hash::operator()(const Short& key) const {
  size_t hash;  // the key is a hash already
  std::memcpy(&hash, key.data(), sizeof(hash));
  return hash;
}

RequestWindow::Short RequestWindow::Shorten(const Digest& digest) {
  Short half;
  std::copy_n(digest.begin(), half.size(), half.begin());
  return half;
}

RequestWindow::Short RequestWindow::KeyOf(absl::string_view ns, absl::string_view request_id) {
  return Shorten(Sha256(PairBytes(ns, request_id)));
}

bool RequestWindow::Add(uint64_t index, absl::string_view ns, absl::string_view request_id,
                        const Digest& fingerprint) {
  absl::MutexLock lock(&mutex_);
  BeginRecord(index);
  if (request_id.empty()) return true;
  const Short key = KeyOf(ns, request_id);
  if (sequences_.contains(key)) return false;
  Insert(key, fingerprint);
  return true;
}

void RequestWindow::Restore(uint64_t index, absl::string_view ns, absl::string_view request_id,
                            const Digest& fingerprint) {
  absl::MutexLock lock(&mutex_);
  BeginRecord(index);
  if (request_id.empty()) return;
  const Short key = KeyOf(ns, request_id);
  const auto older = sequences_.find(key);
  if (older != sequences_.end()) sequences_.erase(older);
  Insert(key, fingerprint);
}

void RequestWindow::BeginRecord(uint64_t index) {
  SWOOSH_CHECK(index > last_index_);
  last_index_ = index;
  while (!entries_.empty() && entries_.front().index + window_records_ <= index) {
    sequences_.erase(forgotten_);  // none, when a newer one took its place
    entries_.pop_front();
    ++forgotten_;
  }
}

void RequestWindow::Insert(const Short& key, const Digest& fingerprint) {
  entries_.push_back({key, Shorten(fingerprint), last_index_});
  sequences_.insert(forgotten_ + entries_.size() - 1);
}

std::optional<RequestWindow::Found> RequestWindow::Find(absl::string_view ns,
                                                        absl::string_view request_id,
                                                        const Digest& fingerprint) const {
  const Short key = KeyOf(ns, request_id);
  absl::MutexLock lock(&mutex_);
  const auto found = sequences_.find(key);
  if (found == sequences_.end()) return std::nullopt;
  const Entry& entry = entries_[*found - forgotten_];
  return Found{entry.index, entry.fingerprint == Shorten(fingerprint)};
}

}  // namespace swoosh
