#ifndef SWOOSH_CORE_STATECHART_STATE_SET_H_
#define SWOOSH_CORE_STATECHART_STATE_SET_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/numeric/bits.h"
#include "absl/types/span.h"

namespace swoosh {

// States of one machine, by index. Without allocation up to four.
using StateList = absl::InlinedVector<int, 4>;

// A set of the states of one machine, by index: a bit a state. Without allocation up to 128 states.
// Document order is rising order; exit order is falling order, since descendants follow their
// ancestors.
class StateSet {
 public:
  explicit StateSet(size_t states) : words_((states + kBitsPerWord - 1) / kBitsPerWord) {}

  bool Contains(int state) const { return (words_[Word(state)] & Bit(state)) != 0; }
  // False when it was there already.
  bool Insert(int state) {
    uint64_t& word = words_[Word(state)];
    const uint64_t before = word;
    word |= Bit(state);
    return word != before;
  }
  void Erase(int state) { words_[Word(state)] &= ~Bit(state); }

  size_t count() const {
    size_t count = 0;
    for (const uint64_t word : words_) count += static_cast<size_t>(absl::popcount(word));
    return count;
  }

  // The least element not below `from`, or -1.
  int FirstFrom(int from) const {
    if (Word(from) >= words_.size()) return -1;
    uint64_t word = words_[Word(from)] & ~(Bit(from) - 1);
    for (size_t i = Word(from);;) {
      if (word != 0) return static_cast<int>(i * kBitsPerWord) + absl::countr_zero(word);
      if (++i == words_.size()) return -1;
      word = words_[i];
    }
  }
  // Whether an element lies in [begin, end).
  bool ContainsAnyOf(int begin, int end) const {
    const int first = FirstFrom(begin);
    return first >= 0 && first < end;
  }

  // Calls `visit` with each element; it may erase elements, and not insert any.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(static_cast<int>(i * kBitsPerWord) + absl::countr_zero(word));
      }
    }
  }
  template <typename Visit>
  void ForEachInExitOrder(Visit visit) const {
    for (size_t i = words_.size(); i-- > 0;) {
      for (uint64_t word = words_[i]; word != 0;) {
        const int bit = kBitsPerWord - 1 - absl::countl_zero(word);
        word &= ~(uint64_t{1} << bit);
        visit(static_cast<int>(i * kBitsPerWord) + bit);
      }
    }
  }

  // Bit i of word i / 64: the state with index i is in the set.
  absl::Span<const uint64_t> words() const { return words_; }

 private:
  static constexpr int kBitsPerWord = 64;
  static size_t Word(int state) { return static_cast<size_t>(state) / kBitsPerWord; }
  static uint64_t Bit(int state) {
    return uint64_t{1} << (static_cast<size_t>(state) % kBitsPerWord);
  }

  absl::InlinedVector<uint64_t, 2> words_;
};

}  // namespace swoosh

#endif  // SWOOSH_CORE_STATECHART_STATE_SET_H_
