#include "core/expression_pattern.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace swoosh::expression_internal {
namespace {

// RE2's budget for a program and its automaton; a program within kPatternWeightMax fits.
constexpr int64_t kPatternMemoryBytesMax = 1024 * 1024;

constexpr int64_t kCharacterWeight = 1;
constexpr int64_t kDotWeight = 10;  // the ranges of UTF-8
constexpr int64_t kClassWeight = 10;
constexpr int64_t kClassByteWeight = 3;
constexpr int64_t kUnicodeClassWeight = 1'200;  // the largest, as \pL, have so many ranges of bytes

int64_t Bounded(int64_t weight) { return std::min(weight, kPatternWeightMax + 1); }

bool AreDigits(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos;
}

// Adds up weights, group by group. Where the text is no pattern the sum means nothing.
class Weigher {
 public:
  explicit Weigher(absl::string_view text) : rest_(text) {}

  int64_t Weigh() {
    while (!rest_.empty()) WeighNext(Take());
    while (!outer_sums_.empty()) CloseGroup();
    return sum_;
  }

 private:
  char Take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  void WeighNext(char c) {
    switch (c) {
      case '(':
        if (SkipFlags()) return;
        outer_sums_.push_back(sum_);
        sum_ = 0;
        atom_ = 0;
        return;
      case ')':
        CloseGroup();
        return;
      case '[':
        AddAtom(WeighClass());
        return;
      case '\\':
        AddAtom(WeighEscape());
        return;
      case '{':
        Repeat();
        return;
      case '.':
        AddAtom(kDotWeight);
        return;
      case '+':
      case '*':
      case '?':
        sum_ = Bounded(sum_ + kCharacterWeight);
        atom_ = Bounded(atom_ + kCharacterWeight);
        return;
      default:
        AddAtom(kCharacterWeight);
    }
  }

  // (?i) is no group: what follows it may still repeat the atom before it.
  bool SkipFlags() {
    const size_t end = rest_.find_first_not_of("imsU-", 1);
    if (!absl::StartsWith(rest_, "?") || end == absl::string_view::npos || rest_[end] != ')') {
      return false;
    }
    rest_.remove_prefix(end + 1);
    return true;
  }

  // An atom is what a repetition after it repeats.
  void AddAtom(int64_t weight) {
    atom_ = Bounded(weight);
    sum_ = Bounded(sum_ + atom_);
  }

  void CloseGroup() {
    if (outer_sums_.empty()) return;
    const int64_t inner = sum_;
    sum_ = outer_sums_.back();
    outer_sums_.pop_back();
    AddAtom(inner + 2 * kCharacterWeight);  // where a capture begins and ends
  }

  int64_t WeighClass() {
    int64_t weight = kClassWeight;
    bool may_close = false;  // not right after [ or [^
    while (!rest_.empty()) {
      const char c = Take();
      if (c == ']' && may_close) break;
      may_close = may_close || c != '^';
      if (c == '[' && absl::StartsWith(rest_, ":")) SkipPast(":]");
      weight += kClassByteWeight + (c == '\\' ? WeighEscape() : 0);
    }
    return weight;
  }

  // After a backslash.
  int64_t WeighEscape() {
    if (rest_.empty()) return kCharacterWeight;
    switch (Take()) {
      case 'p':
      case 'P':
        if (absl::StartsWith(rest_, "{")) {
          SkipPast("}");
        } else if (!rest_.empty()) {
          Take();
        }
        return kUnicodeClassWeight;
      case 'x':
        if (absl::StartsWith(rest_, "{")) SkipPast("}");
        return kCharacterWeight;
      case 'Q': {
        const size_t before = rest_.size();
        SkipPast("\\E");
        return kCharacterWeight * static_cast<int64_t>(before - rest_.size());
      }
      default:
        return kClassWeight;  // a class as \d or \S, at worst
    }
  }

  // To the end where there is no `mark`.
  void SkipPast(absl::string_view mark) {
    const size_t at = rest_.find(mark);
    rest_.remove_prefix(at == absl::string_view::npos ? rest_.size() : at + mark.size());
  }

  // After a brace: {n}, {n,} or {n,m} repeats the atom before it up to n + 1 or m times; all else
  // is plain text.
  void Repeat() {
    const absl::string_view counts = rest_.substr(0, rest_.find('}'));
    const size_t comma = counts.find(',');
    absl::string_view last = counts.substr(0, comma);
    const bool has_least = AreDigits(last);
    if (comma != absl::string_view::npos && comma + 1 < counts.size()) {
      last = counts.substr(comma + 1);
    }
    int64_t count = 0;
    if (counts.size() == rest_.size() || !has_least || !AreDigits(last)) {
      AddAtom(kCharacterWeight);
      return;
    }
    if (std::from_chars(last.data(), last.data() + last.size(), count).ec != std::errc()) {
      count = kPatternWeightMax;
    }
    rest_.remove_prefix(counts.size() + 1);
    AddAtom((atom_ + kCharacterWeight) * (std::min(count, kPatternWeightMax) + 1));
  }

  absl::string_view rest_;
  std::vector<int64_t> outer_sums_;  // of the groups that are open
  int64_t sum_ = 0;                  // of this group so far
  int64_t atom_ = 0;                 // the part of it that a repetition would repeat
};

}  // namespace

int64_t PatternWeight(absl::string_view pattern) { return Weigher(pattern).Weigh(); }

std::unique_ptr<const Pattern> Pattern::Compile(absl::string_view text, std::string* failure,
                                                std::string* library_says) {
  if (text.size() > kPatternBytesMax) {
    *failure = absl::StrCat("the pattern is longer than ", kPatternBytesMax, " bytes");
    return nullptr;
  }
  const int64_t weight = PatternWeight(text);
  if (weight > kPatternWeightMax) {
    *failure =
        absl::StrCat("the pattern is too large: its repetitions and classes weigh more than ",
                     kPatternWeightMax);
    return nullptr;
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryBytesMax);
  std::unique_ptr<const Pattern> pattern(new Pattern(text, options, weight));
  if (!pattern->compiled_.ok()) {
    *failure = "the pattern is not RE2's";
    if (library_says != nullptr) *library_says = pattern->compiled_.error();
    return nullptr;
  }
  return pattern;
}

bool Pattern::MatchesPartOf(absl::string_view utf8) const {
  return RE2::PartialMatch(re2::StringPiece(utf8.data(), utf8.size()), compiled_);
}

}  // namespace swoosh::expression_internal
