#ifndef SWOOSH_CLI_CONVERSION_REFUSALS_H_
#define SWOOSH_CLI_CONVERSION_REFUSALS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/document.h"

namespace swoosh {

// More than these are counted, not told.
inline constexpr size_t kRefusalsToldMax = 20;

// What an import can't express, collected so that a user sees all of it at once. Not thread-safe.
class Refusals {
 public:
  // `path` is what the file is called in messages.
  explicit Refusals(absl::string_view path) : path_(path) {}

  // `where` names the element, as in "states.a.invoke"; "" = the document.
  void Add(const Position& position, absl::string_view where, absl::string_view why);

  // The same of what a reader found, "LINE:COLUMN: WHERE: WHY"; `position` is where it is sorted
  // in.
  void AddLocated(const Position& position, absl::string_view message);

  bool empty() const { return refusals_.empty(); }

  // OK when there are none; else kInvalidArgument with a line "PATH:LINE:COLUMN: WHERE: WHY" each,
  // in the order of the text.
  absl::Status ToStatus() const;

 private:
  struct Refusal {
    Position position;
    std::string text;
  };
  const std::string path_;
  std::vector<Refusal> refusals_;
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_CONVERSION_REFUSALS_H_
