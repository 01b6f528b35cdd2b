#ifndef SWOOSH_CORE_EXPRESSION_PATTERN_H_
#define SWOOSH_CORE_EXPRESSION_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "re2/re2.h"

// Regular expressions of the expression language: RE2's, with bounds that do not depend on RE2's
// release, since replay must accept and refuse as the server once did.
namespace swoosh::expression_internal {

inline constexpr size_t kPatternBytesMax = 512;
inline constexpr int64_t kPatternWeightMax = 2'000;

// An upper estimate of the instructions that a pattern compiles to, from its text alone: about one
// a character, more for a class, multiplied by counted repetitions. Any bytes are taken. At most
// kPatternWeightMax + 1.
int64_t PatternWeight(absl::string_view pattern);

class Pattern {
 public:
  // nullptr, with `failure` set, when `text` is no pattern in RE2's syntax, is longer than
  // kPatternBytesMax or heavier than kPatternWeightMax. What `failure` says is the same with every
  // release of RE2, since a fault keeps it in the state. RE2's own words are added to
  // `library_says`, if that is not nullptr; they may hold any bytes of `text`.
  static std::unique_ptr<const Pattern> Compile(absl::string_view text, std::string* failure,
                                                std::string* library_says = nullptr);

  // Whether a part of `utf8` matches. Takes time of the order of its size times weight().
  // Thread-safe.
  bool MatchesPartOf(absl::string_view utf8) const;

  int64_t weight() const { return weight_; }

 private:
  Pattern(absl::string_view text, const RE2::Options& options, int64_t weight)
      : compiled_(re2::StringPiece(text.data(), text.size()), options), weight_(weight) {}

  RE2 compiled_;
  int64_t weight_;
};

}  // namespace swoosh::expression_internal

#endif  // SWOOSH_CORE_EXPRESSION_PATTERN_H_
