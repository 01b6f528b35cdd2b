#ifndef SWOOSH_CLI_SUBMIT_REPORT_H_
#define SWOOSH_CLI_SUBMIT_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "cli/submit_checkpoint.h"
#include "cli/text_table.h"

// How a run of `submit` stands, as text. Thread-safe.
namespace swoosh {

struct SubmitRun {
  SubmitCheckpoint checkpoint;   // as of the newest answer
  uint64_t answered_before = 0;  // of its totals, counted by earlier runs
  uint64_t bytes_total = 0;      // of the file; 0 = not known
  absl::Duration elapsed;        // of this run
};

// One line without line break, at most `columns` wide: a bar where the file's size is known, what
// was answered, the rate, and the time left.
std::string ProgressLine(const SubmitRun& run, int columns);

// The summary for people, and as one line of JSON: lines, answered, answeredBefore, accepted,
// duplicates, validated, refused (a count by code and reason), lastIndex, seconds.
std::string SummaryText(const SubmitRun& run, const Palette& palette);
std::string SummaryJson(const SubmitRun& run);

// "1234567" as "1,234,567".
std::string GroupedDigits(uint64_t number);

}  // namespace swoosh

#endif  // SWOOSH_CLI_SUBMIT_REPORT_H_
