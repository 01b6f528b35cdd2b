#ifndef SWOOSH_CLI_LOAD_GENERATOR_H_
#define SWOOSH_CLI_LOAD_GENERATOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/latency_histogram.h"

namespace swoosh {

struct LoadOptions {
  std::string ns;
  size_t clients = 1;    // each with a connection of its own
  size_t in_flight = 1;  // proposals without an answer, of one client
  double rate = 0;       // proposals a second of all clients; 0: as fast as they are answered
  absl::Duration duration = absl::Seconds(10);
  size_t payload_bytes = 100;  // of each event's data
  size_t transitions = 1;      // a proposal
  size_t instances = 1'000;    // that the events go to
  bool stream = false;         // SubmitStream instead of Submit
};

struct LoadReport {
  uint64_t accepted = 0;
  uint64_t refused = 0;        // the server said no
  uint64_t unanswered = 0;     // nobody knows
  absl::Status first_failure;  // of those
  absl::Duration elapsed;      // from the first proposal to the last answer
  // Of what was accepted: from when it was due to be sent, so that a server that stalls is not
  // spared what it kept from being sent ("coordinated omission"); without a rate, from when it was
  // sent.
  LatencyHistogram latency;
};

// Sends events to instances of a machine that only counts them, and measures the answers.
class LoadGenerator {
 public:
  using Connect = std::function<std::unique_ptr<Client>()>;

  // `connect` is called for each client and once more.
  LoadGenerator(const LoadOptions& options, Connect connect);

  // Registers the machine and creates the instances, named by a random prefix. Before Run.
  absl::Status Prepare();
  // Takes options.duration and the time of the last answers. An error: no client could be reached.
  absl::StatusOr<LoadReport> Run();
  // Deletes the instances. The machine stays: machines can't be deleted.
  absl::Status CleanUp();

 private:
  using FillTransition =
      absl::FunctionRef<void(const std::string& instance_id, v1::Transition* transition)>;
  // A transition for each instance, many a proposal.
  absl::Status SubmitToEach(FillTransition fill);

  const LoadOptions options_;
  const Connect connect_;
  const std::unique_ptr<Client> client_;
  std::vector<std::string> ids_;  // of the instances
};

}  // namespace swoosh

#endif  // SWOOSH_CLI_LOAD_GENERATOR_H_
