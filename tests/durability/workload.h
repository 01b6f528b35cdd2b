#ifndef SWOOSH_TESTS_DURABILITY_WORKLOAD_H_
#define SWOOSH_TESTS_DURABILITY_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "core/state.h"
#include "server/store_server_for_test.h"
#include "swoosh/v1/orchestrator.pb.h"
#include "tests/durability/written_history.h"

namespace swoosh {

// A proposal in twenty is refused; never more than these one after the other.
inline constexpr int kRefusedInARowMax = 11;

// What clients send a server, made from a seed: a machine, instances of it, events with data of
// different sizes, and now and then what is refused. For one thread.
class Workload {
 public:
  struct Outcome {
    int sent = 0;
    int acknowledged = 0;
  };

  // An event's data are at most about `data_bytes_max` long.
  explicit Workload(uint64_t seed, uint64_t data_bytes_max = 4'000)
      : random_(seed), data_bytes_max_(data_bytes_max) {}

  // Sends so many at once, waits for the answers, and tells `history` of each as it comes.
  Outcome Send(StoreServer* server, int count, WrittenHistory* history);

  // A random number below `bound`.
  uint64_t Below(uint64_t bound) { return random_() % bound; }

 private:
  v1::SubmitRequest Next(const State& state);

  std::mt19937_64 random_;
  const uint64_t data_bytes_max_;
  uint64_t requests_ = 0;
};

// Options of a server whose log, tables and snapshots change often, and which tells `history` what
// it writes.
StoreServer::Options BusyStoreOptions(WrittenHistory* history);

}  // namespace swoosh

#endif  // SWOOSH_TESTS_DURABILITY_WORKLOAD_H_
