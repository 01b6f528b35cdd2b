#ifndef SWOOSH_CLI_STEP_TEXT_H_
#define SWOOSH_CLI_STEP_TEXT_H_

#include <string>

#include "cli/text_table.h"
#include "swoosh/v1/instance.pb.h"
#include "swoosh/v1/record.pb.h"

namespace swoosh {

// What a proposal did to an instance, for people: "SUBJECT  before → after", then a line each for
// the edges taken, what was emitted, how it ended or why it is FAULTED, what is enabled next, and
// which timers wait. `before` is "" for an instance that is new, "?" when it is not known. `after`,
// with VIEW_FULL, may lack what its server did not send. Thread-safe.
std::string StepText(const std::string& subject, const std::string& before,
                     const v1::Change& change, const v1::Instance& after, const Palette& palette);

// Where a change left its instance: "shipping", "delivered (DONE)", "deleted",
// "charging (FAULTED: ...)".
std::string ChangeSummary(const v1::Change& change);

}  // namespace swoosh

#endif  // SWOOSH_CLI_STEP_TEXT_H_
