#ifndef SWOOSH_SERVER_ANSWER_H_
#define SWOOSH_SERVER_ANSWER_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "core/reducer.h"
#include "core/state.h"
#include "google/protobuf/repeated_field.h"
#include "server/change_feed.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// The results of an accepted proposal: for each transition the instance as it left it, the machine
// without `root`, or nothing for a deletion. `state` has the machines, but for those that
// `outcomes` has; `view` is as in SubmitRequest, unspecified being BASIC.
void FillResults(const State& state, absl::string_view ns,
                 const std::vector<TransitionOutcome>& outcomes, v1::View view,
                 google::protobuf::RepeatedPtrField<v1::TransitionResult>* results);

// The answer to a proposal, made again from its record, without further reads: `duplicate` is set,
// and instances are as the whole record left them. `now` is a committed state that has the record.
// What neither the record nor `now` tells is left out: a context that the record did not change, an
// `allow_existing` instance that changed since, `output` of one that was deleted. Of a machine
// whose definition was registered, replaced and registered again, the newest version stands.
v1::SubmitResponse AnswerAgain(const State& now, const CommittedRecord& record, v1::View view);

}  // namespace swoosh

#endif  // SWOOSH_SERVER_ANSWER_H_
