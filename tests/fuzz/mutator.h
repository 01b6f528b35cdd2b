#ifndef SWOOSH_TESTS_FUZZ_MUTATOR_H_
#define SWOOSH_TESTS_FUZZ_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace swoosh {

// Changes inputs at random, for tests that have no coverage to be guided by. The same seed gives
// the same inputs everywhere. Not thread-safe.
class Mutator {
 public:
  static constexpr size_t kInputBytesMax = 8'192;
  static constexpr size_t kChangesMax = 8;  // in an input

  // `corpus` has one input or more, and outlives this.
  Mutator(const std::vector<std::string>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

  // One input of the corpus with 1 to kChangesMax changes, often one; at most kInputBytesMax bytes.
  std::string Next();

 private:
  // A number below `end`, which is positive.
  size_t Below(size_t end) { return static_cast<size_t>(random_() % end); }
  // A part of any input, of at most kPartBytesMax bytes.
  std::string PartOfCorpus();
  // Puts a word of any input in the place of a word: what a reader takes apart stays a text of the
  // same shape.
  void ReplaceWord(std::string* input);
  void Change(std::string* input);

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

}  // namespace swoosh

#endif  // SWOOSH_TESTS_FUZZ_MUTATOR_H_
