#ifndef SWOOSH_TESTS_BENCH_LOAD_CLIENT_H_
#define SWOOSH_TESTS_BENCH_LOAD_CLIENT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/load_plan.h"

namespace swoosh {

// What is sent, and where to.
struct Load {
  std::string target;  // HOST:PORT
  std::string method;  // "/package.Service/Method"
  // Serialised, sent in turn, over and over. At least one.
  std::vector<std::string> requests;
  // Each a connection of its own. Calls are spread evenly over them.
  size_t connections = 1;
  // Messages of all connections that wait for an answer; a multiple of `connections` for streams.
  size_t in_flight = 1;
  // One stream a connection, a message a write, answered in the order sent; else a call a message.
  bool stream = false;
  ReplyCheck check;
  // As LoadPlan has them; the time begins when all connections are made.
  absl::Duration warm_up = absl::ZeroDuration();
  absl::Duration duration = absl::Seconds(1);
  double rate = 0;
};

// Connects, sends the load from one thread with a completion queue (gRPC's callbacks took as much
// processor time a call, or more), and returns when all is answered or broken. The same
// machinery for every server: it knows no message. After the first failure nothing more is sent.
// Returns a line of JSON (LoadTally::ToJson).
//   kUnavailable: a connection could not be made. kDeadlineExceeded: some of what was sent was not
//   answered for long. What fails otherwise is counted in the line.
absl::StatusOr<std::string> RunLoad(const Load& load);

}  // namespace swoosh

#endif  // SWOOSH_TESTS_BENCH_LOAD_CLIENT_H_
