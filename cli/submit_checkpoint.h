#ifndef SWOOSH_CLI_SUBMIT_CHECKPOINT_H_
#define SWOOSH_CLI_SUBMIT_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/submit_input.h"
#include "swoosh/v1/orchestrator.pb.h"

namespace swoosh {

// What came of the requests of a file, each counted once.
struct SubmitTotals {
  uint64_t accepted = 0;                    // duplicates and validations not among them
  uint64_t duplicates = 0;                  // had been accepted before
  uint64_t validated = 0;                   // validate_only, and would be accepted
  std::map<std::string, uint64_t> refused;  // by code and reason
  uint64_t last_index = 0;                  // the highest index of an answer

  uint64_t refused_total() const;
  uint64_t answered() const { return accepted + duplicates + validated + refused_total(); }

  // Counts the answer to `request`.
  void Add(const v1::SubmitRequest& request, const v1::SubmitResponse& response);
};

// Where a run of `submit` stands, so that another goes on there.
struct SubmitCheckpoint {
  SubmitPlace place;             // every request before it was answered
  SubmitTotals totals;           // up to there
  std::string history_id;        // of the server; "" = not known
  uint64_t responses_bytes = 0;  // of the file of responses, up to there
};

// A checkpoint as a JSON text, and back. kInvalidArgument: it is none, or of a later format.
std::string EncodeCheckpoint(const SubmitCheckpoint& checkpoint);
absl::StatusOr<SubmitCheckpoint> DecodeCheckpoint(absl::string_view text);

}  // namespace swoosh

#endif  // SWOOSH_CLI_SUBMIT_CHECKPOINT_H_
