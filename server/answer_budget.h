#ifndef SWOOSH_SERVER_ANSWER_BUDGET_H_
#define SWOOSH_SERVER_ANSWER_BUDGET_H_

#include <atomic>
#include <cstddef>

namespace swoosh {

// What all unary calls together may have answered without their clients having taken it: clients
// that ask and don't read hold no more memory. Half of it is for answers that are small, so that
// large ones don't stand in their way.
inline constexpr size_t kAnswersBytesMax = 256 * 1'024 * 1'024;
inline constexpr size_t kSmallAnswerBytesMax = 64 * 1'024;

// Thread-safe.
class AnswerBudget {
 public:
  // False, and nothing is taken, when an answer of so many bytes is too much now.
  bool TryTake(size_t bytes) {
    const size_t max = bytes <= kSmallAnswerBytesMax ? kAnswersBytesMax : kAnswersBytesMax / 2;
    if (taken_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= max) return true;
    Give(bytes);
    return false;
  }
  // For an answer that can't be withheld: its proposal is in the log. See exhausted().
  void Take(size_t bytes) { taken_.fetch_add(bytes, std::memory_order_relaxed); }
  void Give(size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  // Whether no proposal should be taken, whose answer would have to be given.
  bool exhausted() const { return taken_.load(std::memory_order_relaxed) >= kAnswersBytesMax; }

 private:
  std::atomic<size_t> taken_{0};
};

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ANSWER_BUDGET_H_
